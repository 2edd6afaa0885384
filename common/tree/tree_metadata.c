/*
 * Order per inode: data, owner, mode (chown clears suid), xattrs (write and chown clear
 * security.capability), times last.
 */
#include "tree/tree_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>
#include <sys/xattr.h>

#include "base/path_fd.h"
#include "tar/aclnames.h"

/* Bytes of attributes that an inode may have on any file system: on ext4 with blocks of 1 KiB little more. */
#define XATTRS_SURE 900

/* More than all attributes of an inode take: what is free beyond is room for them. */
#define ROOM_BYTES (16 << 20)
#define ROOM_INODES 1024 /* what tmpfs counts attributes as, each a KiB */

void tree_count_loss(struct tree *t, uint64_t *count, char first[TREE_LOSS_MAX], const char *what)
{
	pthread_mutex_lock(&t->lock);
	if ((*count)++ == 0)
		snprintf(first, TREE_LOSS_MAX, "%s", what);
	pthread_mutex_unlock(&t->lock);
}

/* E2BIG: no file system of Linux has values of more than 64 KiB. */
bool tree_metadata_may_lose(struct tree *t, const char *name, int error)
{
	if ((error != ENOTSUP && error != EPERM && error != EACCES && error != E2BIG) ||
	    (strcmp(name, "security.capability") == 0 && t->keep_owner))
		return false;
	tree_count_loss(t, &t->losses.count, t->losses.first, name);
	return true;
}

/* Of fd or, when fd < 0, of the current directory. */
static bool has_room(int fd)
{
	struct statvfs fs;

	return (fd >= 0 ? fstatvfs(fd, &fs) : statvfs(".", &fs)) == 0 &&
	       (uint64_t)fs.f_bavail * fs.f_frsize > ROOM_BYTES &&
	       (fs.f_files == 0 || fs.f_favail > ROOM_INODES); /* btrfs counts no inodes */
}

/* 0 or -errno. ext4 takes 4 KiB of attributes for an inode, btrfs 16 KiB; more are too large for them, although they say that
 * there is no room. */
static int set_xattr(int fd, const char *name, const struct xattrs *all, const char *key,
		     const void *value, size_t size)
{
	int r = fd >= 0 ? fsetxattr(fd, key, value, size, 0) : lsetxattr(name, key, value, size, 0);

	r = r < 0 ? -errno : 0;
	return r == -ENOSPC && all->used > XATTRS_SURE && has_room(fd) ? -E2BIG : r;
}

int tree_metadata_apply_xattrs(struct tree *t, int fd, const char *name,
			       const struct xattrs *xattrs)
{
	size_t cursor = 0, size;
	const char *key;
	const void *value;
	int r;

	while (xattrs_next(xattrs, &cursor, &key, &value, &size)) {
		if (aclnames_meant(key))
			continue; /* see tree_acls.c */
		r = set_xattr(fd, name, xattrs, key, value, size);
		if (r < 0 && !tree_metadata_may_lose(t, key, -r))
			return r;
	}
	return 0;
}

/* ---- owner and mode ---- */

static bool is_owned(const struct stat *st, uid_t uid, gid_t gid)
{
	return st->st_uid == uid && st->st_gid == gid;
}

/* The mode of an inode whose owner stays as it came. As with GNU tar, no program that the archive means to run as one user
 * runs as another. */
static mode_t mode_without_owner(struct tree *t, const struct stat *have, mode_t mode, uid_t uid,
				 gid_t gid)
{
	mode_t set_id = S_ISLNK(have->st_mode) ? 0 : mode & (S_ISUID | S_ISGID);

	if (t->keep_owner || is_owned(have, uid, gid))
		return mode;
	pthread_mutex_lock(&t->lock);
	t->losses.owners++;
	t->losses.set_id += set_id != 0;
	pthread_mutex_unlock(&t->lock);
	return mode & ~set_id;
}

/* Most inodes are root's and were made with their mode: two system calls less for each of them. */
int tree_metadata_apply(struct tree *t, int fd, const struct stat *have,
			const struct metadata *meta)
{
	const struct timespec times[2] = { meta->mtime, meta->mtime };
	bool owned = !t->keep_owner || is_owned(have, meta->uid, meta->gid);
	mode_t mode = mode_without_owner(t, have, meta->mode, meta->uid, meta->gid);
	int r;

	if (!owned && fchown(fd, meta->uid, meta->gid) < 0)
		return -errno;
	if ((!owned || (have->st_mode & 07777) != mode) && fchmod(fd, mode) < 0)
		return -errno;
	r = tree_metadata_apply_xattrs(t, fd, NULL, &meta->xattrs);
	if (r < 0)
		return r;
	return futimens(fd, times) < 0 ? -errno : 0;
}

int tree_metadata_copy(const struct member *m, struct metadata *ret)
{
	ret->mode = m->mode;
	ret->uid = m->uid;
	ret->gid = m->gid;
	ret->mtime = m->mtime;
	return xattrs_copy(&m->xattrs, &ret->xattrs);
}

/* There is no lsetxattrat before Linux 6.13 and perhaps no /proc, so the thread goes to the directory;
 * nothing else relies on where it stands. */
static int apply_xattrs_by_name(struct tree *t, int parent_fd, const char *name,
				const struct xattrs *xattrs)
{
	if (xattrs->used == 0)
		return 0;
	if (fchdir(parent_fd) < 0)
		return -errno;
	return tree_metadata_apply_xattrs(t, -1, name, xattrs);
}

/* Owner and mode. Whoever the directory belongs to can put a link, or something else, under this name at any time: so both
 * go to one inode of the right type. chown takes away no bits but two, and chmod may be impossible (path_fd.h). */
static int apply_owner_and_mode(struct tree *t, int parent_fd, const char *name,
				const struct member *m)
{
	_cleanup_close_ int fd = openat(parent_fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
	enum member_type type;
	struct stat st;
	mode_t mode;
	bool owned;
	int r;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!member_type_of_mode(st.st_mode, &type) || type != m->type)
		return -ESTALE;
	owned = !t->keep_owner || is_owned(&st, m->uid, m->gid);
	mode = mode_without_owner(t, &st, m->mode, m->uid, m->gid);
	if (!owned && fchownat(fd, "", m->uid, m->gid, AT_EMPTY_PATH) < 0)
		return -errno;
	if (type == MEMBER_SYMLINK ||
	    ((st.st_mode & 07777) == mode && (owned || !(mode & (S_ISUID | S_ISGID)))))
		return 0;
	r = path_fd_chmod(fd, mode);
	/* In the chroot of the boot there is no /proc, and nobody who could put anything there. */
	return r == -EOPNOTSUPP && fchmodat(parent_fd, name, mode, 0) == 0 ? 0 : r;
}

int tree_metadata_apply_by_name(struct tree *t, int parent_fd, const char *name,
				const struct member *m)
{
	const struct timespec times[2] = { m->mtime, m->mtime };
	int r = apply_owner_and_mode(t, parent_fd, name, m);

	if (r < 0)
		return r;
	r = apply_xattrs_by_name(t, parent_fd, name, &m->xattrs);
	if (r < 0)
		return r;
	return utimensat(parent_fd, name, times, AT_SYMLINK_NOFOLLOW) < 0 ? -errno : 0;
}

/* What is not there, or not ours to remove, stays. */
int tree_metadata_clear_acls(int parent_fd, const char *name)
{
	_cleanup_close_ int fd = openat(parent_fd, name,
					O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return errno == EACCES ? 0 : -errno; /* an ordinary user's that may not be read */
	(void)fremovexattr(fd, ACL_XATTR_ACCESS);
	(void)fremovexattr(fd, ACL_XATTR_DEFAULT);
	return 0;
}

void tree_losses(struct tree *t, struct tree_losses *ret)
{
	pthread_mutex_lock(&t->lock);
	*ret = t->losses;
	pthread_mutex_unlock(&t->lock);
}
