#include "tree/whiteout.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "tree/tree_fail.h"

#define PREFIX WHITEOUT_PREFIX

/* Is a component of that length this one? */
static bool is(const char *component, size_t length, const char *name)
{
	return strlen(name) == length && memcmp(component, name, length) == 0;
}

/* Of a component that begins with PREFIX, what the rest of it says. */
static enum whiteout read_name(const char *name, size_t length)
{
	if (length >= strlen(PREFIX) && memcmp(name, PREFIX, strlen(PREFIX)) == 0)
		return WHITEOUT_NOTE;
	return length == 0 || is(name, length, ".") || is(name, length, "..") ? WHITEOUT_NAMELESS
									      : WHITEOUT_NAME;
}

enum whiteout whiteout_read(const char *path, const char **ret_at)
{
	size_t length = 0;

	for (; *path; path += length) {
		path += strspn(path, "/");
		length = strcspn(path, "/");
		if (length >= strlen(PREFIX) && memcmp(path, PREFIX, strlen(PREFIX)) == 0)
			break;
	}
	*ret_at = path;
	if (!*path)
		return WHITEOUT_NONE;
	if (path[length + strspn(path + length, "/")])
		return WHITEOUT_NOTE; /* more components follow */
	if (is(path, length, WHITEOUT_OPAQUE_NAME))
		return WHITEOUT_OPAQUE;
	return read_name(path + strlen(PREFIX), length - strlen(PREFIX));
}

int whiteout_fail(struct fail *f, const char *path)
{
	return fail_set(f, EBADMSG, path, "Build the layer again.",
			"it has a whiteout without a name");
}

bool whiteout_deleted(const char *path, const char *at, char ret[PATH_MAX])
{
	const char *name = at + strlen(PREFIX);
	size_t above = (size_t)(at - path), length = strcspn(name, "/");

	if (above + length >= PATH_MAX)
		return false;
	memcpy(ret, path, above);
	memcpy(ret + above, name, length);
	ret[above + length] = '\0';
	return true;
}

/* The name that goes, or the directory that is emptied. NULL: it is not there. */
static struct root_name *find(struct root_tree *t, const char *path, const char *at, bool is_opaque)
{
	char deleted[PATH_MAX];
	struct root_name *n;

	if (is_opaque ? at - path >= PATH_MAX : !whiteout_deleted(path, at, deleted))
		return NULL;
	if (is_opaque)
		snprintf(deleted, sizeof(deleted), "%.*s", (int)(at - path), path);
	return root_tree_find(t, deleted, is_opaque, &n) == 0 ? n : NULL;
}

int whiteout_apply(struct root_tree *t, const char *path, struct fail *f)
{
	const char *at;
	enum whiteout w = whiteout_read(path, &at);
	struct root_name *n = NULL;

	if (w == WHITEOUT_NONE)
		return 1;
	if (w == WHITEOUT_NAMELESS)
		return whiteout_fail(f, path);
	if (w != WHITEOUT_NOTE)
		n = find(t, path, at, w == WHITEOUT_OPAQUE);
	if (n && root_tree_is_too_deep(t, n, w == WHITEOUT_OPAQUE))
		return tree_fail_depth(f, path);
	if (n)
		root_tree_remove(t, n, w == WHITEOUT_OPAQUE);
	return 0;
}
