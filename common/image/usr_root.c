/* Which names of the top are missing. */
#include "image/usr_root.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/util.h"

/* In this order: the ones for /lib64 may lead through /lib. */
static const struct link {
	const char *name;
	const char *targets[3]; /* the first that is there, and has the file */
	const char *file;       /* "" = any */
	bool needs_gap; /* only where one of the first three is missing: on arm64 Debian has no /lib64 */
} links[] = {
	{ "bin", { "usr/bin" }, "", false },
	{ "lib", { "usr/lib" }, "", false },
	{ "sbin", { "usr/sbin" }, "", false },
	{ "lib64", { "usr/lib64", "usr/lib" }, "ld-linux-x86-64.so.2", false },
	{ "lib64", { "usr/lib64", "usr/lib" }, "ld-linux-aarch64.so.1", true },
};

static const struct usr_root_name directories[] = {
	{ .name = "etc", .mode = 0755 },
	{ .name = "var", .mode = 0755 },
	{ .name = "root", .mode = 0750 },
};

/* A link that leads nowhere is a name, too. */
static bool has_name(const struct root_files *root, const char *path)
{
	char target[16];

	return root->read_link(root, path, target, sizeof(target)) == 0 ||
	       root_files_has(root, path);
}

static const char *find_target(const struct root_files *root, const struct link *l)
{
	char path[PATH_MAX];

	for (const char *const *target = l->targets; *target; target++) {
		snprintf(path, sizeof(path), "%s%s%s", *target, *l->file ? "/" : "", l->file);
		if (has_name(root, path))
			return *target;
	}
	return NULL;
}

int usr_root_complete(const struct root_files *root,
		      int (*make)(void *arg, const struct usr_root_name *n), void *arg)
{
	bool has_gap = false, made = false;
	int r = 0;

	for (const struct link *l = links; r == 0 && l < links + ARRAY_SIZE(links); l++) {
		struct usr_root_name n = { .name = l->name };

		if (has_name(root, l->name))
			continue;
		has_gap |= !*l->file;
		if (!l->needs_gap || has_gap)
			n.target = find_target(root, l);
		if (!n.target)
			continue;
		made = true;
		r = make(arg, &n);
	}
	for (size_t i = 0; r == 0 && made && i < ARRAY_SIZE(directories); i++)
		if (!has_name(root, directories[i].name))
			r = make(arg, &directories[i]);
	return r;
}
