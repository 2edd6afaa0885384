/* Temporary files: where they lie, what is read back, and the sentence when there is no room. */
#include "base/spool.h"

#include <errno.h>
#include <stdio.h>
#include <sys/statvfs.h>

#include "scratch.h"
#include "tap.h"
#include "wrap.h"

#define FULL "Set TMPDIR to a directory with more room."

static struct fail f;
static uint64_t room =
	UINT64_MAX; /* bytes that the file system takes; UINT64_MAX: the real one's */
static int write_error;

WRAP(ssize_t, LARGE(pwrite), (int fd, const void *data, size_t size, off_t at))
{
	if (write_error) {
		errno = write_error;
		return -1;
	}
	if (room == UINT64_MAX)
		return REAL(LARGE(pwrite))(fd, data, size, at);
	if (room == 0) {
		errno = ENOSPC;
		return -1;
	}
	size = size < room ? size : (size_t)room;
	room -= size;
	return REAL(LARGE(pwrite))(fd, data, size, at);
}

WRAP(int, LARGE(fstatvfs), (int fd, struct statvfs *ret))
{
	int r = REAL(LARGE(fstatvfs))(fd, ret);

	if (room != UINT64_MAX) {
		ret->f_frsize = 1;
		ret->f_bfree = ret->f_bavail = room;
	}
	return r;
}

static void test_data(void)
{
	int before = count_descriptors(), from = data_file("from a descriptor", 17);
	struct spool s;
	uint64_t offset;
	char text[32] = "";

	is_int(spool_new(&s, &f), 0, "opened");
	is_int(spool_write(&s, "first", 5, &offset, &f), 0, "written");
	is_int((long long)offset, 0, "at its start");
	is_int(spool_write(&s, "", 0, &offset, &f), 0, "nothing written");
	is_int(spool_write(&s, " second", 7, &offset, &f), 0, "written again");
	is_int((long long)offset, 5, "behind it");
	is_int(spool_read_from(&s, from, "pipe", &f), 0, "read from a descriptor");
	is_int((long long)s.size, 29, "its size");
	is_int(pread(s.fd, text, sizeof(text) - 1, 5), 24, "read back");
	is_str(text, " secondfrom a descriptor", "the same");
	is_int(spool_read_from(&s, -1, "pipe", &f), -EBADF, "what cannot be read");
	is_str(f.what, "pipe", "is named");
	is_str(f.why, "cannot read it: Bad file descriptor", "why");
	spool_close(&s);
	close(from);
	spool_close(&s);
	is_int(s.fd, -1, "closed");
	is_int(count_descriptors(), before, "no descriptor is left");
}

/* has: bytes that there is room for. */
static void is_full(uint64_t has, uint64_t expected, const char *why)
{
	struct spool s;

	must(spool_new(&s, &f));
	room = has;
	s.expected = expected;
	is_int(spool_write(&s, "12345678", 8, NULL, &f), -ENOSPC, "no room: %s", why);
	is_str(f.what, s.directory, "the directory");
	is_str(f.why, why, "why");
	is_str(f.todo, FULL, "what to do");
	room = UINT64_MAX;
	spool_close(&s);
}

static void test_full(void)
{
	struct spool s;
	char why[128];

	is_full(2, 0, "it is full: a temporary file there cannot get larger than 2 B");
	is_full(2, 8, "a temporary file of up to 8 B is needed, and there is room for 2 B");
	is_full(3, 3, "it is full: a temporary file there cannot get larger than 3 B");
	must(spool_new(&s, &f));
	is_int(spool_expect(&s, 1, &f), 0, "room for what is expected");
	is_int((long long)s.expected, 1, "noted");
	must(spool_write(&s, "ab", 2, NULL, &f));
	room = 5000;
	is_int(spool_expect(&s, 5000, &f), 0, "just enough");
	is_int(spool_expect(&s, 5001, &f), -ENOSPC, "said before anything is written");
	is_str(f.why, "a temporary file of up to 5 KiB is needed, and there is room for 5 KiB",
	       "why");
	is_int(spool_expect(&s, UINT64_MAX, &f), -ENOSPC, "no sum is too large");
	room = UINT64_MAX;
	write_error = EDQUOT;
	is_int(spool_write(&s, "a", 1, NULL, &f), -EDQUOT, "a quota");
	is_str(f.todo, FULL, "what to do");
	write_error = EIO;
	is_int(spool_write(&s, "a", 1, NULL, &f), -EIO, "a broken disk");
	snprintf(why, sizeof(why), "cannot write a temporary file: %s", strerror(EIO));
	is_str(f.why, why, "why");
	write_error = 0;
	spool_close(&s);
}

static void test_directory(int dir)
{
	char path[8192], missing[sizeof(path) + 16];
	struct stat here, there;
	struct spool s;

	snprintf(path, sizeof(path), "%s/spool", scratch_base);
	snprintf(missing, sizeof(missing), "%s/missing", path);
	setenv("TMPDIR", path, 1);
	is_str(spool_directory(), path, "TMPDIR");
	must(spool_new(&s, &f));
	must(fstat(s.fd, &there));
	must(fstat(dir, &here));
	ok(here.st_dev == there.st_dev, "it lies there");
	is_int((long long)there.st_nlink, 0, "without a name");
	is_int(there.st_mode & 0777, 0600, "and only its owner can read it");
	spool_close(&s);

	setenv("TMPDIR", missing, 1);
	is_int(spool_new(&s, &f), -ENOENT, "a TMPDIR that is not there");
	is_str(f.what, missing, "it is named");
	is_str(f.why, "cannot create a temporary file there: No such file or directory", "why");
	is_str(f.todo, "Set TMPDIR to a directory that can be written.", "what to do");
	setenv("TMPDIR", "", 1);
	is_str(spool_directory(), "/var/tmp", "an empty one is none");
	unsetenv("TMPDIR");
	is_str(spool_directory(), "/var/tmp", "none");
}

int main(void)
{
	int dir = scratch_dir("spool");

	test_data();
	test_full();
	test_directory(dir);
	close(dir);
	return done_testing();
}
