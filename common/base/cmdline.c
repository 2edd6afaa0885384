/* One pass over the text. */
#include "base/cmdline.h"

#include <ctype.h>
#include <string.h>

/* Sets the value, which lies between an equals sign and end, without the quotes around it. */
static void set_value(struct cmdline_param *p, const char *value, const char *end)
{
	if (value < end && *value == '"') {
		value++;
		if (end > value && end[-1] == '"')
			end--;
	}
	p->value = value;
	p->value_size = (size_t)(end - value);
}

bool cmdline_next(const char **at, struct cmdline_param *ret)
{
	const char *end, *equals = NULL;
	bool is_quoted, in_quotes;

	while (isspace((unsigned char)**at))
		(*at)++;
	if (!**at)
		return false;
	is_quoted = in_quotes = **at == '"';
	*at += is_quoted;
	*ret = (struct cmdline_param){ .name = *at };
	for (end = *at; *end && (in_quotes || !isspace((unsigned char)*end)); end++) {
		if (*end == '=' && !equals && end > ret->name)
			equals = end;
		if (*end == '"')
			in_quotes = !in_quotes;
	}
	*at = end;
	if (is_quoted && end > ret->name && end[-1] == '"')
		end--;
	ret->name_size = (size_t)((equals ? equals : end) - ret->name);
	if (equals)
		set_value(ret, equals + 1, end);
	return equals || ret->name_size != 2 || memcmp(ret->name, "--", 2) != 0;
}
