/* Sizes: parse and format. */
#include "base/size.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

static int parse_number(const char **text, uint64_t *ret)
{
	uint64_t value = 0;
	const char *p = *text;

	if (!isdigit((unsigned char)*p))
		return -EINVAL;
	for (; isdigit((unsigned char)*p); p++) {
		if (value > (INT64_MAX - 9) / 10)
			return -EINVAL;
		value = value * 10 + (uint64_t)(*p - '0');
	}
	*text = p;
	*ret = value;
	return 0;
}

int size_parse(const char *text, struct size *ret)
{
	static const char units[] = "kmgt";
	const char *unit;
	uint64_t value;

	if (strcasecmp(text, "auto") == 0) {
		*ret = (struct size){ SIZE_AUTO, 0 };
		return 0;
	}
	if (parse_number(&text, &value) < 0 || value == 0)
		return -EINVAL;
	if (strcmp(text, "%") == 0) {
		if (value > 100)
			return -EINVAL;
		*ret = (struct size){ SIZE_PERCENT, value };
		return 0;
	}
	if (*text) {
		unit = strchr(units, tolower((unsigned char)*text));
		if (!unit || text[1])
			return -EINVAL;
		for (; unit >= units; unit--) {
			if (value > INT64_MAX / 1024)
				return -EINVAL;
			value *= 1024;
		}
	}
	*ret = (struct size){ SIZE_BYTES, value };
	return 0;
}

const char *size_format(char buf[SIZE_TEXT_MAX], uint64_t bytes)
{
	double value = (double)bytes;

	if (bytes < 1024)
		snprintf(buf, SIZE_TEXT_MAX, "%u B", (unsigned)bytes);
	else if (bytes < 1024 * 1024)
		snprintf(buf, SIZE_TEXT_MAX, "%.0f KiB", value / 1024);
	else if (bytes < 1024ULL * 1024 * 1024)
		snprintf(buf, SIZE_TEXT_MAX, "%.1f MiB", value / (1024 * 1024));
	else
		snprintf(buf, SIZE_TEXT_MAX, "%.2f GiB", value / (1024.0 * 1024 * 1024));
	return buf;
}
