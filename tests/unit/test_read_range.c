/* Ranges of a file: what lies in them and no more, in blocks of an even size, and what is missing. */
#include "base/read_range.h"

#include "scratch.h"
#include "tap.h"

#define SIZE 600001

struct got {
	uint8_t *data; /* SIZE bytes */
	size_t size, odd;
	int error; /* to return */
};

static int take(void *arg, const void *data, size_t size)
{
	struct got *got = arg;

	got->odd += size % 2;
	memcpy(got->data + got->size, data, size);
	got->size += size;
	return got->error;
}

static void check_range(int fd, const uint8_t *text, uint64_t from, uint64_t to)
{
	struct got got = { .data = malloc(SIZE) };
	struct digest is, want = digest_of(text + from, (size_t)(to - from));

	is_int(read_range(fd, from, to, take, &got), 0, "from %llu to %llu",
	       (unsigned long long)from, (unsigned long long)to);
	ok(got.size == to - from && memcmp(got.data, text + from, got.size) == 0, "these bytes");
	ok(got.odd <= 1, "at most the last block has an odd size");
	ok(digest_of_range(fd, from, to, &is) == 0 && digest_is_same(&is, &want), "their digest");
	free(got.data);
}

static void check_failures(int fd)
{
	struct got got = { .data = malloc(SIZE), .error = -EIO };
	struct digest unused;

	is_int(read_range(fd, 0, SIZE, take, &got), -EIO, "what take returns ends the reading");
	ok(got.size > 0 && got.size < SIZE, "at once");
	is_int(digest_of_range(fd, 0, SIZE + 1, &unused), -ENODATA, "a range that the file lacks");
	is_int(digest_of_range(-1, 0, 1, &unused), -EBADF, "no file");
	free(got.data);
}

int main(void)
{
	int dir = scratch_dir("read_range"), fd;
	uint8_t *text = malloc(SIZE);

	for (size_t i = 0; i < SIZE; i++)
		text[i] = (uint8_t)(i * i >> 7);
	put_data(dir, "file", text, SIZE, 0600);
	fd = must(openat(dir, "file", O_RDONLY | O_CLOEXEC));
	check_range(fd, text, 0, SIZE);
	check_range(fd, text, 1, SIZE - 1);
	check_range(fd, text, 262144, 524288);
	check_range(fd, text, 7, 7);
	check_failures(fd);
	close(fd);
	free(text);
	return done_testing();
}
