/* An errno, with what it means for a tree. */
#include "tree/tree_fail.h"

#include <errno.h>
#include <string.h>

#include "tree/layer_names.h"

int tree_fail(struct fail *f, int error, const char *path, const char *doing)
{
	const char *todo = NULL;

	error = error < 0 ? -error : error;
	if (error == ENOSPC)
		todo = "The target has no room left (bytes or inodes): give it more, or pack less.";
	else if (error == EDQUOT)
		todo = "The quota of the target is used up.";
	else if (error == ELOOP || error == ENOTDIR)
		todo = "A link or file in the archive stands where a directory is needed: look at "
		       "the path in the root that was packed.";
	else if (error == ENAMETOOLONG)
		todo = "A name may have 255 bytes, a link or the path of a directory 4095: shorten "
		       "it in the root that was packed.";
	else if (error == ENOTEMPTY)
		todo = "A directory that is not empty has this name, earlier in the archive: look "
		       "at the path in the root that was packed.";
	else if (error == ESTALE)
		todo = "Another process moved or replaced what was just made: unpack into a "
		       "directory below one that only you can enter.";
	return fail_set(f, error, *path ? path : "the root directory", todo, "%s: %s", doing,
			strerror(error));
}

int tree_fail_leaves(struct fail *f, const struct member *m)
{
	return fail_set(f, EXDEV, m->path, "Do not trust this archive.",
			"its path leads out of the root by '..'");
}

int tree_fail_parent(struct fail *f, const struct member *m, int error)
{
	return error == E2BIG || error == -E2BIG
		       ? tree_fail_names(f, m->path)
		       : tree_fail(f, error, m->path, "cannot reach its directory");
}

int tree_fail_root(struct fail *f, const struct member *m)
{
	return fail_set(f, EISDIR, m->path, NULL, "only a directory can be the root");
}

int tree_fail_create(struct fail *f, const struct member *m, int error)
{
	error = error < 0 ? -error : error;
	if (m->type != MEMBER_HARDLINK && error == ELOOP)
		return tree_fail_depth(f, m->path);
	if (m->type != MEMBER_HARDLINK)
		return tree_fail(f, error, m->path, "cannot create it");
	return fail_set(f, error, m->path, "The archive is incomplete: pack the root again.",
			"cannot create the hard link to %s: %s", m->target, strerror(error));
}

int tree_fail_names(struct fail *f, const char *path)
{
	return fail_set(f, E2BIG, path,
			"Split the layer into several, or pack its files into the root.",
			"it is one name more than the %d that a layer can have", LAYER_NAMES_MAX);
}

int tree_fail_depth(struct fail *f, const char *path)
{
	return fail_set(f, ELOOP, path, "Delete it from the root that is packed.",
			"what it deletes has directories in more than %d levels", LAYER_DEPTH_MAX);
}
