/*
 * Which reader an archive gets, by its first bytes, in whatever pieces they come: nothing of them is lost for it.
 */
#include "tar/root_read.h"

#include <errno.h>

#include "tar/cpio.h"
#include "feed.h"
#include "scratch.h"
#include "tap.h"
#include "tar/tar_header.h"

static char archive[4096];
static size_t archive_size;

/* A file with that name, and the content of one. */
static void make_tar(const char *name)
{
	unsigned sum = 8 * ' ';

	memset(archive, 0, sizeof(archive));
	snprintf(archive, 100, "%s", name);
	memcpy(archive + 100, "0000644", 7);
	memcpy(archive + 124, "00000000004", 11);
	memcpy(archive + 257, "ustar\00000", 8);
	for (size_t i = 0; i < TAR_BLOCK; i++)
		sum += (unsigned char)archive[i];
	snprintf(archive + 148, 8, "%06o", sum);
	memcpy(archive + TAR_BLOCK, "data", 4);
	archive_size = 4 * TAR_BLOCK;
}

static void make_cpio(const char *name)
{
	const struct cpio_header file = { .mode = 0100644, .nlink = 1, .size = 4 },
				 end = { .nlink = 1 };

	memset(archive, 0, sizeof(archive));
	cpio_header_write(&file, name, archive);
	archive_size = cpio_head_size(strlen(name));
	memcpy(archive + archive_size, "data", 4);
	cpio_header_write(&end, CPIO_TRAILER, archive + archive_size + 4);
	archive_size += 4 + cpio_head_size(strlen(CPIO_TRAILER));
}

/* One member of four bytes, and the end. */
static int read_one(struct feed *feed, const char *name, size_t size, struct fail *f)
{
	char data[8] = "";
	struct root_reader *r;
	const void *piece;
	uint64_t offset;
	struct member m;
	bool good;
	size_t n;
	int e;

	must(root_reader_open(feed_piece, feed, "the archive", TAR_MEMORY_MAX, &r, f));
	good = root_reader_bytes(r) == 0 && root_reader_members(r) == 0 && !*root_reader_path(r);
	e = root_reader_next(r, &m, f);
	if (e > 0) {
		good = good && strcmp(m.path, name) == 0 && m.size == 4 &&
		       !root_reader_extents(r, &n) && n == 0 &&
		       strncmp(root_reader_path(r), name, 191) == 0 && root_reader_position(r) == 0;
		member_free(&m);
		while ((e = root_reader_data(r, &piece, &n, &offset, f)) > 0)
			memcpy(data + offset, piece, n);
	}
	if (e == 0)
		e = root_reader_next(r, &m, f);
	if (e == 0)
		e = good && strcmp(data, "data") == 0 && root_reader_members(r) == 1 &&
				    root_reader_bytes(r) == size && feed->ends == 1
			    ? 0
			    : -ENODATA;
	root_reader_close(r);
	free(feed->piece);
	return e;
}

static void is_read(const char *name, const char *what)
{
	static const size_t steps[] = { 1, 5, 6, 7, 100, 511, 512, 513, sizeof(archive) };
	struct fail f = { 0 };

	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct feed feed = { .at = archive, .left = archive_size, .step = steps[i] };

		is_int(read_one(&feed, name, archive_size, &f), 0, "%s, in pieces of %zu", what,
		       steps[i]);
		feed = (struct feed){
			.at = archive, .left = archive_size, .step = archive_size, .first = steps[i]
		};
		is_int(read_one(&feed, name, archive_size, &f), 0,
		       "%s, in pieces of %zu and the rest", what, steps[i]);
	}
}

static void fails(const char *bytes, size_t size, const char *why)
{
	for (size_t step = 1; step < 600; step += 510) {
		struct feed feed = { .at = bytes, .left = size, .step = step };
		struct fail f = { 0 };

		is_int(read_one(&feed, "", size, &f), -EBADMSG, "%zu bytes, in pieces of %zu", size,
		       step);
		is_str(f.why, why, "and why");
	}
}

static void test_none(void)
{
	fails("", 0, "it has no end marker (members read: 0)");
	fails("07070", 5, "it ends in the middle of its first header");
	fails("070701", 6, "it ends in the middle of its first header");
	fails("\xc7\x71\0\0\0\0", 6, "it is a cpio archive in the old binary format");
	fails("\x71\xc7\0\0\0\0", 6, "it is a cpio archive in the old binary format");
}

/* Also where nobody knows yet which archive it will be. */
static void test_source_fails(void)
{
	for (size_t size = 0; size < archive_size; size += 100) {
		struct feed feed = { .at = archive, .left = size, .step = 33, .breaks = true };
		struct fail f = { 0 };

		is_int(read_one(&feed, "file", size, &f), -EIO, "the source breaks after %zu",
		       size);
		is_str(f.why, "it broke", "and says so itself");
	}
}

int main(void)
{
	make_tar("file");
	is_read("file", "a tar");
	make_tar("070701");
	is_read("070701", "a tar with the name of a magic");
	make_cpio("file");
	is_read("file", "a cpio");
	make_cpio("n23456789012345678901234567890/23456789012345678901234567890/"
		  "23456789012345678901234567890/23456789012345678901234567890/"
		  "23456789012345678901234567890/23456789012345678901234567890/"
		  "23456789012345678901234567890/23456789012345678901234567890/"
		  "23456789012345678901234567890/23456789012345678901234567890/"
		  "23456789012345678901234567890/23456789012345678901234567890/"
		  "23456789012345678901234567890/23456789012345678901234567890/f");
	is_read(archive + CPIO_HEADER_SIZE, "a cpio whose first name is longer than a block");
	test_source_fails();
	test_none();
	return done_testing();
}
