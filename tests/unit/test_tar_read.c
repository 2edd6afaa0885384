/*
 * The tar reader, whatever the pieces in which its source gives the bytes: the same members and data
 * come out, and no cut and no byte behind the end marker goes unnoticed.
 */
#include "tar/tar_read.h"

#include <errno.h>

#include "feed.h"
#include "scratch.h"
#include "tap.h"
#include "tar/tar_header.h"
#include "tar_bytes.h"
#include "tar/tar_write.h"

#define DATA_SIZE 700 /* two blocks */
#define MARKER 1024
#define LARGE_KEY "SCHILY.xattr.user.large"

static char archive[8192];
static size_t archive_size; /* with the end marker */

/* Two files of DATA_SIZE bytes. */
static void make_archive(void)
{
	struct bytes bytes = { 0 };
	struct tar_writer *w;
	char data[DATA_SIZE];
	struct fail f;

	memset(data, 'x', sizeof(data));
	must(tar_writer_open(bytes_sink, &bytes, &w));
	for (int i = 0; i < 2; i++) {
		struct member m = { .path = i ? "two" : "one", .mode = 0644, .size = DATA_SIZE };

		must(tar_writer_add(w, &m, NULL, 0, &f));
		must(tar_writer_data(w, data, sizeof(data), 0, &f));
	}
	must(tar_writer_finish(w, &f));
	tar_writer_free(w);
	archive_size = bytes.size;
	memcpy(archive, bytes.data, bytes.size);
	bytes_free(&bytes);
}

/* Reads size bytes of the archive in pieces. *ret_data: bytes of 'x' that came out. */
static int read_some(size_t size, size_t step, bool whole, uint64_t *ret_members, size_t *ret_data,
		     struct fail *f)
{
	struct feed feed = { .at = archive, .left = size, .step = step };
	struct tar_reader *t;
	struct member m;
	const void *data;
	uint64_t offset;
	size_t n;
	int r = tar_reader_open(feed_piece, &feed, "the archive", TAR_MEMORY_MAX, &t, f);

	*ret_members = *ret_data = 0;
	if (r < 0)
		t = NULL;
	else if (whole)
		tar_reader_take_without_end(t);
	while (r >= 0 && (r = tar_reader_next(t, &m, f)) > 0) {
		member_free(&m);
		while ((r = tar_reader_data(t, &data, &n, &offset, f)) > 0)
			*ret_data += offset == *ret_data % DATA_SIZE ? n : 0;
	}
	if (t)
		*ret_members = tar_reader_members(t);
	tar_reader_close(t);
	free(feed.piece);
	return r;
}

static int read_pieces(size_t size, size_t step, uint64_t *ret_members, size_t *ret_data,
		       struct fail *f)
{
	return read_some(size, step, false, ret_members, ret_data, f);
}

static const size_t steps[] = { 1, 7, 100, 511, 512, 513, 1000, 1024, 2000, sizeof(archive) };

static void test_whole(void)
{
	uint64_t members;
	size_t data;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		ok(read_pieces(archive_size, steps[i], &members, &data, &f) == 0 && members == 2 &&
			   data == 2 * DATA_SIZE,
		   "whole, in pieces of %zu", steps[i]);
		ok(read_pieces(archive_size + 777, steps[i], &members, &data, &f) == 0,
		   "more zeros at the end, in pieces of %zu", steps[i]);
	}
}

static void test_cut(void)
{
	uint64_t members;
	size_t data, size, wrong;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		for (size = wrong = 0; size < archive_size; size += 63)
			wrong += read_pieces(size, steps[i], &members, &data, &f) != -EBADMSG;
		wrong += read_pieces(archive_size - 1, steps[i], &members, &data, &f) != -EBADMSG;
		is_int((long long)wrong, 0, "every cut is seen, in pieces of %zu", steps[i]);
	}
}

/* Of what is known to be whole only the end may be missing, and what pads the last member. */
static void test_without_end(void)
{
	static const struct {
		size_t size;
		int result;
		uint64_t members;
	} cuts[] = {
		{ 0, 0, 0 },
		{ 511, -EBADMSG, 0 },
		{ 512, -EBADMSG, 1 },
		{ 512 + DATA_SIZE - 1, -EBADMSG, 1 },
		{ 512 + DATA_SIZE, 0, 1 },
		{ 512 + DATA_SIZE + 1, -EBADMSG, 1 },
		{ 1536, 0, 1 },
		{ 2047, -EBADMSG, 1 },
		{ 2048 + DATA_SIZE, 0, 2 },
		{ 3072, 0, 2 },
		{ 3584, 0, 2 },
		{ 4096, 0, 2 },
	};
	uint64_t members;
	struct fail f;
	size_t data;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
		for (size_t c = 0; c < ARRAY_SIZE(cuts); c++) {
			r = read_some(cuts[c].size, steps[i], true, &members, &data, &f);
			ok(r == cuts[c].result && members == cuts[c].members &&
				   (r < 0 || data == members * DATA_SIZE),
			   "without an end, %zu bytes, in pieces of %zu", cuts[c].size, steps[i]);
		}
}

/* What is cut: by the byte at which the archive ends. */
static void test_what_is_cut(void)
{
	static const struct {
		size_t from;
		const char *why;
	} parts[] = {
		{ 0, "it has no end marker (members read: 0)" },
		{ 1, "it ends in the middle of its first header" },
		{ 512, "it ends in the middle of one" },
		{ 1536, "it has no end marker (members read: 1)" },
		{ 1537, "it ends in the middle of the header that follows one" },
		{ 2048, "it ends in the middle of two" },
		{ 3072, "it has no end marker (members read: 2)" },
		{ 3073, "it ends in the middle of the header that follows two" },
		{ 3584, "it has no end marker (members read: 2)" },
		{ 4096, NULL },
	};
	uint64_t members;
	size_t data, wrong;
	struct fail f;

	is_int((long long)archive_size, 4096, "two members and the end");
	for (size_t i = 0; parts[i].why; i++) {
		wrong = 0;
		for (size_t size = parts[i].from; size < parts[i + 1].from; size++) {
			(void)read_pieces(size, 100, &members, &data, &f);
			wrong += strcmp(f.what, "the archive") != 0 ||
				 strcmp(f.why, parts[i].why) != 0;
		}
		is_int((long long)wrong, 0, "from byte %zu on: %s", parts[i].from, parts[i].why);
	}
}

/* In the second block of the end marker, and behind it. */
static void test_more(void)
{
	uint64_t members;
	size_t data, at, wrong;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		for (at = archive_size - MARKER / 2, wrong = 0; at < archive_size + MARKER;
		     at += 31) {
			archive[at] = 'x';
			wrong += read_pieces(archive_size + MARKER, steps[i], &members, &data,
					     &f) != -EBADMSG;
			archive[at] = 0;
		}
		is_int((long long)wrong, 0, "every byte behind the end is seen, in pieces of %zu",
		       steps[i]);
	}
}

/* ---- sparse maps ---- */

static void set_checksum(char *header)
{
	unsigned sum = 0;
	char number[16];

	memset(header + 148, ' ', 8);
	for (int i = 0; i < 512; i++)
		sum += (unsigned char)header[i];
	snprintf(number, sizeof(number), "%06o", sum);
	memcpy(header + 148, number, 7);
}

/* Turns the first member into a sparse one of the old GNU form, with one extent. */
static void make_sparse(unsigned offset, unsigned size, unsigned real_size)
{
	archive[156] = 'S';
	memcpy(archive + 257, "ustar  ", 8);
	memset(archive + 345, 0, 167);
	snprintf(archive + 386, 12, "%011o", offset);
	snprintf(archive + 398, 12, "%011o", size);
	snprintf(archive + 483, 12, "%011o", real_size);
	set_checksum(archive);
}

static void test_extents(void)
{
	static const struct {
		unsigned offset, size, real_size, extents;
	} maps[] = {
		{ 0, DATA_SIZE, 10000, 1 },
		{ 4096, DATA_SIZE, 10000, 1 },
		{ 0, DATA_SIZE, DATA_SIZE, 1 }, /* no hole */
	};
	const struct tar_extent *extents;
	struct tar_reader *t;
	struct member m;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(maps); i++) {
		struct feed feed = { .at = archive, .left = archive_size, .step = 512 };
		size_t n;

		make_sparse(maps[i].offset, maps[i].size, maps[i].real_size);
		must(tar_reader_open(feed_piece, &feed, "the archive", TAR_MEMORY_MAX, &t, &f));
		is_int(tar_reader_next(t, &m, &f), 1, "a sparse member");
		is_int((long long)m.size, maps[i].real_size, "its size");
		extents = tar_reader_extents(t, &n);
		is_int((long long)n, maps[i].extents, "its map has %u extents", maps[i].extents);
		ok(extents[0].offset == maps[i].offset && extents[0].size == maps[i].size,
		   "which is right");
		member_free(&m);
		tar_reader_close(t);
		free(feed.piece);
	}
}

/* 128 attributes of 64 KiB, the largest that Linux has, in one header. */
static void test_large_attributes(void)
{
	const size_t value = 64 << 10, line = 6 + strlen(LARGE_KEY "000=") + value + 1;
	const size_t size = 128 * line,
		     header = TAR_BLOCK + (size + TAR_BLOCK - 1) / TAR_BLOCK * TAR_BLOCK;
	_cleanup_free_ char *tar = calloc(1, header + archive_size);
	struct feed feed = { .at = tar, .left = header + archive_size };
	struct tar_reader *t;
	struct member m;
	struct fail f;

	if (!tar)
		scratch_die("calloc");
	memcpy(tar, archive, TAR_BLOCK);
	for (size_t i = 0; i < 128; i++) {
		char *at = tar + TAR_BLOCK + i * line;

		memset(at, 'v', line);
		memcpy(at + snprintf(at, line, "%zu " LARGE_KEY "%03zu=", line, i), "v", 1);
		at[line - 1] = '\n';
	}
	tar[156] = 'x';
	snprintf(tar + 124, 12, "%011zo", size);
	set_checksum(tar);
	memcpy(tar + header, archive, archive_size);
	must(tar_reader_open(feed_piece, &feed, "the archive", TAR_MEMORY_MAX, &t, &f));
	is_int(tar_reader_next(t, &m, &f), 1, "a member with 8 MiB of attributes");
	ok(m.xattrs.used > 128 * value, "has them");
	member_free(&m);
	tar_reader_close(t);
	free(feed.piece);
}

int main(void)
{
	make_archive();
	test_whole();
	test_cut();
	test_without_end();
	test_what_is_cut();
	test_more();
	test_large_attributes();
	test_extents();
	return done_testing();
}
