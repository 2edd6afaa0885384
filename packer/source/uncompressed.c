/* xz has an Index at its end, gzip the size modulo 2^32. */
#include "source/uncompressed.h"

#include <fcntl.h>
#include <unistd.h>

#include "codec/codec.h"

static uint64_t size_of_blocks(int fd, uint64_t offset, uint64_t size)
{
	struct payload p = { .name = "" };
	struct block_list blocks;
	uint64_t bytes = 0;
	struct fail unused;
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0);

	if (copy >= 0 && payload_add(&p, copy, offset, size) == 0 &&
	    block_list_read(&p, &blocks, &unused) == 0) {
		bytes = blocks.uncompressed;
		block_list_free(&blocks);
	}
	payload_close(&p);
	return bytes;
}

static uint64_t size_in_trailer(int fd, uint64_t offset, uint64_t size)
{
	uint8_t t[4];
	uint64_t bytes;

	if (size < 18 || pread(fd, t, sizeof(t), (off_t)(offset + size - sizeof(t))) != sizeof(t))
		return 0;
	bytes = t[0] | t[1] << 8 | t[2] << 16 | (uint64_t)t[3] << 24;
	return bytes >= size
		       ? bytes
		       : 0; /* 4 GiB or more, several members, or data that does not compress */
}

uint64_t uncompressed_size(int fd, uint64_t offset, uint64_t size)
{
	uint8_t head[CODEC_HEAD] = { 0 };
	ssize_t n = pread(fd, head, (size_t)min_u64(size, sizeof(head)), (off_t)offset);

	if (n <= 0)
		return 0;
	if (codec_find(head, (size_t)n))
		return size_of_blocks(fd, offset, size);
	return head[0] == 0x1f && head[1] == 0x8b ? size_in_trailer(fd, offset, size) : 0;
}
