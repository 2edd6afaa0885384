/* A table of options. See options.h. */
#include "fetch/options.h"

#include <errno.h>
#include <string.h>

#include "base/number.h"
#include "base/util.h"

#define LIMIT_MAX 3600000 /* an hour, in milliseconds */

static bool parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	return number_take(&text, ret) && !*text && *ret <= max;
}

/* What goes into a header: no control characters. */
static bool parse_validator(const char *text, char ret[FETCH_TEXT_MAX])
{
	for (const char *c = text; *c; c++)
		if (*c < ' ' || *c > '~')
			return false;
	if (strlen(text) >= FETCH_TEXT_MAX)
		return false;
	strcpy(ret, text);
	return true;
}

static bool parse_text(const char *text, const char **ret)
{
	*ret = text;
	return *text;
}

static bool take_option(struct options *o, const char *name, size_t size, const char *value)
{
	struct download *d = &o->download;
	const struct {
		const char *name;
		uint64_t *number;
		uint64_t max;
	} numbers[] = {
		{ "offset", &d->offset, INT64_MAX },
		{ "end", &d->end, INT64_MAX },
		{ "size", &d->size, INT64_MAX },
		{ "connect-timeout", &d->limits.connect, LIMIT_MAX },
		{ "response-timeout", &d->limits.response, LIMIT_MAX },
		{ "stall-timeout", &d->limits.stall, LIMIT_MAX },
		{ "wait", &d->limits.wait, LIMIT_MAX },
	};

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (strlen(numbers[i].name) == size && memcmp(name, numbers[i].name, size) == 0)
			return parse_number(value, numbers[i].max, numbers[i].number);
	if (size == 9 && memcmp(name, "validator", size) == 0)
		return parse_validator(value, d->validators[0]);
	if (size == 5 && memcmp(name, "proxy", size) == 0)
		return parse_text(value, &d->proxy);
	if (size == 6 && memcmp(name, "chroot", size) == 0)
		return parse_text(value, &o->chroot);
	return false;
}

static int check(struct options *o, struct fail *f)
{
	struct download *d = &o->download;
	struct url proxy;

	if (d->n_urls == 0)
		return fail_set(f, EINVAL, "the command line",
				"Write the URLs of a file at its end.", "no URL is there");
	if (*d->proxy && strcmp(d->proxy, FETCH_PROXY_OF_ENVIRONMENT) != 0 &&
	    url_parse(d->proxy, &proxy, f) < 0)
		return -EINVAL;
	d->urls = o->urls;
	d->is_size_given = d->size != FETCH_SIZE_UNKNOWN;
	return 0;
}

int options_parse(char *const *argv, struct options *ret, struct fail *f)
{
	struct download *d = &ret->download;

	*ret = (struct options){ .download = { .end = FETCH_SIZE_UNKNOWN,
					       .size = FETCH_SIZE_UNKNOWN,
					       .proxy = "",
					       .limits = { 10000, 30000, 20000, 10000 },
					       .bytes = STDOUT_FILENO,
					       .messages = FETCH_MESSAGES } };
	for (size_t i = 1; argv[0] && argv[i]; i++) {
		const char *name = argv[i] + 2, *value = strchr(argv[i], '=');

		if (strncmp(argv[i], "--", 2) == 0) {
			if (!value || !take_option(ret, name, (size_t)(value - name), value + 1))
				return fail_set(f, EINVAL, argv[i],
						"See common/fetch/fetch_message.h.",
						"it is no option with a value that is possible");
		} else if (d->n_urls == URLS_MAX) {
			return fail_set(f, EINVAL, argv[i], "Leave some out.",
					"there may be %d URLs", URLS_MAX);
		} else if (url_parse(argv[i], &ret->urls[d->n_urls++], f) < 0) {
			return -EINVAL;
		}
	}
	return check(ret, f);
}
