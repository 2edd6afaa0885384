/* newc headers. */
#include "cpio.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

void cpio_header_write(const struct cpio_header *h, const char *name, char *buf)
{
	const uint32_t fields[13] = {
		h->ino,  h->mode, h->uid, h->gid,        h->nlink,      h->mtime,
		h->size, 0,       0,      h->rdev_major, h->rdev_minor, (uint32_t)strlen(name) + 1,
		0,
	};
	char digits[9];

	memset(buf, 0, cpio_head_size(strlen(name)));
	memcpy(buf, "070701", 6);
	for (size_t i = 0; i < 13; i++) {
		snprintf(digits, sizeof(digits), "%08X", fields[i]);
		memcpy(buf + 6 + i * 8, digits, 8);
	}
	memcpy(buf + CPIO_HEADER_SIZE, name, strlen(name));
}

static int parse_hex(const char digits[8], uint32_t *ret)
{
	uint32_t value = 0;

	for (int i = 0; i < 8; i++) {
		char c = digits[i];

		if (c >= '0' && c <= '9')
			value = value << 4 | (uint32_t)(c - '0');
		else if (c >= 'a' && c <= 'f')
			value = value << 4 | (uint32_t)(c - 'a' + 10);
		else if (c >= 'A' && c <= 'F')
			value = value << 4 | (uint32_t)(c - 'A' + 10);
		else
			return -EINVAL;
	}
	*ret = value;
	return 0;
}

int cpio_header_parse(const char buf[CPIO_HEADER_SIZE], struct cpio_header *ret)
{
	uint32_t fields[13];

	/* 070702 is newc with checksums, which nobody fills in for an initramfs. */
	if (memcmp(buf, "070701", 6) != 0 && memcmp(buf, "070702", 6) != 0)
		return -EINVAL;
	for (size_t i = 0; i < 13; i++)
		if (parse_hex(buf + 6 + i * 8, &fields[i]) < 0)
			return -EINVAL;
	if (fields[11] == 0)
		return -EINVAL;
	*ret = (struct cpio_header){
		.ino = fields[0],
		.mode = fields[1],
		.uid = fields[2],
		.gid = fields[3],
		.nlink = fields[4],
		.mtime = fields[5],
		.size = fields[6],
		.rdev_major = fields[9],
		.rdev_minor = fields[10],
		.name_size = fields[11],
	};
	return 0;
}
