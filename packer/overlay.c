/* The names of an overlay, in a tree for looking up. */
#include "overlay.h"

#include <errno.h>
#include <search.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "glob.h"
#include "source.h"

struct laid {
	bool is_directory;
	bool is_there; /* a directory that what lies below has, too */
	char path[];
};

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct laid *)a)->path, ((const struct laid *)b)->path);
}

/* An entry with the first n bytes of path; owned. */
static struct laid *entry_new(const char *path, size_t n)
{
	struct laid *e = calloc(1, sizeof(*e) + n + 1);

	if (e)
		memcpy(e->path, path, n);
	return e;
}

static struct laid *find(const struct overlay *o, const char *path, size_t n)
{
	struct laid *wanted = entry_new(path, n), **found;

	found = wanted ? tfind(wanted, &o->entries, compare) : NULL;
	free(wanted);
	return found ? *found : NULL;
}

static size_t path_length(const char *path)
{
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	return n;
}

static int add_names(struct overlay *o, struct source *s, struct fail *f)
{
	struct source_member m;
	struct laid *e, **found;
	int r;

	while ((r = source_next(s, &m, f)) > 0) {
		e = entry_new(m.m.path, strlen(m.m.path));
		found = e ? tsearch(e, &o->entries, compare) : NULL;
		if (!found) {
			free(e);
			return fail_errno(f, ENOMEM, o->path, "cannot read it");
		}
		e->is_directory = m.m.type == MEMBER_DIRECTORY;
	}
	return r;
}

int overlay_open(const char *path, struct overlay *ret, struct fail *f)
{
	struct source *s;
	struct stat st;
	int r;

	*ret = (struct overlay){ .path = path };
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
	while (o->entries) {
		struct laid *e = *(struct laid **)o->entries;

		tdelete(e, &o->entries, compare);
		free(e);
	}
}

bool overlay_replaces(struct overlay *o, const struct member *m)
{
	const char *path = path_in_root(m->path);
	size_t n = path_length(path);
	struct laid *e;

	for (size_t i = 1; i < n; i++)
		if (path[i] == '/' && (e = find(o, path, i)) && !e->is_directory)
			return true;
	e = n > 0 ? find(o, path, n) : NULL;
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
	const struct laid *e = find(o, m->path, n);

	return strcmp(m->path, ".") != 0 && !(e && e->is_directory && e->is_there);
}
