/*
 * newc cpio, the format of an initramfs image (Linux Documentation, "initramfs buffer format").
 * Pure: headers to and from bytes.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#define CPIO_HEADER_SIZE 110
#define CPIO_TRAILER "TRAILER!!!"
#define CPIO_FILE_MAX UINT32_MAX /* bytes of one member */

struct cpio_header {
	uint32_t ino, mode, uid, gid, nlink, mtime, size, rdev_major, rdev_minor;
	uint32_t name_size; /* with NUL; computed by cpio_header_write from the name */
};

/* Bytes that follow n bytes up to the next multiple of 4. */
static inline size_t cpio_padding(uint64_t n)
{
	return (size_t)(-n & 3);
}

/* Bytes of header, name and padding for a name of that length. */
static inline size_t cpio_head_size(size_t name_length)
{
	size_t n = CPIO_HEADER_SIZE + name_length + 1;

	return n + cpio_padding(n);
}

/* Writes cpio_head_size(strlen(name)) bytes to buf. */
void cpio_header_write(const struct cpio_header *h, const char *name, char *buf);

/* Reads the fixed part. 0, or -EINVAL: not a newc header or a bad number in it. */
int cpio_header_parse(const char buf[CPIO_HEADER_SIZE], struct cpio_header *ret);
