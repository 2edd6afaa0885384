/* Extended attributes in memory, and ACLs in the kernel's form. */
#include "tar/xattrs.h"

#include <errno.h>

#include "scratch.h"
#include "tap.h"

/* Walks x and holds it against n names; values are checked by their first byte and size. */
static bool walk_is(const struct xattrs *x, const char *const *names, const size_t *sizes, size_t n)
{
	size_t cursor = 0, size, i = 0;
	const char *name;
	const void *value;

	while (xattrs_next(x, &cursor, &name, &value, &size)) {
		if (i == n || strcmp(name, names[i]) != 0 || size != sizes[i])
			return false;
		for (size_t b = 0; b < size; b++)
			if (((const unsigned char *)value)[b] != (unsigned char)(i + b))
				return false;
		i++;
	}
	return i == n;
}

static void test_list(void)
{
	static const char *const names[] = { "security.capability", "user.empty", "user.",
					     "user.big", "user.empty" };
	static const size_t sizes[] = { 20, 0, 1, 65536, 3 };
	static unsigned char value[65536];
	struct xattrs x = { 0 };

	ok(walk_is(&x, names, sizes, 0), "an empty list has no entries");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		for (size_t b = 0; b < sizeof(value); b++)
			value[b] = (unsigned char)(i + b);
		is_int(xattrs_add(&x, names[i], value, sizes[i]), 0, "added: %s, %zu bytes",
		       names[i], sizes[i]);
		ok(walk_is(&x, names, sizes, i + 1), "all are there, in order");
	}
	xattrs_free(&x);
	ok(!x.data && x.used == 0 && x.room == 0, "freed, it is as new");
	ok(xattrs_add(&x, "user.a", NULL, 0) == 0 && x.used > 0, "and may be used again");
	xattrs_free(&x);
}

static void test_many(void)
{
	struct xattrs x = { 0 };
	size_t cursor = 0, size;
	const char *name;
	const void *value;
	char text[32];
	int n = 0, good = 0;

	for (int i = 0; i < 1000; i++) {
		snprintf(text, sizeof(text), "user.%d", i);
		if (xattrs_add(&x, text, &i, sizeof(i)) < 0)
			break;
	}
	while (xattrs_next(&x, &cursor, &name, &value, &size)) {
		snprintf(text, sizeof(text), "user.%d", n);
		good += strcmp(name, text) == 0 && size == sizeof(n) && !memcmp(value, &n, size);
		n++;
	}
	is_int(good, 1000, "a thousand attributes");
	xattrs_free(&x);
}

static const struct acl_entry sorted[] = {
	{ 0x01, 7, ACL_UNDEFINED_ID },
	{ 0x02, 6, 0 },
	{ 0x02, 4, 1000 },
	{ 0x02, 5, 4000000000U },
	{ 0x04, 5, ACL_UNDEFINED_ID },
	{ 0x08, 0, 33 },
	{ 0x10, 7, ACL_UNDEFINED_ID },
	{ 0x20, 4, ACL_UNDEFINED_ID },
};

static void test_acl(void)
{
	static const unsigned char want[] = {
		2,    0, 0, 0,                         /* version */
		0x01, 0, 7, 0, 0xff, 0xff, 0xff, 0xff, /* user:: */
		0x02, 0, 6, 0, 0,    0,    0,    0,    /* user:0 */
		0x02, 0, 4, 0, 0xe8, 3,    0,    0,    /* user:1000 */
		0x02, 0, 5, 0, 0x00, 0x28, 0x6b, 0xee, /* user:4000000000 */
		0x04, 0, 5, 0, 0xff, 0xff, 0xff, 0xff, /* group:: */
		0x08, 0, 0, 0, 33,   0,    0,    0,    /* group:33 */
		0x10, 0, 7, 0, 0xff, 0xff, 0xff, 0xff, /* mask:: */
		0x20, 0, 4, 0, 0xff, 0xff, 0xff, 0xff, /* other:: */
	};
	static const size_t order[] = { 7, 3, 0, 6, 1, 5, 2, 4 };
	struct acl_entry mixed[ARRAY_SIZE(sorted)], back[ARRAY_SIZE(sorted)];
	struct xattrs x = { 0 };
	size_t cursor = 0, size = 0;
	const char *name = NULL;
	const void *value = NULL;

	for (size_t i = 0; i < ARRAY_SIZE(mixed); i++)
		mixed[i] = sorted[order[i]];
	is_int(xattrs_add_acl(&x, ACL_XATTR_DEFAULT, mixed, ARRAY_SIZE(mixed)), 0,
	       "an ACL is added");
	xattrs_next(&x, &cursor, &name, &value, &size);
	is_str(name, ACL_XATTR_DEFAULT, "under its name");
	ok(size == sizeof(want) && memcmp(value, want, size) == 0, "sorted, in the kernel's bytes");
	is_int(acl_parse(value, size, back, ARRAY_SIZE(back)), ARRAY_SIZE(back), "it is read back");
	ok(memcmp(back, sorted, sizeof(back)) == 0, "as the same entries");
	is_int(acl_parse(value, size, back, ARRAY_SIZE(back) - 1), -E2BIG,
	       "one more than there is room for");
	xattrs_free(&x);
}

static void test_bad_acl(void)
{
	static const struct {
		const char *what;
		size_t size;
		unsigned char bytes[16];
		int r;
	} values[] = {
		{ "no entries", 4, { 2 }, 0 },
		{ "one entry", 12, { 2, 0, 0, 0, 1, 0, 7 }, 1 },
		{ "nothing", 0, { 0 }, -EINVAL },
		{ "half a header", 3, { 2 }, -EINVAL },
		{ "version 1", 12, { 1 }, -EINVAL },
		{ "a big-endian version", 12, { 0, 0, 0, 2 }, -EINVAL },
		{ "half an entry", 8, { 2 }, -EINVAL },
		{ "an entry less a byte", 11, { 2 }, -EINVAL },
		{ "an entry and a byte", 13, { 2 }, -EINVAL },
	};
	struct acl_entry entries[2];

	for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
		void *value = exact_copy(values[i].bytes, values[i].size);

		is_int(acl_parse(value, values[i].size, entries, 2), values[i].r, "a value with %s",
		       values[i].what);
		free(value);
	}
}

int main(void)
{
	test_list();
	test_many();
	test_acl();
	test_bad_acl();
	return done_testing();
}
