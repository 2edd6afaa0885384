/* Directories between their changes. */
#include "tree/dirstate.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/xattr.h>
#include <unistd.h>

#include "base/path_fd.h"
#include "base/util.h"

/* A kernel or file system without ACLs has none to take. */
static int take_acl(struct dirstate *s, int fd)
{
	_cleanup_close_ int dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_free_ void *value = NULL;
	ssize_t size;
	int r;

	if (dir < 0)
		return -errno;
	size = fgetxattr(dir, ACL_XATTR_DEFAULT, NULL, 0);
	if (size <= 0)
		return size == 0 || errno == ENODATA || errno == ENOTSUP ? 0 : -errno;
	value = malloc((size_t)size);
	if (!value)
		return -ENOMEM;
	size = fgetxattr(dir, ACL_XATTR_DEFAULT, value, (size_t)size);
	if (size < 0)
		return -errno;
	r = xattrs_add(&s->acl, ACL_XATTR_DEFAULT, value, (size_t)size);
	if (r == 0 && fremovexattr(dir, ACL_XATTR_DEFAULT) < 0)
		r = -errno;
	return r;
}

static int give_acl(const struct dirstate *s, int fd)
{
	_cleanup_close_ int dir = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	size_t cursor = 0, size;
	const char *name;
	const void *value;

	if (dir < 0)
		return -errno;
	while (xattrs_next(&s->acl, &cursor, &name, &value, &size))
		if (fsetxattr(dir, name, value, size, 0) < 0)
			return -errno;
	return 0;
}

int dirstate_enter(struct dirstate *s, int fd, const struct dirstate_rules *rules)
{
	struct stat st;
	mode_t mode;
	int r = 0;

	if (s->entered)
		return 0;
	if (fstat(fd, &st) < 0)
		return -errno;
	*s = (struct dirstate){ .entered = true,
				.is_ours = rules->is_root || st.st_uid == geteuid(),
				.mode = st.st_mode & 07777,
				.mtime = st.st_mtim };
	if (!s->is_ours)
		return 0;
	mode = (s->mode & ~(mode_t)S_ISGID) | (rules->is_root ? 0 : S_IRWXU);
	s->mode_changed = mode != s->mode;
	if (s->mode_changed)
		r = path_fd_chmod(fd, mode);
	return r == 0 && rules->look_for_acls ? take_acl(s, fd) : r;
}

/* The mode comes last: it may forbid the rest. */
static int give_back(const struct dirstate *s, int fd)
{
	const struct timespec times[2] = { { .tv_nsec = UTIME_OMIT }, s->mtime };
	int r = s->acl.used ? give_acl(s, fd) : 0;

	if (r == 0 && utimensat(fd, ".", times, 0) < 0)
		r = -errno;
	return r == 0 && s->mode_changed ? path_fd_chmod(fd, s->mode) : r;
}

int dirstate_leave(struct dirstate *s, int fd)
{
	int r = s->entered && s->is_ours ? give_back(s, fd) : 0;

	dirstate_forget(s);
	return r == -ENOENT ? 0 : r; /* somebody removed it */
}

void dirstate_forget(struct dirstate *s)
{
	xattrs_free(&s->acl);
	s->entered = false;
}
