/* An image from somewhere else, as `tarboot inspect` gets it: members, manifest and payload are where
 * the file is. */
#include "image/image.h"

#include "fuzz.h"

static void check(const struct image *image, size_t size)
{
	uint64_t sum = 0;

	promise(image->start + image->size <= size && (image->uki || image->size == size));
	for (size_t i = 0; i < image->n_members; i++) {
		const struct image_member *m = &image->members[i];

		promise(m->offset <= image->size && m->size <= image->size - m->offset);
		sum += strlen(m->name);
	}
	promise(sum <= size);
	for (size_t i = 0; i < image->payload.n_parts; i++)
		promise(image->payload.parts[i].offset + image->payload.parts[i].size <=
			image->start + image->size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memory_file(data, size, 0);
	struct image image;
	struct fail f;
	char path[32];

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (image_open(path, &image, &f) == 0) {
		fuzz_accepted++;
		check(&image, size);
		image_close(&image);
	}
	close(fd);
	return 0;
}
