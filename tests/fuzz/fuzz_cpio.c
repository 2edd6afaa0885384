/* cpio headers: what is read and written again is the same header. */
#include "tar/cpio.h"

#include "fuzz.h"

static void check_round_trip(const struct cpio_header *h, const char *name)
{
	size_t size = cpio_head_size(strlen(name));
	char *buf = malloc(size), *twice = malloc(size);
	struct cpio_header again;

	promise(buf && twice && size % 4 == 0);
	cpio_header_write(h, name, buf);
	promise(cpio_header_parse(buf, &again) == 0);
	promise(again.name_size == strlen(name) + 1 && again.size == h->size);
	cpio_header_write(&again, name, twice);
	promise(memcmp(buf, twice, size) == 0);
	promise(strcmp(buf + CPIO_HEADER_SIZE, name) == 0);
	free(buf);
	free(twice);
}

/* Any format; what is refused has a field that is named. */
static void check_formats(const uint8_t *data, size_t size)
{
	const struct cpio_format *format = size < CPIO_MAGIC_SIZE
						   ? NULL
						   : cpio_format_of((const char *)data);
	struct cpio_bad_field bad = { 0 };
	struct cpio_header h;
	uint32_t name_size;
	char *head;

	if (!format || size < format->header_size)
		return;
	head = malloc(format->header_size);
	promise(head);
	memcpy(head, data, format->header_size);
	if (cpio_header_read(format, head, &h, &bad) == 0)
		promise(cpio_name_size_read(format, head, &name_size, &bad) == 0 &&
			name_size == h.name_size);
	else
		promise(bad.name && *bad.name);
	free(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpio_header h;
	char *name;

	check_formats(data, size);
	if (size < CPIO_HEADER_SIZE || cpio_header_parse((const char *)data, &h) < 0)
		return 0;
	fuzz_accepted++;
	promise(h.name_size > 0);
	name = text_of(data + CPIO_HEADER_SIZE, size - CPIO_HEADER_SIZE);
	check_round_trip(&h, name);
	free(name);
	return 0;
}
