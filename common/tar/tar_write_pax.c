/* Values to records. */
#include "tar/tar_write_pax.h"

#include <errno.h>
#include <stdio.h>

#include "tar/acl_text.h"
#include "tar/aclnames.h"

void tar_pax_write(struct buffer *b, const char *key, const void *value, size_t size)
{
	size_t rest = strlen(" =\n") + strlen(key) + size, length = rest;

	/* The length counts its own digits. */
	while (length != rest + (size_t)snprintf(NULL, 0, "%zu", length))
		length = rest + (size_t)snprintf(NULL, 0, "%zu", length);
	buffer_printf(b, "%zu ", length);
	buffer_add_text(b, key);
	buffer_add(b, "=", 1);
	buffer_add(b, value, size);
	buffer_add(b, "\n", 1);
}

void tar_pax_write_text(struct buffer *b, const char *key, const char *value)
{
	tar_pax_write(b, key, value, strlen(value));
}

void tar_pax_write_number(struct buffer *b, const char *key, uint64_t value)
{
	char text[32];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	tar_pax_write_text(b, key, text);
}

void tar_pax_write_time(struct buffer *b, const char *key, struct timespec value)
{
	bool negative = value.tv_sec < 0, borrows = negative && value.tv_nsec > 0;
	uint64_t seconds = negative ? 0 - (uint64_t)value.tv_sec - borrows : (uint64_t)value.tv_sec;
	long ns = borrows ? 1000000000 - value.tv_nsec : value.tv_nsec;
	char text[64];
	int n;

	n = snprintf(text, sizeof(text), "%s%llu.%09ld", negative ? "-" : "",
		     (unsigned long long)seconds, ns);
	while (text[n - 1] == '0')
		n--;
	tar_pax_write(b, key, text, (size_t)(text[n - 1] == '.' ? n - 1 : n));
}

/* ---- attributes ---- */

struct attribute {
	const char *name;
	const void *value;
	size_t size, at; /* at: among those of the member */
};

/* Of two with one name the last one counts: their order stays. */
static int compare_attributes(const void *a, const void *b)
{
	const struct attribute *x = a, *y = b;
	int r = strcmp(x->name, y->name);

	return r ? r : x->at < y->at ? -1 : 1;
}

/* Sorted; *ret is the caller's. Returns -ENOMEM. */
static int sort_attributes(const struct xattrs *xattrs, struct attribute **ret, size_t *ret_n)
{
	struct attribute a, *list;
	size_t cursor = 0, n = 0;

	while (xattrs_next(xattrs, &cursor, &a.name, &a.value, &a.size))
		n++;
	list = calloc(n + 1, sizeof(*list));
	if (!list)
		return -ENOMEM;
	cursor = n = 0;
	for (; xattrs_next(xattrs, &cursor, &a.name, &a.value, &a.size); n++) {
		a.at = n;
		list[n] = a;
	}
	qsort(list, n, sizeof(*list), compare_attributes);
	*ret = list;
	*ret_n = n;
	return 0;
}

/* A keyword ends at '='. GNU tar's way: it takes back these two and no others. */
static void write_attribute(struct buffer *b, struct buffer *key, const struct attribute *a)
{
	buffer_clear(key);
	buffer_add_text(key, "SCHILY.xattr.");
	for (const char *c = a->name; *c; c++)
		buffer_add(key,
			   *c == '%'   ? "%25"
			   : *c == '=' ? "%3D"
				       : c,
			   *c == '%' || *c == '=' ? 3 : 1);
	buffer_add_zeros(key, 1);
	b->failed = b->failed || key->failed;
	if (!key->failed)
		tar_pax_write(b, key->data, a->value, a->size);
}

static int write_acl(struct buffer *b, struct buffer *text, const char *key, bool named,
		     const struct attribute *a)
{
	int r;

	buffer_clear(text);
	r = acl_text_write(text, named, a->value, a->size);
	if (r == 0 && text->used > 0) /* an empty value would take a record back */
		tar_pax_write(b, key, text->data, text->used);
	return r;
}

static int write_one(struct buffer *b, struct buffer *text, const struct attribute *a)
{
	const char *meant = aclnames_meant(a->name), *name = meant ? meant : a->name;

	if (strcmp(name, ACL_XATTR_ACCESS) == 0)
		return write_acl(b, text, "SCHILY.acl.access", meant, a);
	if (strcmp(name, ACL_XATTR_DEFAULT) == 0)
		return write_acl(b, text, "SCHILY.acl.default", meant, a);
	write_attribute(b, text, a);
	return 0;
}

int tar_pax_write_xattrs(struct buffer *b, const struct xattrs *xattrs)
{
	_cleanup_free_ struct attribute *list = NULL;
	struct buffer text = { 0 };
	size_t n = 0;
	int r = sort_attributes(xattrs, &list, &n);

	for (size_t i = 0; r == 0 && i < n; i++)
		r = write_one(b, &text, &list[i]);
	if (r == 0 && b->failed)
		r = -ENOMEM;
	buffer_free(&text);
	return r;
}
