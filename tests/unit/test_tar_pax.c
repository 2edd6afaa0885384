/* Records of pax headers: their form, their values, attributes and ACLs. */
#include <errno.h>

#include "tar/acl_text.h"
#include "scratch.h"
#include "tap.h"
#include "tar/tar_pax.h"
#include "tar/tar_xattrs.h"

/* A record, its length counted. */
static const char *record(const char *text)
{
	static char out[8][512];
	static unsigned n;
	char *to = out[n++ % 8];
	size_t length = strlen(text) + 2, digits = length + 1 > 9 ? (length + 2 > 99 ? 3 : 2) : 1;

	snprintf(to, sizeof(out[0]), "%zu %s\n", length + digits, text);
	return to;
}

static void test_form(void)
{
	static const struct {
		const char *text;
		int r;
		const char *why;
	} cases[] = {
		{ "", 0, NULL },
		{ "12 path=abc\n", 0, NULL },
		{ "12 path=abc\n12 path=abd\n", 0, NULL },
		{ "8 path=\n", 0, NULL },
		{ "13 path=abc\n", -EBADMSG, "its extended header has no valid record at byte 0" },
		{ "11 path=abc\n", -EBADMSG, "its extended header has no valid record at byte 0" },
		{ "12 path=abc\n12path=abd\n", -EBADMSG,
		  "its extended header has no valid record at byte 12" },
		{ "12 path=abc\nx", -EBADMSG,
		  "its extended header has no valid record at byte 12" },
		{ "99999999999999999999 path=abc\n", -EBADMSG,
		  "its extended header has no valid record at byte 0" },
		{ "13  path=abc\n", -EBADMSG, "its extended header has no valid record at byte 0" },
		{ " 12 path=abc\n", -EBADMSG, "its extended header has no valid record at byte 0" },
		{ "12 pathabcd\n", -EBADMSG,
		  "the record at byte 0 of its extended header has no key" },
		{ "8 =path\n", -EBADMSG, "the record at byte 0 of its extended header has no key" },
	};
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		size_t size = strlen(cases[i].text);
		_cleanup_free_ char *text = exact_copy(cases[i].text, size);

		is_int(tar_pax_check(text, size, "x", &f), cases[i].r, "form %zu", i);
		if (cases[i].r < 0)
			is_str(f.why, cases[i].why, "and why");
	}
}

static int apply(const char *text, struct tar_pax *ret, struct fail *f)
{
	static char copy[1024];
	size_t size = strlen(text);

	memcpy(copy, text, size + 1);
	*ret = (struct tar_pax){ 0 };
	must(tar_pax_check(copy, size, "x", f));
	return tar_pax_apply(copy, size, "x", ret, f);
}

static void test_times(void)
{
	static const struct {
		const char *text;
		int r;
		struct timespec time;
	} cases[] = {
		{ "mtime=1", 0, { 1, 0 } },
		{ "mtime=1.5", 0, { 1, 500000000 } },
		{ "mtime=1.", 0, { 1, 0 } },
		{ "mtime=1.1234567899", 0, { 1, 123456789 } },
		{ "mtime=-0.5", 0, { -1, 500000000 } },
		{ "mtime=-1.25", 0, { -2, 750000000 } },
		{ "mtime=-0", 0, { 0, 0 } },
		{ "mtime=-1.0000000001", 0, { -2, 999999999 } },
		{ "mtime=9223372036854775807", 0, { INT64_MAX, 0 } },
		{ "mtime=9223372036854775808", -EBADMSG, { 0, 0 } },
		{ "mtime=1e5", -EBADMSG, { 0, 0 } },
		{ "mtime=.5", -EBADMSG, { 0, 0 } },
		{ "mtime=1.5x", -EBADMSG, { 0, 0 } },
		{ "mtime=--1", -EBADMSG, { 0, 0 } },
	};
	struct tar_pax p;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		int r = apply(record(cases[i].text), &p, &f);

		ok(r == cases[i].r && (r < 0 || (p.mtime.value.tv_sec == cases[i].time.tv_sec &&
						 p.mtime.value.tv_nsec == cases[i].time.tv_nsec)),
		   "%s", cases[i].text);
	}
}

static void test_values(void)
{
	char both[300];
	struct tar_pax p;
	struct fail f;

	is_int(apply(record("uid=4294967294"), &p, &f), 0, "a number");
	ok(p.uid.given && p.uid.value == 4294967294 && !p.gid.given, "and its value");
	is_int(apply(record("uid=-1"), &p, &f), -EBADMSG, "a negative one");
	is_str(f.why, "uid in its extended header has an invalid value: '-1'", "why");
	is_int(apply(record("size=99999999999999999999"), &p, &f), -EBADMSG, "a large one");
	is_str(f.why, "size in its extended header is out of range: '99999999999999999999'", "why");
	snprintf(both, sizeof(both), "%s%s%s", record("path=a"), record("path=b\xcc\x81"),
		 record("comment=path=c"));
	is_int(apply(both, &p, &f), 0, "two paths");
	is_str(p.path, "b\xcc\x81", "the later one counts, as the bytes that it is");
	snprintf(both, sizeof(both), "%s%s%s", record("path=a"), record("path="), record("uid="));
	is_int(apply(both, &p, &f), 0, "a path taken back");
	ok(!p.path && !p.uid.given, "counts no more");
}

static void test_xattrs(void)
{
	static const char text[] = "30 SCHILY.xattr.user.a%3Db=\0\1\n"
				   "36 LIBARCHIVE.xattr.user.%c3%a9=aGk\n"
				   "34 SCHILY.xattr.user.%c3%a9=again\n"
				   "30 SCHILY.xattr.user.%20=gnu\n\n"
				   "27 SCHILY.xattr.user.none=\n";
	static const char *const names[] = { "user.a=b", "user.\xc3\xa9", "user.\xc3\xa9",
					     "user.%20", "user.none" };
	static const char *const values[] = { "\0\1", "hi", "again", "gnu\n", "" };
	static const size_t sizes[] = { 2, 2, 5, 4, 0 };
	char copy[sizeof(text)];
	struct xattrs x = { 0 };
	size_t cursor = 0, size, i = 0;
	const char *name;
	const void *value;
	struct fail f;

	memcpy(copy, text, sizeof(text));
	is_int(tar_pax_check(copy, sizeof(text) - 1, "x", &f), 0, "records");
	is_int(tar_xattrs_add(copy, sizeof(text) - 1, "x", &x, &f), 0, "attributes");
	ok(x.used <= tar_xattrs_memory(copy, sizeof(text) - 1), "in the room that was said");
	for (; xattrs_next(&x, &cursor, &name, &value, &size); i++)
		if (i < ARRAY_SIZE(names)) {
			is_str(name, names[i], "name");
			ok(size == sizes[i] && memcmp(value, values[i], size) == 0, "value");
		}
	is_int((long long)i, ARRAY_SIZE(names), "all of them");
	xattrs_free(&x);
}

static void test_acls(void)
{
	static const struct {
		const char *text;
		int n; /* entries */
		struct acl_named last;
	} cases[] = {
		{ "user::rwx,group::r-x,other::---", 3, { { 0x20, 0, ACL_UNDEFINED_ID }, "" } },
		{ "user::rwx\ngroup::r-x\nother::r--\n", 3, { { 0x20, 4, ACL_UNDEFINED_ID }, "" } },
		{ "u::rwx,g::rx,o:r", 3, { { 0x20, 4, ACL_UNDEFINED_ID }, "" } },
		{ "user:1000:rw-", 1, { { 0x02, 6, 1000 }, "" } },
		{ "user:lisa:rw-:501", 1, { { 0x02, 6, 501 }, "" } },
		{ "group:audio:r--", 1, { { 0x08, 4, ACL_UNDEFINED_ID }, "audio" } },
		{ "user:\xe9:r--", 1, { { 0x02, 4, ACL_UNDEFINED_ID }, "\xe9" } },
		{ "mask::r-x\t#effective:r--", 1, { { 0x10, 5, ACL_UNDEFINED_ID }, "" } },
		{ "user:4294967294:r--", 1, { { 0x02, 4, 4294967294 }, "" } },
		{ "user:4294967295:r--", -EINVAL, { { 0, 0, 0 }, "" } },
		{ "user:lisa:r--:x", -EINVAL, { { 0, 0, 0 }, "" } },
		{ "user::rwz", -EINVAL, { { 0, 0, 0 }, "" } },
		{ "user::", -EINVAL, { { 0, 0, 0 }, "" } },
		{ "mask:lisa:r--", -EINVAL, { { 0, 0, 0 }, "" } },
		{ "owner@:rwx::allow", -EINVAL, { { 0, 0, 0 }, "" } },
		{ "user", -EINVAL, { { 0, 0, 0 }, "" } },
		{ "", 0, { { 0, 0, 0 }, "" } },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		_cleanup_free_ char *text = exact_copy(cases[i].text, strlen(cases[i].text) + 1);
		struct acl_named list[4];
		int n = acl_text_parse(text, list, ARRAY_SIZE(list));
		const struct acl_named *last = &list[n > 0 ? n - 1 : 0], *want = &cases[i].last;

		ok(n == cases[i].n && (n <= 0 || (last->entry.tag == want->entry.tag &&
						  last->entry.perm == want->entry.perm &&
						  last->entry.id == want->entry.id &&
						  strcmp(last->name, want->name) == 0)),
		   "ACL '%s'", cases[i].text);
	}
}

static void test_valid(void)
{
	static const struct {
		const char *text;
		int r;
	} cases[] = {
		{ "user::rwx,group::r-x,other::---", 0 },
		{ "other::---,user:1:r--,group::r-x,mask::r-x,user::rwx", 0 },
		{ "user::rwx,user:1:r--,group::r-x,other::---", -EINVAL },
		{ "user::rwx,user:lisa:r--,group::r-x,other::---", -EINVAL },
		{ "user::rwx,group::r-x", -EINVAL },
		{ "user::rwx,user::rwx,group::r-x,other::---", -EINVAL },
		{ "user::rwx,group::r-x,mask::rwx,mask::rwx,other::---", -EINVAL },
		{ "", 0 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct xattrs x = { 0 };

		is_int(acl_text_add(&x, ACL_XATTR_ACCESS, cases[i].text), cases[i].r, "'%s'",
		       cases[i].text);
		xattrs_free(&x);
	}
}

int main(void)
{
	test_form();
	test_times();
	test_values();
	test_xattrs();
	test_acls();
	test_valid();
	return done_testing();
}
