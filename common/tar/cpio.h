/*
 * Headers of cpio archives: newc, the format of an initramfs image (Linux Documentation, "initramfs buffer format"),
 * newc with checksums, and odc, the older one of POSIX. Pure: headers to and from bytes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CPIO_HEADER_SIZE 110 /* of newc, the largest */
#define CPIO_MAGIC_SIZE 6
#define CPIO_TRAILER "TRAILER!!!"
#define CPIO_FILE_MAX UINT32_MAX /* bytes of one member of newc */

struct cpio_header {
	uint64_t mtime, size;
	uint32_t ino, mode, uid, gid, nlink, dev_major, dev_minor, rdev_major, rdev_minor;
	uint32_t name_size; /* with NUL; computed by cpio_header_write from the name */
	uint32_t check;     /* sum of the data's bytes, where the format has it */
};

struct cpio_format {
	char magic[CPIO_MAGIC_SIZE + 1];
	bool has_checksum;
	bool repeats_data;    /* with each name of a file; else only one of them has its data */
	unsigned alignment;   /* of what follows a name and of what follows data */
	unsigned header_size; /* bytes before the name */
	unsigned base;        /* of its numbers */
	const struct cpio_field *fields;
};

/* A field that holds no number. */
struct cpio_bad_field {
	const char *name;
	char text[12]; /* what it holds */
};

/* Bytes that follow n bytes up to the next multiple of 4. */
static inline size_t cpio_padding(uint64_t n)
{
	return (size_t)(-n & 3);
}

/* Bytes of header, name and padding for a name of that length, in newc. */
static inline size_t cpio_head_size(size_t name_length)
{
	size_t n = CPIO_HEADER_SIZE + name_length + 1;

	return n + cpio_padding(n);
}

/* Writes cpio_head_size(strlen(name)) bytes to buf, in newc. */
void cpio_header_write(const struct cpio_header *h, const char *name, char *buf);

/* Reads the fixed part. 0, or -EINVAL: not a newc header or a bad number in it. */
int cpio_header_parse(const char buf[CPIO_HEADER_SIZE], struct cpio_header *ret);

/* The format that has this magic; NULL for none of these. */
const struct cpio_format *cpio_format_of(const char magic[CPIO_MAGIC_SIZE]);

/* Reads the fixed part, header_size bytes, of any format. 0, or -EINVAL with the first bad field in *ret_bad. */
int cpio_header_read(const struct cpio_format *format, const char *buf, struct cpio_header *ret,
		     struct cpio_bad_field *ret_bad);

/* The same, only the size of the name: what must be known before other errors can tell whose they are. */
int cpio_name_size_read(const struct cpio_format *format, const char *buf, uint32_t *ret,
			struct cpio_bad_field *ret_bad);
