/*
 * Members to libarchive entries and back: directly, and through the bytes of a pax archive, which is
 * how the packer and the engine of a later boot meet.
 */
#include "member.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>
#include <sys/stat.h>

#include "aclnames.h"
#include "scratch.h"
#include "tap.h"

/* makedev() as the kernel packs it, which is no constant everywhere. */
#define RDEV(major, minor)                                                                         \
	(((major)&0xfffff000ULL) << 32 | ((major)&0xfffULL) << 8 | ((minor)&0xffffff00ULL) << 12 | \
	 ((minor)&0xffULL))

static const struct member members[] = {
	{ .type = MEMBER_FILE,
	  .path = "etc/passwd",
	  .size = 1234,
	  .mode = 0644,
	  .mtime = { 1700000000, 123456789 } },
	{ .type = MEMBER_FILE, .path = "usr/bin/su", .mode = 06755, .uid = 7, .gid = 8 },
	{ .type = MEMBER_FILE,
	  .path = "huge",
	  .size = 1ULL << 40,
	  .uid = 4294967294U,
	  .gid = 4294967294U },
	{ .type = MEMBER_FILE, .path = "old", .mtime = { -2, 500000000 } },
	{ .type = MEMBER_FILE, .path = "older", .mtime = { -2147483649LL, 1 } },
	{ .type = MEMBER_FILE, .path = "future", .mtime = { 7258118400LL, 999999999 } },
	{ .type = MEMBER_FILE, .path = "latin-\xe9\xff/new\nline", .mode = 0600 },
	{ .type = MEMBER_FILE, .path = "blank at the end ", .mode = 0 },
	{ .type = MEMBER_DIRECTORY, .path = "tmp", .mode = 01777, .mtime = { 1, 1 } },
	{ .type = MEMBER_DIRECTORY, .path = ".", .mode = 0755 },
	{ .type = MEMBER_SYMLINK, .path = "bin", .target = "usr/bin", .mode = 0777, .uid = 12345 },
	{ .type = MEMBER_SYMLINK, .path = "odd", .target = "/\xff\xfe\n" },
	{ .type = MEMBER_HARDLINK, .path = "second", .target = "usr/bin/su", .mode = 06755 },
	{ .type = MEMBER_HARDLINK, .path = "third", .target = "latin-\xe9\xff/new\nline" },
	{ .type = MEMBER_CHAR, .path = "dev/null", .mode = 0666, .rdev = RDEV(1, 3) },
	{ .type = MEMBER_BLOCK, .path = "dev/big", .mode = 0660, .rdev = RDEV(259, 1048575) },
	{ .type = MEMBER_FIFO, .path = "run/initctl", .mode = 0620 },
};

/* Writers add a slash to the names of directories. */
static bool is_same_path(const char *a, const char *b)
{
	size_t n = strlen(a);

	return strncmp(a, b, n) == 0 && (!b[n] || (b[n] == '/' && !b[n + 1]));
}

/* What an archive of that type carries. A hard link brings no inode of its own. */
static void check_member(const struct member *m, const struct member *want, const char *how)
{
	bool link = want->type == MEMBER_HARDLINK;

	ok(m->type == want->type && is_same_path(want->path, m->path), "%s %s: type and path", how,
	   want->path);
	if (want->target)
		is_str(m->target, want->target, "%s %s: target", how, want->path);
	if (want->type == MEMBER_FILE)
		ok(m->size == want->size, "%s %s: size", how, want->path);
	if (!link)
		ok((m->type == MEMBER_SYMLINK || m->mode == want->mode) && m->uid == want->uid &&
			   m->gid == want->gid,
		   "%s %s: mode and owner", how, want->path);
	if (!link)
		ok(m->mtime.tv_sec == want->mtime.tv_sec && m->mtime.tv_nsec == want->mtime.tv_nsec,
		   "%s %s: time", how, want->path);
	if (m->type == MEMBER_CHAR || m->type == MEMBER_BLOCK)
		ok(m->rdev == want->rdev, "%s %s: device number", how, want->path);
}

static void test_entries(void)
{
	struct archive_entry *e = archive_entry_new();
	struct member back;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		archive_entry_clear(e);
		is_int(member_to_entry(&members[i], e, &f), 0, "entry of %s", members[i].path);
		if (is_int(member_from_entry(e, &back, &f), 0, "and back")) {
			check_member(&back, &members[i], "entry");
			ok(back.xattrs.used == 0, "without attributes that it had not");
			member_free(&back);
		}
	}
	archive_entry_clear(e);
	archive_entry_set_pathname(e, "f");
	archive_entry_set_mode(e, S_IFREG | 04000755 | 02000);
	if (is_int(member_from_entry(e, &back, &f), 0, "a mode with bits that none has"))
		is_int(back.mode, 02755, "loses them");
	archive_entry_free(e);
}

/* ---- attributes ---- */

static struct acl_entry access_acl[] = {
	{ 0x01, 7, ACL_UNDEFINED_ID }, { 0x02, 6, 1000 }, { 0x02, 0, 2147483647 },
	{ 0x04, 5, ACL_UNDEFINED_ID }, { 0x08, 4, 33 },   { 0x10, 6, ACL_UNDEFINED_ID },
	{ 0x20, 1, ACL_UNDEFINED_ID },
};

static struct acl_entry default_acl[] = {
	{ 0x01, 7, ACL_UNDEFINED_ID },
	{ 0x04, 0, ACL_UNDEFINED_ID },
	{ 0x20, 0, ACL_UNDEFINED_ID },
};

static const struct {
	const char *name, *value;
	size_t size;
} plain[] = {
	{ "security.capability", "\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20 },
	{ "user.binary", "\0=\n\xff\0", 5 },
	{ "user.empty", "", 0 },
	{ "trusted.test", "a value", 7 },
};

static void add_attributes(struct member *m, bool acls)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++)
		xattrs_add(&m->xattrs, plain[i].name, plain[i].value, plain[i].size);
	if (acls) {
		xattrs_add_acl(&m->xattrs, ACL_XATTR_ACCESS, access_acl, ARRAY_SIZE(access_acl));
		xattrs_add_acl(&m->xattrs, ACL_XATTR_DEFAULT, default_acl, ARRAY_SIZE(default_acl));
	}
}

/* The value of the last attribute of that name, which is the one that counts. */
static const void *find(const struct xattrs *x, const char *name, size_t *ret_size)
{
	const void *value, *found = NULL;
	size_t cursor = 0, size;
	const char *key;

	while (xattrs_next(x, &cursor, &key, &value, &size)) {
		if (strcmp(key, name) == 0) {
			found = value;
			*ret_size = size;
		}
	}
	return found;
}

static void check_acl(const struct xattrs *x, const char *name, const struct acl_entry *want,
		      size_t n)
{
	struct acl_entry have[16];
	size_t size = 0;
	const void *value = find(x, name, &size);

	ok(value && acl_parse(value, size, have, 16) == (int)n &&
		   memcmp(have, want, n * sizeof(*want)) == 0,
	   "%s is the same", name);
}

static void check_attributes(const struct member *m)
{
	for (size_t i = 0; i < ARRAY_SIZE(plain); i++) {
		size_t size = 0;
		const void *value = find(&m->xattrs, plain[i].name, &size);

		ok(value && size == plain[i].size && memcmp(value, plain[i].value, size) == 0,
		   "%s is the same", plain[i].name);
	}
	check_acl(&m->xattrs, ACL_XATTR_ACCESS, access_acl, ARRAY_SIZE(access_acl));
	check_acl(&m->xattrs, ACL_XATTR_DEFAULT, default_acl, ARRAY_SIZE(default_acl));
}

static void test_attributes(void)
{
	struct member m = { .type = MEMBER_DIRECTORY, .path = "d", .mode = 0750 }, back;
	struct archive_entry *e = archive_entry_new();
	struct fail f;

	add_attributes(&m, true);
	is_int(member_to_entry(&m, e, &f), 0, "an entry with attributes");
	is_int(member_from_entry(e, &back, &f), 0, "and back");
	check_attributes(&back);
	member_free(&m);
	member_free(&back);
	archive_entry_free(e);
}

/* mmdebstrap and others keep ACLs as plain attributes; what the kernel gave must come out again. */
static void test_raw_acl(void)
{
	struct archive_entry *e = archive_entry_new();
	struct xattrs raw = { 0 };
	struct member back;
	const void *value;
	size_t cursor = 0, size;
	const char *name;
	struct fail f;

	xattrs_add_acl(&raw, ACL_XATTR_ACCESS, access_acl, ARRAY_SIZE(access_acl));
	xattrs_next(&raw, &cursor, &name, &value, &size);
	archive_entry_set_pathname(e, "x");
	archive_entry_set_filetype(e, S_IFREG);
	archive_entry_xattr_add_entry(e, name, value, size);
	is_int(member_from_entry(e, &back, &f), 0, "an ACL as plain attribute");
	check_acl(&back.xattrs, ACL_XATTR_ACCESS, access_acl, ARRAY_SIZE(access_acl));
	member_free(&back);
	xattrs_free(&raw);
	archive_entry_free(e);
}

/* An ACL for a user whose name libarchive could not read is for nobody, not for number -1. */
static void test_acl_without_name(void)
{
	struct archive_entry *e = archive_entry_new();
	size_t cursor = 0, at = 0, size;
	struct acl_named entry;
	struct member back;
	const void *value;
	const char *name;
	unsigned n = 0;
	struct fail f;

	archive_entry_set_pathname(e, "x");
	archive_entry_set_mode(e, S_IFREG | 0640);
	archive_entry_acl_add_entry(e, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, 4, ARCHIVE_ENTRY_ACL_USER, -1,
				    NULL);
	if (is_int(member_from_entry(e, &back, &f), 0, "an ACL for a user without a name")) {
		while (xattrs_next(&back.xattrs, &cursor, &name, &value, &size))
			if (strcmp(name, ACL_NAMED ACL_XATTR_ACCESS) == 0)
				while (aclnames_next(value, size, &at, &entry))
					n += entry.entry.tag == 0x02 &&
					     strcmp(entry.name, "?") == 0;
		is_int(n, 1, "waits for a user who will not come");
		member_free(&back);
	}
	archive_entry_free(e);
}

/* ---- what is refused ---- */

static void refuse_entry(struct archive_entry *e, const char *what)
{
	struct member m, before;
	struct fail f = { 0 };

	memset(&before, 0x5a, sizeof(before));
	memcpy(&m, &before, sizeof(m));
	if (ok(member_from_entry(e, &m, &f) < 0, "refused: %s", what))
		ok(f.error && *f.what && *f.why && memcmp(&m, &before, sizeof(m)) == 0,
		   "and told: %s: %s", f.what, f.why);
	else
		member_free(&m);
	archive_entry_free(e);
}

static struct archive_entry *new_entry(const char *path, unsigned type)
{
	struct archive_entry *e = archive_entry_new();

	if (path)
		archive_entry_set_pathname(e, path);
	archive_entry_set_filetype(e, type);
	return e;
}

static void test_refused(void)
{
	struct archive_entry *e;

	refuse_entry(new_entry(NULL, S_IFREG), "no name");
	refuse_entry(new_entry("s", S_IFSOCK), "a socket");
	refuse_entry(new_entry("n", 0), "no type");
	refuse_entry(new_entry("l", S_IFLNK), "a symlink without target");
	e = new_entry("l", S_IFLNK);
	archive_entry_set_symlink(e, "");
	refuse_entry(e, "a symlink to an empty name");
	e = new_entry("l", S_IFREG);
	archive_entry_set_hardlink(e, "");
	refuse_entry(e, "a hard link to an empty name");
	/* Cut to 32 bits these would be root, or "leave the owner as it is". */
	e = new_entry("f", S_IFREG);
	archive_entry_set_uid(e, 1LL << 32);
	refuse_entry(e, "the owner 2^32");
	e = new_entry("f", S_IFREG);
	archive_entry_set_gid(e, 1LL << 32);
	refuse_entry(e, "the group 2^32");
	e = new_entry("f", S_IFREG);
	archive_entry_set_uid(e, 4294967295LL);
	refuse_entry(e, "the owner 2^32 - 1");
}

static void test_bad_acl(void)
{
	static const char *const names[] = { ACL_XATTR_ACCESS, ACL_XATTR_DEFAULT };
	static const size_t sizes[] = { 0, 3, 5, 11, 13 };

	for (size_t i = 0; i < ARRAY_SIZE(names) * ARRAY_SIZE(sizes); i++) {
		struct member m = { .type = MEMBER_FILE, .path = "f" };
		struct archive_entry *e = archive_entry_new();
		size_t size = sizes[i / ARRAY_SIZE(names)];
		struct fail f = { 0 };

		xattrs_add(&m.xattrs, names[i % ARRAY_SIZE(names)], "\2\0\0\0\1\0\7\0\0\0\0\0\0\0",
			   size);
		ok(member_to_entry(&m, e, &f) < 0 && strcmp(f.what, "f") == 0,
		   "a bad ACL of %zu bytes is refused", size);
		member_free(&m);
		archive_entry_free(e);
	}
}

/* ---- through an archive ---- */

static char archive_bytes[1 << 20];
static size_t archive_size;

static struct archive *start_writing(void)
{
	struct archive *a = archive_write_new();

	archive_write_set_format_pax(a);
	archive_write_set_options(a, "xattrheader=SCHILY");
	archive_write_open_memory(a, archive_bytes, sizeof(archive_bytes), &archive_size);
	return a;
}

/* Sizes are left out: data would have to follow. */
static bool write_member(struct archive *a, const struct member *m)
{
	struct archive_entry *e = archive_entry_new();
	struct member empty = *m;
	struct fail f;
	int r;

	empty.size = 0;
	r = member_to_entry(&empty, e, &f) < 0 ? ARCHIVE_FATAL : archive_write_header(a, e);
	archive_entry_free(e);
	return r == ARCHIVE_OK || r == ARCHIVE_WARN;
}

static struct archive *start_reading(void)
{
	struct archive *a = archive_read_new();

	archive_read_support_format_tar(a);
	archive_read_open_memory(a, archive_bytes, archive_size);
	return a;
}

static void test_archive(void)
{
	struct archive *a = start_writing();
	struct archive_entry *e;
	struct member m, want;
	size_t n = 0;
	struct fail f;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		n += write_member(a, &members[i]);
	is_int((long long)n, ARRAY_SIZE(members), "all members go into an archive");
	archive_write_free(a);

	a = start_reading();
	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		r = archive_read_next_header(a, &e);
		if (!ok(r == ARCHIVE_OK || r == ARCHIVE_WARN, "%s is in the archive",
			members[i].path) ||
		    !is_int(member_from_entry(e, &m, &f), 0, "and is a member"))
			break;
		want = members[i];
		want.size = 0;
		check_member(&m, &want, "archive");
		member_free(&m);
	}
	archive_read_free(a);
}

static void test_archive_attributes(void)
{
	struct member m = { .type = MEMBER_DIRECTORY, .path = "d", .mode = 0761 }, back;
	struct archive *a = start_writing();
	struct archive_entry *e;
	struct fail f;

	add_attributes(&m, true);
	ok(write_member(a, &m), "attributes go into an archive");
	archive_write_free(a);
	member_free(&m);
	a = start_reading();
	if (is_int(archive_read_next_header(a, &e), ARCHIVE_OK, "it is read") &&
	    is_int(member_from_entry(e, &back, &f), 0, "and is a member")) {
		check_attributes(&back);
		member_free(&back);
	}
	archive_read_free(a);
}

/* A pax keyword ends at '='; writers hide it and more in names of attributes. */
static void test_archive_names(void)
{
	static const char *const names[] = { "user.a=b", "user.100%", "user.%41",
					     "user.\xc3\xa9\xff", "user.a b" };
	struct member m = { .type = MEMBER_FILE, .path = "f", .mode = 0644 }, back;
	struct archive *a = start_writing();
	struct archive_entry *e;
	const char *name;
	const void *value;
	size_t cursor = 0, size, n = 0;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		xattrs_add(&m.xattrs, names[i], "x", 1);
	ok(write_member(a, &m), "strange names of attributes go into an archive");
	archive_write_free(a);
	member_free(&m);
	a = start_reading();
	if (is_int(archive_read_next_header(a, &e), ARCHIVE_OK, "it is read") &&
	    is_int(member_from_entry(e, &back, &f), 0, "and is a member")) {
		while (xattrs_next(&back.xattrs, &cursor, &name, &value, &size))
			for (size_t i = 0; i < ARRAY_SIZE(names); i++)
				n += strcmp(name, names[i]) == 0;
		is_int((long long)n, ARRAY_SIZE(names), "all names are the same");
		member_free(&back);
	}
	archive_read_free(a);
}

/* libarchive keeps the ids of ACL entries as int: those above 2^31 must come through or be refused,
 * not become another user's. */
static void test_archive_large_id(void)
{
	struct acl_entry large[] = { { 0x01, 7, ACL_UNDEFINED_ID },
				     { 0x02, 7, 4000000000U },
				     { 0x04, 0, ACL_UNDEFINED_ID },
				     { 0x10, 7, ACL_UNDEFINED_ID },
				     { 0x20, 0, ACL_UNDEFINED_ID } };
	struct member m = { .type = MEMBER_FILE, .path = "f", .mode = 0700 }, back;
	struct archive *a = start_writing();
	struct archive_entry *e;
	struct fail f;
	bool written;

	xattrs_add_acl(&m.xattrs, ACL_XATTR_ACCESS, large, ARRAY_SIZE(large));
	written = write_member(a, &m);
	archive_write_free(a);
	member_free(&m);
	if (!ok(written, "an ACL for user 4000000000 goes into an archive"))
		return;
	a = start_reading();
	if (archive_read_next_header(a, &e) == ARCHIVE_OK && member_from_entry(e, &back, &f) == 0) {
		check_acl(&back.xattrs, ACL_XATTR_ACCESS, large, ARRAY_SIZE(large));
		member_free(&back);
	}
	archive_read_free(a);
}

int main(void)
{
	setlocale(LC_CTYPE, "C.UTF-8"); /* as the programs do */
	test_entries();
	test_attributes();
	test_raw_acl();
	test_acl_without_name();
	test_refused();
	test_bad_acl();
	test_archive();
	test_archive_attributes();
	test_archive_names();
	test_archive_large_id();
	return done_testing();
}
