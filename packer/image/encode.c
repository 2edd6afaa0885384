#include "image/encode.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"

const struct encode_kind *encode_find(const char *name)
{
	static const struct encode_kind *const kinds[] = { &encode_xz, &encode_zstd };

	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

int encode_fail(int error, struct fail *f)
{
	return fail_set(f, error, "the payload", "Pack with fewer --threads.",
			"cannot compress it: %s", strerror(error));
}
