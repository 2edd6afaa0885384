/* Named ACLs: kept, then looked up. */
#include "tar/aclnames.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/inroot.h"
#include "base/util.h"

#define TAG_USER 0x02
#define TAG_GROUP 0x08

int aclnames_add(struct xattrs *x, const char *xattr_name, const struct acl_named *entries,
		 size_t n)
{
	_cleanup_free_ char *value = NULL, *key = NULL;
	size_t size = 0, at = 0, length;

	for (size_t i = 0; i < n; i++)
		size += sizeof(entries[i].entry) + strlen(entries[i].name) + 1;
	value = malloc(size + 1);
	if (!value || asprintf(&key, ACL_NAMED "%s", xattr_name) < 0)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		length = strlen(entries[i].name) + 1;
		memcpy(value + at, &entries[i].entry, sizeof(entries[i].entry));
		memcpy(value + at + sizeof(entries[i].entry), entries[i].name, length);
		at += sizeof(entries[i].entry) + length;
	}
	return xattrs_add(x, key, value, size);
}

int aclnames_next(const void *value, size_t size, size_t *cursor, struct acl_named *ret)
{
	const char *at = (const char *)value + *cursor;

	if (*cursor >= size)
		return 0;
	memcpy(&ret->entry, at, sizeof(ret->entry));
	ret->name = at + sizeof(ret->entry);
	*cursor += sizeof(ret->entry) + strlen(ret->name) + 1;
	return 1;
}

const char *aclnames_meant(const char *name)
{
	size_t n = strlen(ACL_NAMED);

	return strncmp(name, ACL_NAMED, n) == 0 ? name + n : NULL;
}

/* "name:x:ID:…", the form that passwd and group share. */
static bool match_line(const char *line, const char *name, uint32_t *ret_id)
{
	size_t n = strlen(name);
	uint64_t id = 0;
	const char *p;

	if (strncmp(line, name, n) != 0 || line[n] != ':' || strchr(name, ':'))
		return false;
	p = strchr(line + n + 1, ':');
	if (!p || p[1] == ':')
		return false;
	for (p++; *p >= '0' && *p <= '9' && id < UINT32_MAX; p++)
		id = id * 10 + (uint64_t)(*p - '0');
	*ret_id = (uint32_t)id;
	return *p == ':' && id < UINT32_MAX;
}

static int find_id(int root_fd, const char *path, const char *name, uint32_t *ret_id)
{
	_cleanup_close_ int fd = inroot_open_file(root_fd, path);
	FILE *file;
	char line[1024];
	int r = -ENOENT;

	if (fd < 0)
		return fd;
	file = fdopen(fd, "re");
	if (!file)
		return -errno;
	(void)take_fd(&fd);
	while (r < 0 && fgets(line, sizeof(line), file))
		if (match_line(line, name, ret_id))
			r = 0;
	if (r < 0 && ferror(file))
		r = -EIO;
	fclose(file);
	return r;
}

int aclnames_resolve(int root_fd, const char *xattr_name, const void *value, size_t size,
		     struct xattrs *x)
{
	_cleanup_free_ struct acl_entry *entries = NULL;
	size_t cursor = 0, n = 0;
	struct acl_named e;
	int r = 0;

	entries = calloc(size / sizeof(*entries) + 1, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	while (r == 0 && aclnames_next(value, size, &cursor, &e)) {
		if (*e.name && e.entry.id == ACL_UNDEFINED_ID && e.entry.tag == TAG_USER)
			r = find_id(root_fd, "/etc/passwd", e.name, &e.entry.id);
		else if (*e.name && e.entry.id == ACL_UNDEFINED_ID && e.entry.tag == TAG_GROUP)
			r = find_id(root_fd, "/etc/group", e.name, &e.entry.id);
		entries[n++] = e.entry;
	}
	return r < 0 ? r : xattrs_add_acl(x, xattr_name, entries, n);
}
