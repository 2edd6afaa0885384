/* newc headers: what is read and written again is the same header. */
#include "cpio.h"

#include "fuzz.h"

static void check_round_trip(const struct cpio_header *h, const char *name)
{
	size_t size = cpio_head_size(strlen(name));
	char *buf = malloc(size);
	struct cpio_header again, want = *h;

	promise(buf && size % 4 == 0);
	cpio_header_write(h, name, buf);
	want.name_size = (uint32_t)strlen(name) + 1;
	promise(cpio_header_parse(buf, &again) == 0);
	promise(memcmp(&again, &want, sizeof(want)) == 0);
	promise(strcmp(buf + CPIO_HEADER_SIZE, name) == 0);
	free(buf);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct cpio_header h;
	char *name;

	if (size < CPIO_HEADER_SIZE || cpio_header_parse((const char *)data, &h) < 0)
		return 0;
	fuzz_accepted++;
	promise(h.name_size > 0);
	name = text_of(data + CPIO_HEADER_SIZE, size - CPIO_HEADER_SIZE);
	check_round_trip(&h, name);
	free(name);
	return 0;
}
