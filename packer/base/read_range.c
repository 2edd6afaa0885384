#include "base/read_range.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/util.h"

#define READ_SIZE (1 << 18)

/* Reads size bytes, or those before the end of the file. */
static ssize_t read_block(int fd, uint64_t at, char *buf, size_t size)
{
	size_t have = 0;
	ssize_t n;

	while (have < size) {
		n = pread(fd, buf + have, size - have, (off_t)(at + have));
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

int read_range(int fd, uint64_t from, uint64_t to, read_range_take *take, void *arg)
{
	_cleanup_free_ char *buf = malloc(READ_SIZE);
	size_t size;
	ssize_t n;
	int r = buf ? 0 : -ENOMEM;

	for (; r == 0 && from < to; from += size) {
		size = (size_t)min_u64(to - from, READ_SIZE);
		n = read_block(fd, from, buf, size);
		if (n < 0)
			return (int)n;
		r = n == (ssize_t)size ? take(arg, buf, size) : -ENODATA;
	}
	return r;
}

static int take_digest(void *arg, const void *data, size_t size)
{
	digest_add(arg, data, size);
	return 0;
}

int digest_add_range(struct digest_state *s, int fd, uint64_t from, uint64_t to)
{
	return read_range(fd, from, to, take_digest, s);
}

int digest_of_range(int fd, uint64_t from, uint64_t to, struct digest *ret)
{
	struct digest_state s;
	int r;

	digest_begin(&s);
	r = digest_add_range(&s, fd, from, to);
	if (r == 0)
		*ret = digest_end(&s);
	return r;
}
