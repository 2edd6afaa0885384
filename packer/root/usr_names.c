/* Names as members. */
#include "root/usr_names.h"

#include <stdio.h>
#include <string.h>

#include "image/usr_root.h"

struct adding {
	struct rootfs *fs;
	struct usr_names *made;
	struct fail *f;
};

/* What is left out by a pattern stays out. */
static int add(void *arg, const struct usr_root_name *n)
{
	struct adding *a = arg;
	const struct member m = { .type = n->target ? MEMBER_SYMLINK : MEMBER_DIRECTORY,
				  .path = n->name,
				  .target = n->target,
				  .mode = n->target ? 0777 : n->mode };
	size_t used = strlen(a->made->text);
	struct root_name *there;

	if (a->made->n == USR_NAMES_MAX || root_tree_find(a->fs->tree, n->name, false, &there) == 0)
		return 0;
	a->made->names[a->made->n++] = n->name;
	snprintf(a->made->text + used, sizeof(a->made->text) - used, "%s/%s", used ? ", " : "",
		 n->name);
	return rootfs_add(a->fs, &m, a->f);
}

int usr_names_add(struct rootfs *fs, struct usr_names *ret, struct fail *f)
{
	struct adding a = { fs, ret, f };
	struct rootfs_files files;

	*ret = (struct usr_names){ 0 };
	rootfs_files(fs, &files);
	return usr_root_complete(&files.files, add, &a);
}
