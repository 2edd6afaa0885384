/*
 * Order per inode: data, owner, mode (chown clears suid), xattrs (write and chown clear
 * security.capability), times last.
 */
#include "tree_internal.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/xattr.h>

#include "aclnames.h"

bool tree_metadata_may_lose(struct tree *t, const char *name, int error)
{
	if ((error != ENOTSUP && error != EPERM && error != EACCES) ||
	    (strcmp(name, "security.capability") == 0 && t->keep_owner))
		return false;
	pthread_mutex_lock(&t->lock);
	if (t->losses.count++ == 0)
		snprintf(t->losses.first, sizeof(t->losses.first), "%s", name);
	pthread_mutex_unlock(&t->lock);
	return true;
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
			continue; /* see tree_end.c */
		r = fd >= 0 ? fsetxattr(fd, key, value, size, 0)
			    : lsetxattr(name, key, value, size, 0);
		if (r < 0 && !tree_metadata_may_lose(t, key, errno))
			return -errno;
	}
	return 0;
}

/* Most inodes are root's and were made with their mode: two system calls less for each of them. */
int tree_metadata_apply(struct tree *t, int fd, const struct stat *have,
			const struct metadata *meta)
{
	const struct timespec times[2] = { meta->mtime, meta->mtime };
	bool owned = !t->keep_owner || (have->st_uid == meta->uid && have->st_gid == meta->gid);
	int r;

	if (!owned && fchown(fd, meta->uid, meta->gid) < 0)
		return -errno;
	if ((!owned || (have->st_mode & 07777) != meta->mode) && fchmod(fd, meta->mode) < 0)
		return -errno;
	r = tree_metadata_apply_xattrs(t, fd, NULL, &meta->xattrs);
	if (r < 0)
		return r;
	return futimens(fd, times) < 0 ? -errno : 0;
}

int tree_metadata_copy(const struct member *m, struct metadata *ret)
{
	size_t cursor = 0, size;
	const char *name;
	const void *value;
	int r = 0;

	ret->mode = m->mode;
	ret->uid = m->uid;
	ret->gid = m->gid;
	ret->mtime = m->mtime;
	ret->xattrs.used = 0;
	while (r == 0 && xattrs_next(&m->xattrs, &cursor, &name, &value, &size))
		r = xattrs_add(&ret->xattrs, name, value, size);
	return r;
}

void tree_losses(struct tree *t, struct tree_losses *ret)
{
	pthread_mutex_lock(&t->lock);
	*ret = t->losses;
	pthread_mutex_unlock(&t->lock);
}
