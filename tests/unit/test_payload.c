/* The payload as one run of bytes, whatever parts it lies in. */
#include "payload.h"

#include <errno.h>

#include "scratch.h"
#include "tap.h"

#define LETTERS "abcdefghijklmnopqrstuvwxyz"

/* Reads size bytes at offset, in as many reads as it takes. */
static const char *read_text(const struct payload *p, uint64_t offset, size_t size)
{
	static char text[64];
	size_t have = 0;
	ssize_t n = 1;

	while (have < size && n > 0) {
		n = payload_read(p, offset + have, text + have, size - have);
		have += n > 0 ? (size_t)n : 0;
	}
	text[have] = '\0';
	return text;
}

/* Letters in stretches of three files, with other bytes around them, and an empty part between. */
static void make_parts(struct payload *p)
{
	must(payload_add(p, data_file("??" LETTERS "??", 30), 2, 10));
	must(payload_add(p, data_file("x", 1), 1, 0));
	must(payload_add(p, data_file("klm", 3), 0, 3));
	must(payload_add(p, data_file(LETTERS, 26), 13, 13));
}

static void test_read(void)
{
	static const struct {
		uint64_t offset;
		size_t size;
		const char *want;
	} reads[] = {
		{ 0, 26, LETTERS },   { 0, 1, "a" },  { 9, 2, "jk" },        { 10, 3, "klm" },
		{ 8, 8, "ijklmnop" }, { 25, 1, "z" }, { 25, 10, "z" },       { 26, 1, "" },
		{ 1000, 1, "" },      { 5, 0, "" },   { UINT64_MAX, 5, "" },
	};
	struct payload p = { 0 };

	make_parts(&p);
	is_int((long long)p.size, 26, "the size of all parts");
	for (size_t i = 0; i < ARRAY_SIZE(reads); i++)
		is_str(read_text(&p, reads[i].offset, reads[i].size), reads[i].want,
		       "%zu bytes at %llu", reads[i].size, (unsigned long long)reads[i].offset);
	payload_close(&p);
	ok(p.n_parts == 0 && p.size == 0 && !p.parts, "closed, it is as new");
}

/* A part that promises more than its file holds: never a short answer without an error. */
static void test_short_part(void)
{
	struct payload p = { 0 };
	char buf[64];

	must(payload_add(&p, data_file("abc", 3), 0, 10));
	is_int(payload_read(&p, 0, buf, 10), 3, "what is there is read");
	is_int(payload_read(&p, 3, buf, 7), -EIO, "what is missing is an error");
	payload_close(&p);
}

static void test_open(void)
{
	int dir = scratch_dir("open"), before = count_descriptors();
	struct payload p;
	struct fail f;

	put_file(dir, "one", LETTERS, 0644);
	put_file(dir, "many.000", "abcdefghij", 0644);
	put_file(dir, "many.001", "", 0644);
	put_file(dir, "many.002", "klmnopqrstuvwxyz", 0644);
	put_file(dir, "many.004", "not this", 0644);
	put_file(dir, "late.001", "not this", 0644);
	must(mkdirat(dir, "dir", 0755));

	is_int(payload_open(dir, "one", false, &p, &f), 0, "one file");
	is_str(read_text(&p, 0, 26), LETTERS, "is read");
	ok(fcntl(p.parts[0].fd, F_GETFD) & FD_CLOEXEC, "its descriptor is close-on-exec");
	payload_close(&p);
	is_int(payload_open(dir, "many", false, &p, &f), 0, "numbered files");
	ok(p.n_parts == 3 && p.size == 26, "up to the first that is missing");
	is_str(read_text(&p, 0, 26), LETTERS, "are read as one");
	payload_close(&p);
	is_int(payload_open(dir, "missing", false, &p, &f), -ENOENT, "a file that is not there");
	ok(strstr(f.what, "missing") && *f.why, "is told");
	is_int(payload_open(dir, "late", false, &p, &f), -ENOENT,
	       "numbers that do not start at 000");
	is_int(payload_open(dir, "dir", false, &p, &f), -EINVAL, "a directory");
	is_int(payload_open(dir, "dir", true, &p, &f) < 0, 1, "a directory, to be written");
	is_int(count_descriptors(), before, "no descriptor is left open");
	close(dir);
}

/* Punched, the bytes are gone and the rest stays; where holes cannot be punched nothing happens. */
static void test_discard(void)
{
	static char block[1 << 20];
	struct payload p = { 0 };
	struct stat before, after;
	char buf[4];
	int fd;

	memset(block, 'x', sizeof(block));
	fd = data_file(block, sizeof(block));
	must(payload_add(&p, dup(fd), 4096, 500000));
	must(payload_add(&p, fd, 504096, sizeof(block) - 504096));
	must(fstat(fd, &before));
	payload_discard(&p, 0, 0);
	payload_discard(&p, 100, 50);
	payload_discard(&p, 490000, 600000);
	payload_discard(&p, p.size - 10, p.size + 100000);
	payload_discard(&p, p.size + 5, p.size + 9);
	must(fstat(fd, &after));
	ok(after.st_size == before.st_size, "the file keeps its size");
	ok(payload_read(&p, 489999, buf, 1) == 1 && buf[0] == 'x' &&
		   payload_read(&p, 600000, buf, 1) == 1 && buf[0] == 'x' &&
		   payload_read(&p, 0, buf, 1) == 1 && buf[0] == 'x',
	   "what lies around stays");
	if (after.st_blocks == before.st_blocks) {
		skip(2, "this file system punches no holes");
	} else {
		ok(payload_read(&p, 499999, buf, 1) == 1 && buf[0] == 0 &&
			   payload_read(&p, 500000, buf, 1) == 1 && buf[0] == 0,
		   "what was given back is zero, across the parts");
		ok(payload_read(&p, p.size - 1, buf, 1) == 1 && buf[0] == 0, "to the end");
	}
	payload_close(&p);
}

int main(void)
{
	test_read();
	test_short_part();
	test_open();
	test_discard();
	return done_testing();
}
