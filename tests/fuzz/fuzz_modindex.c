/* One text as every file of the index, searched for its own first word. */
#include "modules/modindex.h"

#include "fuzz.h"

static void found(const char *name, void *arg)
{
	unsigned *n = arg;

	(*n)++;
	promise(*name && strlen(name) < MODULE_NAME_MAX && !strpbrk(name, "-/. \t\n:"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size), name[MODULE_NAME_MAX], *options;
	const struct modindex m = { text, text, text, text };
	const char *line;
	unsigned n = 0;

	modindex_match(&m, text, found, &n);
	modindex_match(&m, "usb:v1p2", found, &n);
	if (modindex_name(text, name)) {
		line = modindex_dependencies(&m, name);
		promise(!line || (line >= text && line < text + size));
		modindex_tied(&m, name, MODINDEX_BEFORE, found, &n);
		modindex_tied(&m, name, MODINDEX_AFTER, found, &n);
		modindex_tied(&m, name, MODINDEX_WEAK, found, &n);
		(void)modindex_is_forbidden(&m, name);
		line = modindex_install_command(&m, name);
		promise(!line || (line >= text && line < text + size));
		(void)modindex_command_loads(line ? line : text, name);
		options = modindex_options(&m, name);
		promise(options && strlen(options) <= 2 * size); /* blanks and quotes come to it */
		free(options);
	}
	fuzz_accepted += n > 0;
	promise(modindex_join_lines(text, size) <= size);
	free(text);
	return 0;
}
