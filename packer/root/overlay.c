/* Each member as overlayfs means it. */
#include "root/overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/path.h"
#include "base/print.h"
#include "source/mount_id.h"
#include "tree/whiteout.h"

#define INITIAL_USER_NAMESPACE "user:[4026531837]" /* PROC_USER_INIT_INO of linux/proc_ns.h */

/* Documentation/filesystems/overlayfs.rst; user.* is for mounts with userxattr. */
static const char *const overlayfs_attributes[] = { "trusted.overlay.", "user.overlay." };

/* The attribute of overlayfs with this name, or NULL. */
static const char *find_attribute(const struct member *m, const char *wanted)
{
	const char *name, *prefix;
	const void *value;
	size_t cursor = 0, size;

	while (xattrs_next(&m->xattrs, &cursor, &name, &value, &size))
		for (size_t i = 0; i < ARRAY_SIZE(overlayfs_attributes); i++) {
			prefix = overlayfs_attributes[i];
			if (strncmp(name, prefix, strlen(prefix)) == 0 &&
			    strcmp(name + strlen(prefix), wanted) == 0)
				return size > 0 ? value : "";
		}
	return NULL;
}

/* trusted.* is shown to root, but not in a user namespace. */
static bool sees_trusted(void)
{
	char name[64];
	ssize_t n = readlink("/proc/self/ns/user", name, sizeof(name) - 1);

	name[n > 0 ? n : 0] = '\0';
	return geteuid() == 0 && (n <= 0 || strcmp(name, INITIAL_USER_NAMESPACE) == 0);
}

/* An unprivileged user cannot read trusted.* attributes, so a whiteout or an empty file of another user may be more than it seems.
 * overlayfs of this user keeps them in user.*, which can be read. */
static bool may_hide_attributes(const struct member *m)
{
	bool is_of_overlayfs = (m->type == MEMBER_CHAR && m->rdev == 0) || m->is_hole;

	return is_of_overlayfs && m->uid != geteuid() && !sees_trusted();
}

int overlay_check(const char *path, const struct member *m, struct fail *f)
{
	if (may_hide_attributes(m))
		return fail_set(f, EPERM, path, "Run it as root (sudo tarboot ...).",
				"%s in it may be an overlayfs whiteout or metacopy, whose "
				"attributes only root can see",
				path_in_root(m->path));
	if (!find_attribute(m, "redirect") && !find_attribute(m, "metacopy"))
		return 0;
	return fail_set(
		f, ENOTSUP, path, "Mount the overlayfs, and give a copy of the mounted directory.",
		"%s in it is an overlayfs redirect or metacopy, whose data is in another layer",
		path_in_root(m->path));
}

/* Linux 6.7 and later mark whiteouts with an attribute, too. */
bool overlay_is_whiteout(const struct member *m)
{
	return (m->type == MEMBER_CHAR && m->rdev == 0) || find_attribute(m, "whiteout");
}

bool overlay_is_opaque(const struct member *m)
{
	const char *opaque = find_attribute(m, "opaque");

	return opaque && *opaque == 'y';
}

void overlay_disown(struct member *m, uid_t uid, gid_t gid)
{
	if (m->uid == uid)
		m->uid = 0;
	if (m->gid == gid)
		m->gid = 0;
	for (size_t i = 0; i < ARRAY_SIZE(overlayfs_attributes); i++)
		xattrs_remove(&m->xattrs, overlayfs_attributes[i]);
}

/* Probably a mistake. */
static void warn_of_directory(const struct overlay *o, const struct rootfs *fs,
			      const struct member *m)
{
	struct root_name *n;

	if (m->type != MEMBER_DIRECTORY && root_tree_find(fs->tree, m->path, false, &n) == 0 &&
	    n->type == MEMBER_DIRECTORY && n->is.directory.first)
		print_warning("overlay %s replaces the directory /%s and everything in it with "
			      "something that is not a directory",
			      o->path, path_in_root(m->path));
}

static int look(void *overlay, struct rootfs *fs, struct member *m, struct fail *f)
{
	struct overlay *o = overlay;
	struct root_name *n;
	int r = overlay_check(o->path, m, f);

	if (r < 0 || path_is_root(path_in_root(m->path)))
		return r;
	o->is_deleting = true;
	r = whiteout_apply(fs->tree, path_in_root(m->path), f);
	if (r <= 0)
		return r;
	o->is_deleting = overlay_is_whiteout(m) || overlay_is_opaque(m);
	if (o->is_deleting && root_tree_find(fs->tree, m->path, false, &n) == 0)
		root_tree_remove(fs->tree, n, false);
	if (overlay_is_whiteout(m))
		return 0;
	if (!o->is_deleting)
		warn_of_directory(o, fs, m);
	o->is_deleting = false;
	overlay_disown(m, o->uid, o->gid);
	return 1;
}

static const char todo_directory[] =
	"Give a directory with the files that shall be laid over the root.";

/* A descriptor, or -errno. */
static int open_directory(const char *path, struct stat *ret, struct fail *f)
{
	_cleanup_close_ int fd = -1;

	if (stat(path, ret) < 0)
		return fail_set(f, errno, path, todo_directory, "cannot find this overlay: %s",
				strerror(errno));
	if (!S_ISDIR(ret->st_mode))
		return fail_set(f, ENOTDIR, path, "Give a directory.",
				"an overlay must be a directory, and this is not one");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(f, errno, path, "cannot open it");
	return source_directory_check(fd, path, f) < 0 ? -f->error : take_fd(&fd);
}

/* How many directories above the root is that one, in the same mount and (where btrfs has subvolumes) the same device, which is all that
 * would be read of it? 0: it is the root; -1: it is not above. */
static int steps_above(const struct stat *directory, const char *root)
{
	char path[PATH_MAX], *slash = path;
	int mount = -1;
	dev_t dev = 0;

	if (strcmp(root, "-") == 0 || !realpath(root, path))
		return -1;
	for (int steps = 0; slash; steps++) {
		_cleanup_close_ int fd = open(path, O_PATH | O_CLOEXEC);
		int is = mount_id_of(fd);
		struct stat st;

		if (fd < 0 || fstat(fd, &st) < 0 ||
		    (steps > 0 && (is != mount || st.st_dev != dev)))
			return -1;
		if (st.st_dev == directory->st_dev && st.st_ino == directory->st_ino)
			return steps;
		mount = is;
		dev = st.st_dev;
		slash = path[1] ? strrchr(path, '/') : NULL;
		if (slash)
			slash[slash == path] = '\0';
	}
	return -1;
}

int overlay_check_given(const char *path, const char *root, struct fail *f)
{
	struct stat st;
	_cleanup_close_ int fd = open_directory(path, &st, f);
	int steps = fd < 0 ? -1 : steps_above(&st, root);

	if (fd < 0)
		return fd;
	if (steps < 0)
		return 0;
	return fail_set(f, EINVAL, path, todo_directory,
			steps == 0 ? "it is the root that is packed"
				   : "the root that is packed is in it, and would be packed twice");
}

int overlay_add(struct overlay *ret, struct rootfs *fs, const char *path, struct fail *f)
{
	struct rootfs_fill how = { .how = ROOT_TREE_OVERLAY, .look = look, .arg = ret };
	struct source *s;
	struct stat st;
	int fd = open_directory(path, &st, f), r;

	*ret = (struct overlay){ .path = path };
	if (fd < 0)
		return fd;
	ret->uid = st.st_uid;
	ret->gid = st.st_gid;
	r = source_directory_open(fd, path, &s, f);
	return r == 0 ? rootfs_add_source(fs, s, &how, f) : r;
}
