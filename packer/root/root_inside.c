/* By what each root has: /etc and /usr. */
#include "root/root_inside.h"

#include <stdio.h>
#include <string.h>

#include "base/util.h"

struct search {
	const struct root_files *packed;
	struct root_inside *ret;
};

static bool has_directories(const struct root_files *packed, const char *above)
{
	static const char *const names[] = { "etc", "usr" };
	char path[NAME_MAX + 8];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s%s%s", above, *above ? "/" : "", names[i]);
		if (!root_files_has_directory(packed, path))
			return false;
	}
	return true;
}

static bool is_disk(const char *name)
{
	static const char *const suffixes[] = { ".vmdk", ".qcow2", ".vdi", ".vhdx",    ".vhd",
						".img",  ".raw",   ".sfs", ".squashfs" };

	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		if (ends_with(name, suffixes[i]))
			return true;
	return false;
}

/* Names come in no order: the first of several by bytes. */
static int look_at(void *search, const char *name, bool is_directory)
{
	struct search *s = search;
	struct root_inside *ret = s->ret;

	if (is_directory ? !has_directories(s->packed, name) : ret->is_directory || !is_disk(name))
		return 0;
	if (*ret->name && ret->is_directory == is_directory && strcmp(ret->name, name) < 0)
		return 0;
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	ret->is_directory = is_directory;
	return 0;
}

bool root_inside_find(const struct root_files *packed, struct root_inside *ret)
{
	struct search s = { packed, ret };

	*ret = (struct root_inside){ 0 };
	if (root_files_has_directory(packed, "etc") || packed->list(packed, "", look_at, &s) < 0)
		return false;
	return *ret->name;
}
