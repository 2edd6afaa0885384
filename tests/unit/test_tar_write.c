/*
 * The tar writer: which bytes it makes of a member, that it refuses what it cannot write, and that the reader makes the same
 * member of them. That other programs do, too, tests/engine/fidelity.t looks at.
 */
#include "tar/tar_write.h"

#include <errno.h>

#include "tar/aclnames.h"
#include "tap.h"
#include "tar_bytes.h"
#include "tar/tar_read.h"
#include "tar/tar_write_pax.h"

#define BLOCK 512
#define USER 0x02
#define GROUP 0x08

/* makedev() as the kernel packs it, which is no constant everywhere. */
#define RDEV(major, minor)                                                                         \
	(((major)&0xfffff000ULL) << 32 | ((major)&0xfffULL) << 8 | ((minor)&0xffffff00ULL) << 12 | \
	 ((minor)&0xffULL))

static struct tar_writer *start(struct bytes *archive)
{
	struct tar_writer *w;

	bytes_free(archive);
	must(tar_writer_open(bytes_sink, archive, &w));
	return w;
}

/* An archive of one member without data. */
static int write_one(const struct member *m, struct bytes *archive, struct fail *f)
{
	struct tar_writer *w = start(archive);
	int r = tar_writer_add(w, m, NULL, 0, f);

	tar_writer_free(w);
	return r;
}

/* The records of an archive's first member, with '|' for the ends of lines, and its own header. */
static const char *first_records(const struct bytes *archive, const char **ret_header)
{
	static char text[8192];
	size_t size;

	text[0] = '\0';
	*ret_header = (const char *)archive->data;
	if (archive->data[156] != 'x')
		return text;
	size = strtoul((const char *)archive->data + 124, NULL, 8);
	snprintf(text, sizeof(text), "%.*s", (int)size, (const char *)archive->data + BLOCK);
	for (char *c = text; *c; c++)
		*c = *c == '\n' ? '|' : *c;
	*ret_header += BLOCK + (size + BLOCK - 1) / BLOCK * BLOCK;
	return text;
}

/* ---- records ---- */

static void test_times(void)
{
	static const struct {
		struct timespec time;
		const char *record;
	} times[] = {
		{ { 0, 0 }, "11 mtime=0\n" },
		{ { 5, 0 }, "11 mtime=5\n" },
		{ { 1700000000, 120000000 }, "23 mtime=1700000000.12\n" },
		{ { 0, 1 }, "21 mtime=0.000000001\n" },
		{ { -1, 0 }, "12 mtime=-1\n" },
		{ { -1, 500000000 }, "14 mtime=-0.5\n" },
		{ { -1, 999999999 }, "22 mtime=-0.000000001\n" },
		{ { -2, 750000000 }, "15 mtime=-1.25\n" },
		{ { -100, 0 }, "14 mtime=-100\n" },
		{ { 10, 0 }, "12 mtime=10\n" },
		{ { INT64_MAX, 999999999 }, "39 mtime=9223372036854775807.999999999\n" },
		{ { INT64_MIN, 1 }, "40 mtime=-9223372036854775807.999999999\n" },
		{ { INT64_MIN, 0 }, "30 mtime=-9223372036854775808\n" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
		struct buffer b = { 0 };

		tar_pax_write_time(&b, "mtime", times[i].time);
		buffer_add_zeros(&b, 1);
		is_str(b.data, times[i].record, "the time %lld and %ld ns",
		       (long long)times[i].time.tv_sec, times[i].time.tv_nsec);
		buffer_free(&b);
	}
}

/* A record's length counts its own digits. */
static void test_lengths(void)
{
	static char value[1000010];
	unsigned wrong = 0;

	memset(value, 'v', sizeof(value));
	for (size_t limit = 10; limit <= 1000000; limit *= 10) {
		for (size_t size = limit > 15 ? limit - 15 : 0; size < limit + 5; size++) {
			struct buffer b = { 0 };
			char *end;

			tar_pax_write(&b, "k", value, size);
			wrong += strtoul(b.data, &end, 10) != b.used || memcmp(end, " k=", 3) != 0;
			buffer_free(&b);
		}
	}
	is_int(wrong, 0, "every length is right");
}

/* ---- headers ---- */

#define A10 "aaaaaaaaaa"
#define A50 A10 A10 A10 A10 A10
#define A100 A50 A50
#define A155 A100 A50 "aaaaa"

static const struct {
	const char *name;
	struct member m;
	const char *records;
} headers[] = {
	{ "a plain file", { .path = "etc/passwd", .mode = 0644, .mtime = { 1700000000, 0 } }, "" },
	{ "bytes that are not UTF-8", { .path = "latin-\xe9\xff\n" }, "" },
	{ "a name of 100 bytes", { .path = A100 }, "" },
	{ "one of 101", { .path = A100 "b" }, "111 path=" A100 "b|" },
	{ "a directory, which gets a slash",
	  { .path = A100, .type = MEMBER_DIRECTORY },
	  "111 path=" A100 "/|" },
	{ "one that has it", { .path = A50 "/", .type = MEMBER_DIRECTORY }, "" },
	{ "a name in two fields", { .path = A155 "/" A100 }, "" },
	{ "a directory in two fields", { .path = A155 "/" A50 A10, .type = MEMBER_DIRECTORY }, "" },
	{ "a name that is too long for them",
	  { .path = A155 "/" A100 "b" },
	  "267 path=" A155 "/" A100 "b|" },
	{ "one whose slash is too far behind",
	  { .path = A155 "b/" A10 },
	  "177 path=" A155 "b/" A10 "|" },
	{ "two slashes are not cut apart",
	  { .path = A50 "//" A100 },
	  "162 path=" A50 "//" A100 "|" },
	{ "nor is the first one", { .path = "/" A100 }, "111 path=/" A100 "|" },
	{ "a target of 100 bytes", { .path = "l", .type = MEMBER_SYMLINK, .target = A100 }, "" },
	{ "one of 101",
	  { .path = "l", .type = MEMBER_SYMLINK, .target = A100 "b" },
	  "115 linkpath=" A100 "b|" },
	{ "the same of a hard link",
	  { .path = "l", .type = MEMBER_HARDLINK, .target = A100 "b" },
	  "115 linkpath=" A100 "b|" },
	{ "a size of 8 GiB - 1", { .path = "f", .size = (8ULL << 30) - 1 }, "" },
	{ "a size of 8 GiB", { .path = "f", .size = 8ULL << 30 }, "19 size=8589934592|" },
	{ "a size that has no data", { .path = "d", .type = MEMBER_FIFO, .size = 9ULL << 30 }, "" },
	{ "owners of seven digits", { .path = "f", .uid = 07777777, .gid = 07777777 }, "" },
	{ "owners of more",
	  { .path = "f", .uid = 010000000, .gid = 4294967294U },
	  "15 uid=2097152|18 gid=4294967294|" },
	{ "the last second of eleven digits", { .path = "f", .mtime = { 077777777777, 0 } }, "" },
	{ "the one after it",
	  { .path = "f", .mtime = { 0100000000000, 0 } },
	  "20 mtime=8589934592|" },
	{ "a fraction", { .path = "f", .mtime = { 1, 500000000 } }, "13 mtime=1.5|" },
	{ "1969", { .path = "f", .mtime = { -1, 0 } }, "12 mtime=-1|" },
	{ "half a second before 1970",
	  { .path = "f", .mtime = { -1, 500000000 } },
	  "14 mtime=-0.5|" },
	{ "a device of Linux",
	  { .path = "b", .type = MEMBER_BLOCK, .rdev = RDEV(4095, 1048575) },
	  "" },
	{ "a device of nobody's",
	  { .path = "b", .type = MEMBER_CHAR, .rdev = RDEV(2097152, 4294967295) },
	  "27 SCHILY.devmajor=2097152|30 SCHILY.devminor=4294967295|" },
	{ "a number that is no device's", { .path = "f", .rdev = RDEV(2097152, 1) }, "" },
};

/* One header with its records, and what it looks like without them. */
static void test_headers(void)
{
	struct bytes archive = { 0 };
	const char *header;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(headers); i++) {
		is_int(write_one(&headers[i].m, &archive, &f), 0, "%s", headers[i].name);
		is_str(first_records(&archive, &header), headers[i].records, "has its records");
		ok(memcmp(header + 257,
			  "ustar\0"
			  "00",
			  8) == 0 &&
			   (const uint8_t *)header + BLOCK == archive.data + archive.size,
		   "then a ustar header");
	}
	bytes_free(&archive);
}

/* All of the blocks of a member, so that no field changes unseen. */
static void test_bytes(void)
{
	static const struct member m = { .type = MEMBER_FILE,
					 .path = "bin/su",
					 .mode = 04755,
					 .uid = 1,
					 .gid = 2,
					 .mtime = { 3, 500000000 } };
	static const char records[] = "13 mtime=3.5\n";
	struct {
		char x[BLOCK], records[BLOCK], header[BLOCK];
	} want = { 0 };
	struct bytes archive = { 0 };
	struct fail f;

	memcpy(want.x, "././@PaxHeader", 14);
	memcpy(want.x + 100,
	       "0000644\0"
	       "0000000\0"
	       "0000000\0"
	       "00000000015\0"
	       "00000000000\0",
	       48);
	memcpy(want.x + 148, "011467\0 x", 9);
	memcpy(want.x + 257,
	       "ustar\0"
	       "00",
	       8);
	memcpy(want.x + 329,
	       "0000000\0"
	       "0000000",
	       15);
	memcpy(want.records, records, sizeof(records) - 1);
	memcpy(want.header, "bin/su", 6);
	memcpy(want.header + 100,
	       "0004755\0"
	       "0000001\0"
	       "0000002\0"
	       "00000000000\0"
	       "00000000003\0",
	       48);
	memcpy(want.header + 148, "010332\0 0", 9);
	memcpy(want.header + 257,
	       "ustar\0"
	       "00",
	       8);
	memcpy(want.header + 329,
	       "0000000\0"
	       "0000000",
	       15);
	must(write_one(&m, &archive, &f));
	ok(archive.size == sizeof(want), "three blocks");
	for (size_t i = 0; i < sizeof(want) && i < archive.size; i++)
		if (archive.data[i] != (uint8_t)((char *)&want)[i]) {
			ok(false, "byte %zu is as it should be", i);
			diag("  have %02x, want %02x", archive.data[i], ((char *)&want)[i]);
		}
	bytes_free(&archive);
}

/* ---- attributes ---- */

static void test_attributes(void)
{
	static struct acl_entry access[] = { { 0x20, 4, ACL_UNDEFINED_ID },
					     { USER, 5, 4294967294U },
					     { 0x01, 7, ACL_UNDEFINED_ID },
					     { 0x04, 0, ACL_UNDEFINED_ID },
					     { GROUP, 1, 33 },
					     { 0x10, 7, ACL_UNDEFINED_ID } };
	static const struct acl_named named[] = { { { 0x01, 7, ACL_UNDEFINED_ID }, "" },
						  { { USER, 6, ACL_UNDEFINED_ID }, "joe" },
						  { { GROUP, 4, ACL_UNDEFINED_ID }, "\xff b" },
						  { { USER, 5, 1000 }, "" } };
	struct member m = { .type = MEMBER_DIRECTORY, .path = "d" };
	struct bytes archive = { 0 };
	const char *header;
	struct fail f;

	must(xattrs_add(&m.xattrs, "user.a=b%41", "v", 1));
	must(xattrs_add_acl(&m.xattrs, ACL_XATTR_ACCESS, access, ARRAY_SIZE(access)));
	must(aclnames_add(&m.xattrs, ACL_XATTR_DEFAULT, named, ARRAY_SIZE(named)));
	must(xattrs_add(&m.xattrs, "trusted.\xff", "", 0));
	must(xattrs_add(&m.xattrs, "user.a", "1", 1));
	must(xattrs_add(&m.xattrs, "user.a", "2", 1));
	is_int(write_one(&m, &archive, &f), 0, "attributes");
	is_str(first_records(&archive, &header),
	       "96 SCHILY.acl.access=user::rwx,user:4294967294:r-x,group::---,group:33:--x,"
	       "mask::rwx,other::r--|"
	       "73 SCHILY.acl.default=user::rwx,user:joe:rw-,group:\xff b:r--,user:1000:r-x|"
	       "27 SCHILY.xattr.trusted.\xff=|"
	       "25 SCHILY.xattr.user.a=1|25 SCHILY.xattr.user.a=2|"
	       "34 SCHILY.xattr.user.a%3Db%2541=v|",
	       "are in order; of two with one name the last stays the last");
	member_free(&m);
	bytes_free(&archive);
}

/* File systems list attributes in any order. */
static void test_order(void)
{
	static const char *const names[] = { "user.c", "user.a", "trusted.x", "user.b" };
	struct bytes one = { 0 }, other = { 0 };
	struct fail f;

	for (size_t turn = 0; turn < ARRAY_SIZE(names); turn++) {
		struct member m = { .path = "f" };

		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			must(xattrs_add(&m.xattrs, names[(i + turn) % ARRAY_SIZE(names)], "v", 1));
		must(write_one(&m, turn ? &other : &one, &f));
		member_free(&m);
		if (turn > 0)
			ok(one.size == other.size && memcmp(one.data, other.data, one.size) == 0,
			   "the same bytes whatever their order");
	}
	bytes_free(&one);
	bytes_free(&other);
}

static void refuse_acl(const char *key, const void *value, size_t size, const char *what)
{
	struct member m = { .path = "f" };
	struct bytes archive = { 0 };
	struct fail f = { 0 };

	must(xattrs_add(&m.xattrs, key, value, size));
	is_int(write_one(&m, &archive, &f), -EINVAL, "refused: %s", what);
	is_str(f.what, "f", "it says of whom");
	is_str(f.why, "it has an ACL that Linux would not accept", "and why");
	is_int((long long)archive.size, 0, "nothing is written");
	member_free(&m);
	bytes_free(&archive);
}

static void refuse_name(const char *name)
{
	const struct acl_named list[] = { { { USER, 4, ACL_UNDEFINED_ID }, name } };
	struct xattrs x = { 0 };
	size_t cursor = 0, size;
	const char *key;
	const void *value;

	must(aclnames_add(&x, ACL_XATTR_ACCESS, list, 1));
	xattrs_next(&x, &cursor, &key, &value, &size);
	refuse_acl(key, value, size, "a name that would be read otherwise");
	xattrs_free(&x);
}

static void test_bad_acl(void)
{
	static const char *const names[] = { "", "12", "a:b", "a,b", "a\nb", "a#b", " a", "a\t" };
	static const size_t sizes[] = { 0, 3, 5, 11, 13 };
	static struct acl_entry bad[] = { { USER, 7, ACL_UNDEFINED_ID },
					  { 0x40, 7, 1 },
					  { 0, 7, 1 },
					  { 0x01, 8, ACL_UNDEFINED_ID } };

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		refuse_acl(ACL_XATTR_ACCESS, "\2\0\0\0\1\0\7\0\0\0\0\0\0\0", sizes[i], "no ACL");
		refuse_acl(ACL_XATTR_DEFAULT, "\2\0\0\0\1\0\7\0\0\0\0\0\0\0", sizes[i], "no ACL");
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct xattrs x = { 0 };
		size_t cursor = 0, size;
		const char *key;
		const void *value;

		must(xattrs_add_acl(&x, ACL_XATTR_ACCESS, &bad[i], 1));
		xattrs_next(&x, &cursor, &key, &value, &size);
		refuse_acl(key, value, size, "an entry that cannot be");
		xattrs_free(&x);
	}
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		refuse_name(names[i]);
}

/* ---- data ---- */

struct piece {
	const char *data;
	uint64_t offset;
};

/* Writes a file in pieces, up to the first error or one without data, and the end of the archive. */
static int write_file(uint64_t size, const struct tar_extent *extents, size_t n,
		      const struct piece *pieces, struct bytes *archive, struct fail *f)
{
	const struct member m = { .type = MEMBER_FILE, .path = "dir/file", .size = size };
	struct tar_writer *w = start(archive);
	int r = tar_writer_add(w, &m, extents, n, f);

	for (; r == 0 && pieces->data; pieces++)
		r = tar_writer_data(w, pieces->data, strlen(pieces->data), pieces->offset, f);
	if (r == 0)
		r = tar_writer_finish(w, f);
	tar_writer_free(w);
	return r;
}

static const struct {
	const char *name;
	uint64_t size;
	struct tar_extent extents[4];
	size_t n;
	struct piece pieces[6];
	const char *
		stored; /* with '_' for zeros, to the end of what is not padding; of a sparse file behind its map */
	const char *map; /* NULL: not sparse */
} files[] = {
	{ "an empty file", 0, { { 0 } }, 0, { { 0 } }, "", NULL },
	{ "a file in one piece", 5, { { 0 } }, 0, { { "hello", 0 } }, "hello", NULL },
	{ "in two", 5, { { 0 } }, 0, { { "he", 0 }, { "llo", 2 } }, "hello", NULL },
	{ "a map of all", 5, { { 0, 5 } }, 1, { { "hello", 0 } }, "hello", NULL },
	{ "one hole", 9, { { 9, 0 } }, 1, { { 0 } }, "", "1|9|0|" },
	{ "a hole in front", 9, { { 4, 5 } }, 1, { { "hello", 4 } }, "hello", "1|4|5|" },
	{ "one behind", 9, { { 0, 5 } }, 1, { { "hello", 0 } }, "hello", "2|0|5|9|0|" },
	{ "one behind, and a map that says so",
	  9,
	  { { 0, 5 }, { 9, 0 } },
	  2,
	  { { "hello", 0 } },
	  "hello",
	  "2|0|5|9|0|" },
	{ "one between",
	  9,
	  { { 0, 2 }, { 7, 2 } },
	  2,
	  { { "he", 0 }, { "lo", 7 } },
	  "helo",
	  "2|0|2|7|2|" },
	{ "extents that touch",
	  4,
	  { { 0, 2 }, { 2, 2 } },
	  2,
	  { { "he", 0 }, { "lo", 2 } },
	  "helo",
	  "2|0|2|2|2|" },
	{ "a piece over two of them",
	  4,
	  { { 0, 2 }, { 2, 2 } },
	  2,
	  { { "helo", 0 } },
	  "helo",
	  "2|0|2|2|2|" },
	{ "what is left out in an extent",
	  9,
	  { { 1, 8 } },
	  1,
	  { { "h", 2 }, { "o", 8 } },
	  "_h_____o",
	  "1|1|8|" },
	{ "an extent that is left out",
	  9,
	  { { 1, 1 }, { 4, 2 }, { 7, 2 } },
	  3,
	  { { "h", 1 }, { "lo", 7 } },
	  "h__lo",
	  "3|1|1|4|2|7|2|" },
};

static void test_files(void)
{
	struct bytes archive = { 0 };
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		size_t n = strlen(files[i].stored), map = files[i].map ? BLOCK : 0;
		const char *header, *data;
		char want[BLOCK] = "";

		if (!is_int(write_file(files[i].size, files[i].extents, files[i].n, files[i].pieces,
				       &archive, &f),
			    0, "%s", files[i].name))
			continue;
		snprintf(want, sizeof(want),
			 "22 GNU.sparse.major=1|22 GNU.sparse.minor=0|"
			 "28 GNU.sparse.name=dir/file|25 GNU.sparse.realsize=%d|",
			 (int)files[i].size);
		is_str(first_records(&archive, &header), map ? want : "", "its records");
		is_str(header, map ? "dir/GNUSparseFile.0/file" : "dir/file", "its name");
		is_int((long long)strtoul(header + 124, NULL, 8), (long long)(n + map), "its size");
		data = header + BLOCK;
		memset(want, 0, sizeof(want));
		if (map) {
			snprintf(want, sizeof(want), "%s", files[i].map);
			for (char *c = want; *c; c++)
				*c = *c == '|' ? '\n' : *c;
			ok(memcmp(data, want, BLOCK) == 0, "its map: %s", files[i].map);
			data += BLOCK;
		}
		memset(want, 0, sizeof(want));
		for (size_t c = 0; c < n; c++)
			want[c] = files[i].stored[c] == '_' ? 0 : files[i].stored[c];
		ok(n == 0 || memcmp(data, want, BLOCK) == 0, "its data, and zeros behind it");
		is_int((const char *)archive.data + archive.size - data, (n > 0 ? BLOCK : 0) + 1024,
		       "then the end of the archive");
	}
	bytes_free(&archive);
}

/* Zeros that come for a hole are left out. */
static void test_zeros(void)
{
	static const struct tar_extent map[] = { { 3, 2 }, { 7, 2 } };
	static const struct member m = { .path = "f", .size = 12 };
	struct bytes archive = { 0 };
	struct tar_writer *w = start(&archive);
	struct fail f = { 0 };

	must(tar_writer_add(w, &m, map, 2, &f));
	is_int(tar_writer_data(w, "\0\0\0he\0", 6, 0, &f), 0, "zeros, data, zeros");
	is_int(tar_writer_data(w, "\0lo\0\0\0", 6, 6, &f), 0, "and again");
	is_int(tar_writer_finish(w, &f), 0, "are the file");
	ok(archive.size == 5 * BLOCK + 1024 && memcmp(archive.data + 4 * BLOCK, "helo", 5) == 0,
	   "of which the holes are not written");
	tar_writer_free(w);
	bytes_free(&archive);
}

static const char shorter[] = "it became shorter while it was read",
		  longer[] = "it became longer while it was read",
		  no_order[] = "the pieces of its data overlap or are not sorted",
		  no_map[] = "its map of holes has entries that overlap or are not sorted";

static const struct {
	const char *name;
	uint64_t size;
	struct tar_extent extents[2];
	size_t n;
	struct piece pieces[4];
	int error;
	const char *why;
} refused[] = {
	{ "no data", 5, { { 0 } }, 0, { { 0 } }, EIO, shorter },
	{ "too little", 5, { { 0 } }, 0, { { "hell", 0 } }, EIO, shorter },
	{ "too much", 4, { { 0 } }, 0, { { "hello", 0 } }, EIO, longer },
	{ "too much, in a piece of its own",
	  4,
	  { { 0 } },
	  0,
	  { { "hell", 0 }, { "o", 4 } },
	  EIO,
	  longer },
	{ "data of an empty file", 0, { { 0 } }, 0, { { "h", 0 } }, EIO, longer },
	{ "a gap", 5, { { 0 } }, 0, { { "he", 0 }, { "o", 4 } }, EBADMSG, no_order },
	{ "the same again", 5, { { 0 } }, 0, { { "he", 0 }, { "he", 0 } }, EBADMSG, no_order },
	{ "data behind the end", 5, { { 1, 4 } }, 1, { { "h", 6 } }, EBADMSG, no_order },
	{ "data in a hole", 9, { { 5, 4 } }, 1, { { "hell", 0 } }, EIO, longer },
	{ "data in a hole behind all", 9, { { 0, 4 } }, 1, { { "hello", 0 } }, EIO, longer },
	{ "the last extent without data",
	  9,
	  { { 0, 1 }, { 5, 4 } },
	  2,
	  { { "h", 0 } },
	  EIO,
	  shorter },
	{ "the last one with too little", 9, { { 5, 4 } }, 1, { { "hel", 5 } }, EIO, shorter },
	{ "extents in the wrong order", 9, { { 5, 1 }, { 0, 1 } }, 2, { { 0 } }, EBADMSG, no_map },
	{ "extents over each other", 9, { { 0, 5 }, { 4, 5 } }, 2, { { 0 } }, EBADMSG, no_map },
	{ "one that starts behind the end", 9, { { 10, 0 } }, 1, { { 0 } }, EBADMSG, no_map },
	{ "one that ends there", 9, { { 8, 2 } }, 1, { { 0 } }, EBADMSG, no_map },
	{ "one that ends nowhere", 9, { { 8, UINT64_MAX } }, 1, { { 0 } }, EBADMSG, no_map },
	{ "a size that no data will come for",
	  1ULL << 60,
	  { { 0 } },
	  0,
	  { { "h", 0 } },
	  EIO,
	  shorter },
};

static void test_refused(void)
{
	struct bytes archive = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(refused); i++) {
		struct fail f = { 0 };

		is_int(write_file(refused[i].size, refused[i].extents, refused[i].n,
				  refused[i].pieces, &archive, &f),
		       -refused[i].error, "refused: %s", refused[i].name);
		is_str(f.what, "dir/file", "it says of what");
		is_str(f.why, refused[i].why, "and why");
		ok(archive.size < 5 * BLOCK, "nothing is padded");
	}
	bytes_free(&archive);
}

/* What has data for nothing but files. */
static void test_no_file(void)
{
	static const struct member m = { .type = MEMBER_DIRECTORY, .path = "d", .size = 5 };
	struct bytes archive = { 0 };
	struct tar_writer *w = start(&archive);
	struct fail f = { 0 };

	must(tar_writer_add(w, &m, NULL, 0, &f));
	is_int(tar_writer_data(w, "hello", 5, 0, &f), -EIO, "a directory has no data");
	tar_writer_free(w);
	bytes_free(&archive);
}

/* An error of the sink is the writer's, wherever it comes. */
static unsigned sink_left;

static int failing_sink(void *arg, const void *data, size_t size, struct fail *f)
{
	(void)arg;
	(void)data;
	(void)size;
	return sink_left-- > 0 ? 0 : fail_set(f, ENOSPC, "the sink", NULL, "it is full");
}

static void test_sink(void)
{
	static const struct tar_extent map[] = { { 1, 2 } };
	static const struct member m = { .path = "f", .size = 3 };
	unsigned failed = 0;
	struct tar_writer *w;
	struct fail f;

	for (unsigned n = 0; n < 10; n++) {
		int r;

		sink_left = n;
		must(tar_writer_open(failing_sink, NULL, &w));
		r = tar_writer_add(w, &m, map, 1, &f);
		if (r == 0)
			r = tar_writer_data(w, "x", 1, 2, &f);
		if (r == 0)
			r = tar_writer_finish(w, &f);
		tar_writer_free(w);
		failed += r == -ENOSPC && strcmp(f.what, "the sink") == 0;
		if (r == 0)
			break;
	}
	is_int(failed, 5, "head, zeros, data, padding and end are lost one after the other");
}

/* ---- and back ---- */

static const struct member members[] = {
	{ .type = MEMBER_FILE,
	  .path = "etc/passwd",
	  .mode = 0644,
	  .mtime = { 1700000000, 123456789 } },
	{ .type = MEMBER_FILE, .path = "usr/bin/su", .mode = 06755, .uid = 7, .gid = 8 },
	{ .type = MEMBER_FILE, .path = "nobody", .uid = 4294967294U, .gid = 4294967294U },
	{ .type = MEMBER_FILE, .path = "half", .mtime = { -1, 500000000 } },
	{ .type = MEMBER_FILE, .path = "one", .mtime = { -1, 0 } },
	{ .type = MEMBER_FILE, .path = "old", .mtime = { -2, 999999999 } },
	{ .type = MEMBER_FILE, .path = "older", .mtime = { -2147483649LL, 1 } },
	{ .type = MEMBER_FILE, .path = "future", .mtime = { 7258118400LL, 999999999 } },
	{ .type = MEMBER_FILE, .path = "far", .mtime = { 1LL << 40, 1 } },
	{ .type = MEMBER_FILE, .path = "latin-\xe9\xff/new\nline", .mode = 0600 },
	{ .type = MEMBER_FILE, .path = "caf\xc3\xa9" },  /* the same to who can see it, */
	{ .type = MEMBER_FILE, .path = "cafe\xcc\x81" }, /* not to a file system */
	{ .type = MEMBER_FILE, .path = A100 "caf\xc3\xa9" },
	{ .type = MEMBER_FILE, .path = A100 "cafe\xcc\x81" },
	{ .type = MEMBER_FILE, .path = "blank at the end ", .mode = 0 },
	{ .type = MEMBER_FILE, .path = " " },
	{ .type = MEMBER_FILE, .path = A100 "/" A100 },
	{ .type = MEMBER_FILE, .path = A155 "//" A100 },
	{ .type = MEMBER_FILE, .path = "/" A100 "/" A50 },
	{ .type = MEMBER_DIRECTORY, .path = "tmp/", .mode = 01777, .mtime = { 1, 1 } },
	{ .type = MEMBER_DIRECTORY, .path = "./", .mode = 0755 },
	{ .type = MEMBER_DIRECTORY, .path = A100 A100 "/", .mode = 0755 },
	{ .type = MEMBER_SYMLINK, .path = "bin", .target = "usr/bin", .mode = 0777, .uid = 12345 },
	{ .type = MEMBER_SYMLINK, .path = "odd", .target = "/\xff\xfe\n" },
	{ .type = MEMBER_SYMLINK, .path = "slash", .target = A100 "/" },
	{ .type = MEMBER_HARDLINK, .path = "second", .target = "usr/bin/su", .mode = 06755 },
	{ .type = MEMBER_HARDLINK, .path = "third", .target = "latin-\xe9\xff/new\nline" },
	{ .type = MEMBER_HARDLINK, .path = "fourth", .target = A100 "cafe\xcc\x81" },
	{ .type = MEMBER_CHAR, .path = "dev/null", .mode = 0666, .rdev = RDEV(1, 3) },
	{ .type = MEMBER_BLOCK, .path = "dev/big", .mode = 0660, .rdev = RDEV(4095, 1048575) },
	{ .type = MEMBER_FIFO, .path = "run/initctl", .mode = 0620 },
};

static struct tar_reader *reader_of(const struct bytes *archive, struct bytes_source *source)
{
	struct tar_reader *t;
	struct fail f;

	*source = (struct bytes_source){ archive->data, archive->size, 4096 };
	must(tar_reader_open(bytes_source, source, "archive", TAR_MEMORY_MAX, &t, &f));
	return t;
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* The last of that name, which is the one that counts. */
static bool has_xattr(const struct xattrs *x, const char *name, const void *value, size_t size)
{
	size_t cursor = 0, other_size;
	const void *other;
	const char *key;
	bool same = false;

	while (xattrs_next(x, &cursor, &key, &other, &other_size))
		if (strcmp(key, name) == 0)
			same = size == other_size && memcmp(value, other, size) == 0;
	return same;
}

static bool same_xattrs(const struct xattrs *a, const struct xattrs *b)
{
	size_t cursor = 0, size, n = 0;
	const void *value;
	const char *key;
	bool same = true;

	while (xattrs_next(a, &cursor, &key, &value, &size)) {
		same = same && has_xattr(b, key, value, size);
		n++;
	}
	for (cursor = 0; xattrs_next(b, &cursor, &key, &value, &size);)
		n--;
	return same && n == 0;
}

/* Reads the next member, which must be this one. */
static bool next_is(struct tar_reader *t, const struct member *want)
{
	struct member m;
	struct fail f;
	bool same;

	if (tar_reader_next(t, &m, &f) != 1) {
		diag("  %s: %s", f.what, f.why);
		return false;
	}
	same = m.type == want->type && strcmp(m.path, want->path) == 0 && m.size == want->size &&
	       same_text(m.target, want->target) && m.mode == want->mode && m.uid == want->uid &&
	       m.gid == want->gid && m.mtime.tv_sec == want->mtime.tv_sec &&
	       m.mtime.tv_nsec == want->mtime.tv_nsec && m.rdev == want->rdev &&
	       same_xattrs(&m.xattrs, &want->xattrs);
	if (!same)
		diag("  type %d mode %o owner %u:%u time %lld.%ld size %llu %.100s", m.type, m.mode,
		     m.uid, m.gid, (long long)m.mtime.tv_sec, m.mtime.tv_nsec,
		     (unsigned long long)m.size, m.path);
	member_free(&m);
	return same;
}

static void test_members(void)
{
	struct bytes archive = { 0 };
	struct tar_writer *w = start(&archive);
	struct bytes_source source;
	struct tar_reader *t;
	struct member m;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		must(tar_writer_add(w, &members[i], NULL, 0, &f));
	must(tar_writer_finish(w, &f));
	tar_writer_free(w);
	t = reader_of(&archive, &source);
	for (size_t i = 0; i < ARRAY_SIZE(members); i++)
		ok(next_is(t, &members[i]), "%.60s comes back", members[i].path);
	is_int(tar_reader_next(t, &m, &f), 0, "and the end");
	tar_reader_close(t);
	bytes_free(&archive);
}

static bool comes_back(const struct member *m)
{
	struct bytes archive = { 0 };
	struct tar_writer *w = start(&archive);
	struct bytes_source source;
	struct tar_reader *t;
	struct fail f;
	bool same;

	must(tar_writer_add(w, m, NULL, 0, &f));
	must(tar_writer_finish(w, &f));
	tar_writer_free(w);
	t = reader_of(&archive, &source);
	same = next_is(t, m);
	tar_reader_close(t);
	bytes_free(&archive);
	return same;
}

/* Each byte but NUL and '/', alone, in pairs and at the ends of long names; names and targets of each length. */
static void test_names(void)
{
	static char path[4097], target[4097];
	unsigned wrong = 0;

	for (unsigned c = 1; c < 256; c++) {
		struct member m = { .path = path, .target = target, .type = MEMBER_SYMLINK };

		if (c == '/')
			continue;
		for (size_t n = 1; n <= 300; n = n < 3 ? n + 1 : n + 99) {
			memset(path, (int)c, n);
			path[n] = '\0';
			strcpy(target, path);
			wrong += !comes_back(&m);
		}
	}
	is_int(wrong, 0, "names and targets of every byte come back");
	for (size_t n = 1; n < 4096; n += n < 600 ? 1 : 499) {
		struct member m = { .path = path, .target = target, .type = MEMBER_HARDLINK };

		for (size_t i = 0; i < n; i++)
			path[i] = target[i] = i % 97 == 96 && i + 1 < n ? '/'
									: (char)('a' + i % 26);
		path[n] = target[n] = '\0';
		if (n > 3500)
			n = 4095;
		wrong += !comes_back(&m);
	}
	is_int(wrong, 0, "and of every length up to 4095");
}

static void test_attributes_back(void)
{
	static const char *const names[] = { "user.a=b",    "user.100%",
					     "user.%41",    "user.\xc3\xa9\xff",
					     "user.a b\n",  "security.capability",
					     "user.%3D%25", "trusted.t",
					     "user.empty" };
	static struct acl_entry entries[] = {
		{ 0x01, 7, ACL_UNDEFINED_ID }, { USER, 6, 1000 },
		{ USER, 0, 2147483647 },       { USER, 1, 4294967294U },
		{ 0x04, 5, ACL_UNDEFINED_ID }, { GROUP, 4, 0 },
		{ GROUP, 2, 2147483648U },     { 0x10, 6, ACL_UNDEFINED_ID },
		{ 0x20, 1, ACL_UNDEFINED_ID },
	};
	static struct acl_entry minimal[] = { { 0x01, 7, ACL_UNDEFINED_ID },
					      { 0x04, 0, ACL_UNDEFINED_ID },
					      { 0x20, 0, ACL_UNDEFINED_ID } };
	static const struct acl_named named[] = { { { 0x01, 7, ACL_UNDEFINED_ID }, "" },
						  { { USER, 6, ACL_UNDEFINED_ID }, "joe" },
						  { { USER, 5, 4000000000U }, "" },
						  { { 0x04, 4, ACL_UNDEFINED_ID }, "" },
						  { { GROUP, 4, ACL_UNDEFINED_ID }, "\xff b" },
						  { { 0x10, 7, ACL_UNDEFINED_ID }, "" },
						  { { 0x20, 0, ACL_UNDEFINED_ID }, "" } };
	struct member m = { .type = MEMBER_DIRECTORY, .path = "d/", .mode = 0750 };
	static char large[70000];

	memset(large, '\n', sizeof(large));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		must(xattrs_add(&m.xattrs, names[i], "\0=\n\xff\0",
				ARRAY_SIZE(names) - 1 - i < 5 ? ARRAY_SIZE(names) - 1 - i : 5));
	must(xattrs_add(&m.xattrs, "user.large", large, sizeof(large)));
	must(xattrs_add_acl(&m.xattrs, ACL_XATTR_ACCESS, entries, ARRAY_SIZE(entries)));
	must(xattrs_add_acl(&m.xattrs, ACL_XATTR_DEFAULT, minimal, ARRAY_SIZE(minimal)));
	ok(comes_back(&m), "attributes and ACLs come back");
	member_free(&m);
	must(aclnames_add(&m.xattrs, ACL_XATTR_ACCESS, named, ARRAY_SIZE(named)));
	must(aclnames_add(&m.xattrs, ACL_XATTR_DEFAULT, named, ARRAY_SIZE(named)));
	ok(comes_back(&m), "and ACLs that name users");
	member_free(&m);
}

/* mmdebstrap and others keep ACLs as the attributes that they are. */
static void test_raw_acl(void)
{
	static struct acl_entry entries[] = { { 0x01, 7, ACL_UNDEFINED_ID },
					      { USER, 6, 4000000000U },
					      { 0x04, 5, ACL_UNDEFINED_ID },
					      { 0x10, 6, ACL_UNDEFINED_ID },
					      { 0x20, 1, ACL_UNDEFINED_ID } };
	struct member raw = { .path = "f" }, want = { .path = "f" };
	struct bytes archive = { 0 };
	struct bytes_source source;
	struct tar_reader *t;
	struct tar_writer *w;
	size_t cursor = 0, size;
	const char *key;
	const void *value;
	struct fail f;

	must(xattrs_add_acl(&want.xattrs, ACL_XATTR_ACCESS, entries, ARRAY_SIZE(entries)));
	xattrs_next(&want.xattrs, &cursor, &key, &value, &size);
	must(xattrs_add(&raw.xattrs, "user.678901234567890123", value, size));
	w = start(&archive);
	must(tar_writer_add(w, &raw, NULL, 0, &f));
	must(tar_writer_finish(w, &f));
	tar_writer_free(w);
	bytes_patch(&archive, "user.678901234567890123", "system.posix_acl_access");
	t = reader_of(&archive, &source);
	ok(next_is(t, &want), "an ACL as the attribute that it is");
	tar_reader_close(t);
	member_free(&raw);
	member_free(&want);
	bytes_free(&archive);
}

/* A map of n extents of one byte each, and a hole behind it or not. */
static void check_map(size_t n, bool hole)
{
	struct tar_extent *map = calloc(n + 1, sizeof(*map));
	struct member m = { .path = "f", .size = n * 10 - (hole ? 0 : 9) };
	struct bytes archive = { 0 };
	struct tar_writer *w = start(&archive);
	struct bytes_source source;
	const struct tar_extent *have;
	const void *data;
	size_t n_have = 0, size, bytes = 0;
	uint64_t offset;
	struct tar_reader *t;
	bool right = true;
	struct fail f;

	for (size_t i = 0; i < n; i++)
		map[i] = (struct tar_extent){ i * 10, 1 };
	must(tar_writer_add(w, &m, map, n, &f));
	for (size_t i = 0; i < n; i++)
		must(tar_writer_data(w, &"0123456789"[i % 10], 1, i * 10, &f));
	must(tar_writer_finish(w, &f));
	tar_writer_free(w);
	t = reader_of(&archive, &source);
	ok(next_is(t, &m), "a file of %zu extents%s comes back", n, hole ? " and a hole" : "");
	have = tar_reader_extents(t, &n_have);
	ok(n_have == n && memcmp(have, map, n * sizeof(*map)) == 0, "with its map");
	while (tar_reader_data(t, &data, &size, &offset, &f) > 0)
		for (size_t i = 0; i < size; i++, bytes++)
			right = right && offset + i == bytes * 10 &&
				((const char *)data)[i] == "0123456789"[bytes % 10];
	ok(right && bytes == n, "and its data");
	tar_reader_close(t);
	bytes_free(&archive);
	free(map);
}

/* One hole, of a size that no machine could fill. */
static void check_hole(uint64_t size)
{
	const struct tar_extent end = { size, 0 };
	const struct member m = { .path = "f", .size = size };
	struct bytes archive = { 0 };
	struct tar_writer *w = start(&archive);
	struct bytes_source source;
	const struct tar_extent *have;
	struct tar_reader *t;
	const void *data;
	size_t n, some;
	uint64_t offset;
	struct fail f;

	must(tar_writer_add(w, &m, &end, 1, &f));
	must(tar_writer_finish(w, &f));
	tar_writer_free(w);
	ok(archive.size <= 6 * BLOCK, "a hole of %llu bytes takes no room",
	   (unsigned long long)size);
	t = reader_of(&archive, &source);
	ok(next_is(t, &m), "and comes back");
	have = tar_reader_extents(t, &n);
	ok(n == 1 && have->offset == size && have->size == 0, "as a hole");
	is_int(tar_reader_data(t, &data, &some, &offset, &f), 0, "without data");
	tar_reader_close(t);
	bytes_free(&archive);
}

/* A sparse file of no bytes for which the archive has some: what they are for, nobody knows. */
static void test_empty_map(void)
{
	static const struct tar_extent map[] = { { 4, 5 } };
	static const struct member m = { .path = "f", .size = 9 };
	struct bytes archive = { 0 };
	struct tar_writer *w = start(&archive);
	struct bytes_source source;
	struct tar_reader *t;
	struct member next;
	struct fail f;

	must(tar_writer_add(w, &m, map, 1, &f));
	must(tar_writer_data(w, "hello", 5, 4, &f));
	must(tar_writer_finish(w, &f));
	tar_writer_free(w);
	bytes_patch(&archive, "realsize=9", "realsize=0");
	bytes_patch(&archive, "1\n4\n5\n", "0\n4\n5\n");
	t = reader_of(&archive, &source);
	is_int(tar_reader_next(t, &next, &f), -EBADMSG, "a sparse file of no bytes with data");
	is_str(f.why, "its map of holes lists none of its data", "is refused");
	tar_reader_close(t);
	bytes_free(&archive);
}

int main(void)
{
	test_times();
	test_lengths();
	test_headers();
	test_bytes();
	test_attributes();
	test_order();
	test_bad_acl();
	test_files();
	test_zeros();
	test_refused();
	test_no_file();
	test_sink();
	test_members();
	test_names();
	test_attributes_back();
	test_raw_acl();
	test_empty_map();
	check_hole(1);
	check_hole(1ULL << 60);
	check_map(1, true);
	check_map(3, false);
	check_map(3, true);
	check_map(100000, true);
	return done_testing();
}
