/* One text as every file of the index, searched for its own first word. */
#include "modindex.h"

#include "fuzz.h"

static void found(const char *name, void *arg)
{
	unsigned *n = arg;

	(*n)++;
	promise(*name && strlen(name) < MODULE_NAME_MAX && !strpbrk(name, "-/. \t\n:"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size), name[MODULE_NAME_MAX], options[100];
	const struct modindex m = { text, text, text, text };
	const char *line;
	unsigned n = 0;
	size_t used;

	modindex_match(&m, text, found, &n);
	modindex_match(&m, "usb:v1p2", found, &n);
	if (modindex_name(text, name)) {
		line = modindex_dependencies(&m, name);
		promise(!line || (line >= text && line < text + size));
		modindex_soft(&m, name, false, found, &n);
		modindex_soft(&m, name, true, found, &n);
		used = modindex_options(&m, name, options, sizeof(options));
		promise(used < sizeof(options) && used == strlen(options));
	}
	fuzz_accepted += n > 0;
	free(text);
	return 0;
}
