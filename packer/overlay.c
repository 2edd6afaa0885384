/* The names of an overlay, in a map. */
#include "overlay.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>

#include "source.h"

struct laid {
	bool is_directory;
	bool is_there; /* a directory that what lies below has, too */
};

static int add_names(struct overlay *o, struct source *s, struct fail *f)
{
	struct source_member m;
	struct laid *e;
	int r;

	while ((r = source_next(s, &m, f)) > 0) {
		e = path_map_add(&o->entries, m.m.path, strlen(m.m.path));
		if (!e)
			return fail_errno(f, ENOMEM, o->path, "cannot read it");
		e->is_directory = m.m.type == MEMBER_DIRECTORY;
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

bool overlay_replaces(struct overlay *o, const struct member *m)
{
	const char *path = path_in_root(m->path);
	size_t n = path_length(path);
	struct laid *e;

	for (size_t i = 1; i < n; i++)
		if (path[i] == '/' && (e = path_map_find(&o->entries, path, i)) && !e->is_directory)
			return true;
	e = n > 0 ? path_map_find(&o->entries, path, n) : NULL;
	if (!e)
		return false;
	if (!e->is_directory || (m->type != MEMBER_DIRECTORY && m->type != MEMBER_SYMLINK))
		return true;
	e->is_there = true;
	return false;
}

bool overlay_adds(const struct overlay *o, const struct member *m)
{
	size_t n = path_length(m->path);
	const struct laid *e = path_map_find(&o->entries, m->path, n);

	return strcmp(m->path, ".") != 0 && !(e && e->is_directory && e->is_there);
}
