/* Extended attributes in memory, and the kernel's ACL format. */
#include "tar/xattrs.h"

#include <endian.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct xattr_record {
	uint32_t name_size; /* with NUL */
	uint32_t value_size;
};

#define ACL_VERSION 2
#define ACL_HEADER_SIZE 4
#define ACL_ENTRY_SIZE 8

int xattrs_reserve(struct xattrs *x, size_t size)
{
	unsigned char *data;

	if (size <= x->room)
		return 0;
	data = realloc(x->data, size);
	if (!data)
		return -ENOMEM;
	x->data = data;
	x->room = size;
	return 0;
}

int xattrs_add(struct xattrs *x, const char *name, const void *value, size_t size)
{
	struct xattr_record record = { (uint32_t)strlen(name) + 1, (uint32_t)size };
	size_t need = x->used + sizeof(record) + record.name_size + size;
	unsigned char *at;

	if (need > x->room && xattrs_reserve(x, need * 2) < 0)
		return -ENOMEM;
	at = x->data + x->used;
	memcpy(at, &record, sizeof(record));
	memcpy(at + sizeof(record), name, record.name_size);
	if (size)
		memcpy(at + sizeof(record) + record.name_size, value, size);
	x->used = need;
	return 0;
}

int xattrs_copy(const struct xattrs *from, struct xattrs *to)
{
	to->used = 0;
	if (xattrs_reserve(to, from->used) < 0)
		return -ENOMEM;
	if (from->used)
		memcpy(to->data, from->data, from->used);
	to->used = from->used;
	return 0;
}

int xattrs_next(const struct xattrs *x, size_t *cursor, const char **ret_name,
		const void **ret_value, size_t *ret_size)
{
	struct xattr_record record;
	const unsigned char *at;

	if (*cursor >= x->used)
		return 0;
	at = x->data + *cursor;
	memcpy(&record, at, sizeof(record));
	*ret_name = (const char *)at + sizeof(record);
	*ret_value = at + sizeof(record) + record.name_size;
	*ret_size = record.value_size;
	*cursor += sizeof(record) + record.name_size + record.value_size;
	return 1;
}

void xattrs_remove(struct xattrs *x, const char *prefix)
{
	size_t start = 0, end = 0, kept = 0, size;
	const char *name;
	const void *value;

	for (; xattrs_next(x, &end, &name, &value, &size); start = end)
		if (strncmp(name, prefix, strlen(prefix)) != 0) {
			memmove(x->data + kept, x->data + start, end - start);
			kept += end - start;
		}
	x->used = kept;
}

bool xattrs_has(const struct xattrs *x, const char *name)
{
	size_t cursor = 0, size;
	const void *value;
	const char *key;

	while (xattrs_next(x, &cursor, &key, &value, &size))
		if (strcmp(key, name) == 0)
			return true;
	return false;
}

void xattrs_free(struct xattrs *x)
{
	free(x->data);
	*x = (struct xattrs){ 0 };
}

static int compare_acl_entries(const void *a, const void *b)
{
	const struct acl_entry *x = a, *y = b;

	if (x->tag != y->tag)
		return x->tag < y->tag ? -1 : 1;
	return x->id == y->id ? 0 : x->id < y->id ? -1 : 1;
}

int xattrs_add_acl(struct xattrs *x, const char *name, struct acl_entry *entries, size_t n)
{
	size_t size = ACL_HEADER_SIZE + n * ACL_ENTRY_SIZE;
	uint32_t version = htole32(ACL_VERSION);
	unsigned char *value = malloc(size);
	int r;

	if (!value)
		return -ENOMEM;
	qsort(entries, n, sizeof(*entries), compare_acl_entries);
	memcpy(value, &version, sizeof(version));
	for (size_t i = 0; i < n; i++) {
		struct acl_entry e = { htole16(entries[i].tag), htole16(entries[i].perm),
				       htole32(entries[i].id) };

		memcpy(value + ACL_HEADER_SIZE + i * ACL_ENTRY_SIZE, &e, ACL_ENTRY_SIZE);
	}
	r = xattrs_add(x, name, value, size);
	free(value);
	return r;
}

bool acl_is_valid(const struct acl_entry *entries, size_t n)
{
	unsigned count[0x21] = { 0 };

	for (size_t i = 0; i < n; i++) {
		if (entries[i].tag > 0x20)
			return false;
		count[entries[i].tag]++;
	}
	return n == 0 ||
	       (count[0x01] == 1 && count[0x04] == 1 && count[0x20] == 1 && count[0x10] <= 1 &&
		count[0x01] + count[0x02] + count[0x04] + count[0x08] + count[0x10] + count[0x20] ==
			n &&
		(count[0x10] == 1 || count[0x02] + count[0x08] == 0));
}

int acl_parse(const void *value, size_t size, struct acl_entry *entries, size_t max)
{
	const unsigned char *at = value;
	uint32_t version;
	size_t n;

	if (size < ACL_HEADER_SIZE || (size - ACL_HEADER_SIZE) % ACL_ENTRY_SIZE)
		return -EINVAL;
	memcpy(&version, at, sizeof(version));
	if (le32toh(version) != ACL_VERSION)
		return -EINVAL;
	n = (size - ACL_HEADER_SIZE) / ACL_ENTRY_SIZE;
	if (n > max)
		return -E2BIG;
	for (size_t i = 0; i < n; i++) {
		struct acl_entry e;

		memcpy(&e, at + ACL_HEADER_SIZE + i * ACL_ENTRY_SIZE, sizeof(e));
		entries[i] = (struct acl_entry){ le16toh(e.tag), le16toh(e.perm), le32toh(e.id) };
	}
	return (int)n;
}
