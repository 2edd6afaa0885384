#include "root/decide_warn.h"

#include <endian.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "root/disk_needs.h"
#include "root/root_warnings.h"

/* Would a file in this directory be left out? */
static bool is_emptied(struct decisions *d, const char *directory)
{
	char path[2 * PATH_MAX + 2];

	snprintf(path, sizeof(path), "%s/x", directory);
	return decide_leaves_out(d, path, false);
}

static void warn_of_mount(struct decisions *d, const struct root_name *n, const char *path)
{
	if (!decide_is_of_overlay(d, n) && is_emptied(d, path))
		return;
	root_warn_of_mount(path, decide_layer_name(d, n), true);
}

/* Of what will surprise at boot, and no rule changes. */
static void warn_of_boot(const struct decisions *d)
{
	struct rootfs_files packed;

	if (d->explain)
		return;
	rootfs_files(d->fs, &packed);
	network_check_warn(&d->network, &packed.files);
	disk_needs_warn(&(struct disk_needs){ d->fs, &d->rules, &d->mapped, d->root_layers });
}

static uid_t owner_of_usr(const struct decisions *d)
{
	struct root_name *n;

	return root_tree_find_packed(d->fs->tree, "usr", true, &n) == 0
		       ? rootfs_inode(d->fs, n)->uid
		       : 0;
}

/* Of the user who is root in the namespace that a file's capabilities are for; 0: they are for all. Revision 3 of
 * linux/capability.h has it behind two sets of 64 bits. */
static uint32_t capability_owner(const struct inode *i)
{
	size_t cursor = 0, size;
	const char *name;
	const void *value;
	uint32_t words[6];

	while (xattrs_next(&i->xattrs, &cursor, &name, &value, &size))
		if (strcmp(name, "security.capability") == 0 && size == sizeof(words)) {
			memcpy(words, value, sizeof(words));
			return le32toh(words[5]);
		}
	return 0;
}

static void warn_of_capabilities(const struct decisions *d)
{
	struct root_name *top = root_tree_root(d->fs->tree), *first = NULL;
	char path[2 * PATH_MAX];
	size_t n = 0;

	for (struct root_name *at = top; at; at = root_tree_next(top, at)) {
		if (at->mark || capability_owner(rootfs_inode(d->fs, at)) == 0)
			continue;
		first = first ? first : at;
		n++;
	}
	if (!first)
		return;
	root_name_path(first, path);
	root_warn_of_capabilities(n, path, capability_owner(rootfs_inode(d->fs, first)));
}

void decide_warn(struct decisions *d)
{
	struct root_name *top = root_tree_root(d->fs->tree);
	const struct inode *i = rootfs_inode(d->fs, top);
	char path[2 * PATH_MAX];

	if (!i->is_implied)
		root_warn_of_directory(i->mode, i->uid, owner_of_usr(d));
	warn_of_capabilities(d);
	warn_of_boot(d);
	for (struct root_name *n = top; n; n = root_tree_next(top, n)) {
		if (!rootfs_inode(d->fs, n)->is_mount || n->mark)
			continue;
		root_name_path(n, path);
		warn_of_mount(d, n, path);
	}
}
