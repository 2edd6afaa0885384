/* newc members around the payload. */
#include "image/image_write.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/bootpart.h"
#include "base/util.h"

#define NAME_ROOM 160 /* bytes of a member's name, with the number of a part and the NUL */

/* One newc member of the payload archive: header, data, padding. */
static int write_part(struct out *image, int fd, const char *name, uint64_t from, uint64_t size,
		      struct fail *f)
{
	static const char padding[4];
	char head[CPIO_HEADER_SIZE + NAME_ROOM + 8];
	struct cpio_header h = { .ino = 1, .mode = S_IFREG | 0644, .nlink = 1 };
	int r;

	h.size = (uint32_t)size;
	cpio_header_write(&h, name, head);
	r = out_write(image, head, cpio_head_size(strlen(name)), f);
	if (r == 0)
		r = out_copy(image, fd, from, size, "the payload", f);
	return r == 0 ? out_write(image, padding, cpio_padding(size), f) : r;
}

int image_write_payload(struct out *image, int fd, const char *name, uint64_t total, struct fail *f)
{
	struct bootpart trailer = { 0 };
	char part[NAME_ROOM];
	uint64_t size;
	int r = 0;

	for (uint64_t at = 0, i = 0; r == 0 && at < total; at += size, i++) {
		size = total - at < IMAGE_PART_MAX ? total - at : IMAGE_PART_MAX;
		if (total > IMAGE_PART_MAX)
			snprintf(part, sizeof(part), "%s.%03u", name, (unsigned)i);
		r = write_part(image, fd, total > IMAGE_PART_MAX ? part : name, at, size, f);
	}
	if (r == 0 && bootpart_finish(&trailer) < 0)
		r = fail_errno(f, ENOMEM, image->path, "cannot finish the image");
	if (r == 0)
		r = out_write(image, trailer.data, trailer.size, f);
	bootpart_free(&trailer);
	return r;
}
