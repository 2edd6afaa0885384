/* The payload as one run of bytes, whatever parts it lies in. */
#include "codec/payload.h"

#include <errno.h>
#include <sys/mman.h>

#include "scratch.h"
#include "tap.h"
#include "wrap.h"

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
	is_int(payload_read(&p, 3, buf, 7), -ENODATA, "what is missing is an error");
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

/* ---- pages ---- */

static long pages_of = 4096; /* bytes */

WRAP(long, sysconf, (int name))
{
	return name == _SC_PAGESIZE ? pages_of : REAL(sysconf)(name);
}

/* A file in memory, as the initramfs is, whose blocks tell how many of its pages there are. */
static int memory_file(size_t size)
{
	_cleanup_free_ char *data = malloc(size);
	int fd = must(memfd_create("payload", MFD_CLOEXEC));

	if (!data)
		scratch_die("malloc");
	memset(data, 'x', size);
	if (write(fd, data, size) != (ssize_t)size)
		scratch_die("memfd");
	return fd;
}

static long long kib_of(int fd)
{
	struct stat st;

	must(fstat(fd, &st));
	return st.st_blocks / 2;
}

/* 'x' or 0 */
static char byte_at(const struct payload *p, uint64_t offset)
{
	char byte = '?';

	return payload_read(p, offset, &byte, 1) == 1 ? byte : '!';
}

/* What two callers are done with comes back whole; the page that only one of them is done with stays. */
static void test_discard(void)
{
	struct payload p = { 0 };
	int fd = memory_file(100000); /* 25 pages of 4 KiB, the last one short */

	must(payload_add(&p, fd, 0, 100000));
	is_int(kib_of(fd), 100, "a file of 100,000 bytes takes 25 pages");
	payload_discard(&p, 0, 0);
	payload_discard(&p, 5000, 4000);
	payload_discard(&p, 5000, 9000);
	payload_discard(&p, 100000, 200000);
	is_int(kib_of(fd), 100, "nothing and parts of pages take nothing away");
	payload_discard(&p, 5000, 20000);
	is_int(kib_of(fd), 92, "5,000 to 20,000 are two whole pages");
	ok(byte_at(&p, 8191) == 'x' && byte_at(&p, 8192) == 0 && byte_at(&p, 16383) == 0 &&
		   byte_at(&p, 16384) == 'x',
	   "which read as zeros; what lies around stays");
	is_int((long long)payload_page_start(&p, 20000), 16384, "it goes on at the page of 20,000");
	is_int((long long)payload_page_start(&p, 16384), 16384, "which starts there");
	payload_discard(&p, payload_page_start(&p, 20000), 99999);
	is_int(kib_of(fd), 12, "the last page stays while a byte of it is needed");
	is_int((long long)payload_page_start(&p, 100000), 100000, "behind the end is no page");
	payload_discard(&p, payload_page_start(&p, 99999), 100000);
	is_int(kib_of(fd), 8, "and goes with it");
	payload_discard(&p, 0, 5000);
	payload_discard(&p, 0, 8192);
	is_int(kib_of(fd), 0, "as all others do");
	payload_close(&p);
}

/* Parts of a payload in files of their own, and stretches of one file whose other bytes are not ours. */
static void test_discard_parts(void)
{
	struct payload p = { 0 };
	int whole = memory_file(10000), stretch = memory_file(40960);

	must(payload_add(&p, whole, 0, 10000));
	must(payload_add(&p, stretch, 5000, 20000));
	is_int((long long)payload_page_start(&p, 9999), 8192, "in the last page of a part");
	is_int((long long)payload_page_start(&p, 10000), 10000, "the next one starts for itself");
	is_int((long long)payload_page_start(&p, 13000), 10000, "in its first page");
	is_int((long long)payload_page_start(&p, 13192), 13192, "at its second one");
	payload_discard(&p, 9000, 13000);
	is_int(kib_of(whole), 12, "nothing whole at a border");
	payload_discard(&p, payload_page_start(&p, 9000), 13500);
	is_int(kib_of(whole), 8, "the last page of a file");
	is_int(kib_of(stretch), 40, "not a page with bytes of others");
	payload_discard(&p, 0, 30000);
	is_int(kib_of(whole), 0, "all of a file");
	is_int(kib_of(stretch), 24, "all of a stretch but its borders");
	ok(byte_at(&p, 13191) == 'x' && byte_at(&p, 13192) == 0 && byte_at(&p, 29575) == 0 &&
		   byte_at(&p, 29576) == 'x',
	   "which are those pages");
	payload_close(&p);
}

/* arm64 has such kernels. */
static void test_large_pages(void)
{
	struct payload p = { 0 };
	int fd = memory_file(200000);

	pages_of = 65536;
	must(payload_add(&p, fd, 0, 200000));
	payload_discard(&p, 4096, 131071);
	is_int(kib_of(fd), 196, "pages of 64 KiB: none is whole");
	payload_discard(&p, 4096, 131072);
	is_int(kib_of(fd), 132, "one is");
	is_int((long long)payload_page_start(&p, 131071), 65536, "and starts there");
	payload_discard(&p, 131072, 200000);
	is_int(kib_of(fd), 64, "the last one goes with the end of the file");
	pages_of = 4096;
	payload_close(&p);
}

int main(void)
{
	test_read();
	test_short_part();
	test_open();
	if (REAL(sysconf)(_SC_PAGESIZE) == pages_of) {
		test_discard();
		test_discard_parts();
		test_large_pages();
	} else {
		skip(1, "pages of another size");
	}
	return done_testing();
}
