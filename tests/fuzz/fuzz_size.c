/* Sizes as people write them: what is read is in range, what is written fits. */
#include "base/size.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size), out[SIZE_TEXT_MAX];
	struct size s;

	if (size_parse(text, &s) == 0) {
		fuzz_accepted++;
		promise(s.kind == SIZE_AUTO ? s.value == 0 : s.value > 0);
		promise(s.kind != SIZE_PERCENT || s.value <= 100);
		promise(s.value <= INT64_MAX);
		promise(strlen(size_format(out, s.value)) < sizeof(out));
	}
	free(text);
	if (size >= sizeof(s.value)) {
		memcpy(&s.value, data, sizeof(s.value));
		promise(strlen(size_format(out, s.value)) < sizeof(out));
	}
	return 0;
}
