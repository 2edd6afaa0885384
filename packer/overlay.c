/* The names of an overlay, in a map. */
#include "overlay.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "inroot.h"
#include "source.h"

/* What the overlay has under a path. */
struct laid {
	bool is_directory;
	bool is_whiteout; /* overlayfs: it deletes what lies below; mostly a character device 0:0 */
	bool is_opaque;   /* overlayfs: the directory hides all that lies below */
	bool is_there;    /* a directory that what lies below has, too, */
	bool by_link;     /* or a symbolic link in its place */
};

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

/* Only a mount knows where its redirected directories and the data of its metacopies are. */
static int check_member(const struct overlay *o, const struct member *m, struct fail *f)
{
	if (!find_attribute(m, "redirect") && !find_attribute(m, "metacopy"))
		return 0;
	return fail_set(
		f, ENOTSUP, o->path,
		"Mount that overlayfs, and copy what is to be laid over the root from there.",
		"%s in it was renamed or changed by an overlayfs, which keeps the rest "
		"elsewhere",
		path_in_root(m->path));
}

static int add_names(struct overlay *o, struct source *s, struct fail *f)
{
	struct source_member m;
	const char *opaque;
	struct laid *e;
	int r;

	while ((r = source_next(s, &m, f)) > 0) {
		r = check_member(o, &m.m, f);
		if (r < 0)
			return r;
		e = path_map_add(&o->entries, m.m.path, strlen(m.m.path));
		if (!e)
			return fail_errno(f, ENOMEM, o->path, "cannot read it");
		opaque = find_attribute(&m.m, "opaque");
		e->is_directory = m.m.type == MEMBER_DIRECTORY;
		e->is_whiteout = (m.m.type == MEMBER_CHAR && m.m.rdev == 0) ||
				 find_attribute(&m.m, "whiteout"); /* from Linux 6.7 on */
		e->is_opaque = opaque && *opaque == 'y' && !path_is_root(m.m.path);
	}
	return r;
}

int overlay_open(const char *path, struct overlay *ret, struct fail *f)
{
	struct source *s;
	struct stat st;
	int r;

	*ret = (struct overlay){ .path = path, .entries = { .value_size = sizeof(struct laid) } };
	if (stat(path, &st) < 0)
		return fail_errno(f, errno, path, "cannot find this overlay");
	if (!S_ISDIR(st.st_mode))
		return fail_set(f, ENOTDIR, path, "Give a directory.",
				"it is no directory, as an overlay must be");
	ret->uid = st.st_uid;
	ret->gid = st.st_gid;
	r = source_open(path, &s, f);
	if (r < 0)
		return r;
	r = add_names(ret, s, f);
	source_close(s);
	return r;
}

void overlay_close(struct overlay *o)
{
	path_map_clear(&o->entries, NULL, NULL);
}

static struct laid *lookup(const struct overlay *o, const char *path)
{
	size_t n = path_length(path);

	return n > 0 ? path_map_find(&o->entries, path, n) : NULL;
}

/* What becomes of all that lies below this path. */
static enum overlay_effect effect_below(const struct laid *e)
{
	if (e->is_whiteout || e->is_opaque)
		return OVERLAY_DELETES;
	return e->is_directory ? OVERLAY_LETS_BE : OVERLAY_REPLACES;
}

enum overlay_effect overlay_judge(const struct overlay *o, const struct member *m)
{
	const char *path = path_in_root(m->path);
	size_t n = path_length(path);
	enum overlay_effect effect;
	const struct laid *e;

	for (size_t i = 1; i < n; i++)
		if (path[i] == '/' && (e = path_map_find(&o->entries, path, i)) &&
		    (effect = effect_below(e)) != OVERLAY_LETS_BE)
			return effect;
	e = lookup(o, path);
	if (!e)
		return OVERLAY_LETS_BE;
	if (e->is_whiteout)
		return OVERLAY_DELETES;
	if (!e->is_directory || e->is_opaque ||
	    (m->type != MEMBER_DIRECTORY && m->type != MEMBER_SYMLINK))
		return OVERLAY_REPLACES;
	return OVERLAY_LETS_BE;
}

void overlay_note(struct overlay *o, const struct member *m)
{
	struct laid *e = lookup(o, path_in_root(m->path));

	if (!e || !e->is_directory)
		return;
	e->is_there = true;
	e->by_link = m->type == MEMBER_SYMLINK;
}

static bool leads_to_directory(int root_fd, const char *path)
{
	_cleanup_close_ int fd = inroot_open(root_fd, path, O_PATH | O_DIRECTORY);

	return fd >= 0;
}

bool overlay_adds(const struct overlay *o, const struct member *m, int root_fd)
{
	const char *path = path_in_root(m->path);
	const struct laid *e = lookup(o, path);

	if (path_is_root(path) || (e && e->is_whiteout))
		return false;
	if (!e || !e->is_directory || !e->is_there)
		return true;
	return e->by_link && root_fd >= 0 && !leads_to_directory(root_fd, path);
}

void overlay_disown(const struct overlay *o, struct member *m)
{
	if (m->uid == o->uid)
		m->uid = 0;
	if (m->gid == o->gid)
		m->gid = 0;
	for (size_t i = 0; i < ARRAY_SIZE(overlayfs_attributes); i++)
		xattrs_remove(&m->xattrs, overlayfs_attributes[i]);
}
