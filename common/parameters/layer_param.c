#include "parameters/layer_param.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "image/layer_rules.h"

#define VALUE_HAS "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._:-"

static const char *const names[LAYER_VARIABLES] = {
	[LAYER_MAC] = "mac",   [LAYER_IP] = "ip",         [LAYER_HOSTNAME] = "hostname",
	[LAYER_UUID] = "uuid", [LAYER_SERIAL] = "serial",
};

/* at: behind "${". *ret_length: of the name. LAYER_VARIABLES: it is none that is known. */
static enum layer_variable read_variable(const char *at, size_t *ret_length)
{
	enum layer_variable v = 0;

	*ret_length = strcspn(at, "}");
	if (at[*ret_length] != '}')
		return LAYER_VARIABLES;
	while (v < LAYER_VARIABLES &&
	       (strlen(names[v]) != *ret_length || memcmp(names[v], at, *ret_length) != 0))
		v++;
	return v;
}

/* ---- reading ---- */

static int fail_syntax(struct fail *f, const char *text, const char *why)
{
	return fail_set(
		f, EINVAL, text,
		"Write a path, or URLs with commas between; behind it, if wanted, \"#\" and "
		"the digest of the file (`b2sum -l 256`), and last \"?\" if it may be "
		"missing.",
		"%s", why);
}

static int check_variables(const char *text, struct fail *f)
{
	size_t length;

	for (const char *at = text; (at = strstr(at, "${")); at++)
		if (read_variable(at + 2, &length) == LAYER_VARIABLES)
			return fail_set(f, EINVAL, text,
					"Use ${mac}, ${ip}, ${hostname}, ${uuid} or ${serial}.",
					"\"%.*s\" is no variable of a layer", (int)length + 3, at);
	return 0;
}

/* The network is set up for a server before all variables are known. */
static bool has_variable_in_host(const char *text)
{
	for (const char *at = text; (at = strstr(at, "://")); at += 3)
		if (memchr(at + 3, '$', strcspn(at + 3, "/,")))
			return true;
	return false;
}

int layer_param_servers(const struct layer_param *p, struct url ret[URLS_MAX], size_t *ret_n,
			struct fail *f)
{
	static const struct layer_values any = { { "x", "x", "x", "x", "x" } };
	char filled[LAYER_FROM_MAX];
	int r = layer_param_fill(p, &any, filled, f);

	return r == 0 ? url_list_parse(filled, ret, ret_n, f) : r;
}

static int check_urls(const struct layer_param *p, struct fail *f)
{
	_cleanup_free_ struct url *urls = calloc(URLS_MAX, sizeof(*urls));
	size_t n;

	if (!urls)
		return fail_errno(f, ENOMEM, p->from, "cannot read it");
	if (has_variable_in_host(p->from))
		return fail_syntax(f, p->from, "the name of a server cannot have a variable");
	return layer_param_servers(p, urls, &n, f);
}

/* Of one path or URL. */
static bool has_variable_beside_name(const char *text, size_t size)
{
	size_t length;
	const char *name = layer_name_of(text, &length);

	for (const char *at = text; (at = strstr(at, "${")) && at < text + size; at += 2)
		if (at < name || at >= name + length)
			return true;
	return false;
}

int layer_param_check_signed(const struct layer_param *p, struct fail *f)
{
	size_t size;

	for (const char *at = p->from; *at && !p->has_digest; at += size + (at[size] == ',')) {
		size = strcspn(at, *p->from == '/' ? "" : ",");
		if (has_variable_beside_name(at, size))
			return fail_set(
				f, EINVAL, p->from,
				"Write the variable into the name of the file, as in "
				"http://SERVER/layers/${mac}.tar.xz, and sign the layers by "
				"these names.",
				"it has a variable in a directory or query, but a signature is "
				"for the name of the file");
	}
	return 0;
}

/* Cuts "#DIGEST" off. */
static int cut_digest(struct layer_param *p, struct fail *f)
{
	char *digest = strrchr(p->from, '#');

	if (!digest)
		return 0;
	if (digest_parse(digest + 1, &p->digest) < 0)
		return fail_syntax(f, p->from, "behind \"#\" there are no 64 hexadecimal digits");
	*digest = '\0';
	p->has_digest = true;
	return 0;
}

int layer_param_parse(const char *text, struct layer_param *ret, struct fail *f)
{
	struct layer_param p = { 0 };
	size_t length = strlen(text);
	int r;

	if (length >= sizeof(p.from))
		return fail_syntax(f, text, "it is too long");
	strcpy(p.from, text);
	p.may_be_missing = length > 0 && text[length - 1] == '?';
	if (p.may_be_missing)
		p.from[length - 1] = '\0';
	r = cut_digest(&p, f);
	if (r == 0 && *p.from != '/' && !url_is_one(p.from))
		r = fail_syntax(f, text, "it is neither an absolute path nor a URL");
	if (r == 0)
		r = check_variables(p.from, f);
	if (r == 0 && *p.from != '/')
		r = check_urls(&p, f);
	if (r == 0)
		*ret = p;
	return r;
}

bool layer_params_next(const char **list, struct layer_param *ret)
{
	char text[LAYER_FROM_MAX];
	struct fail unused;
	size_t length;

	while (**list) {
		length = strcspn(*list, "\n");
		snprintf(text, sizeof(text), "%.*s", (int)length, *list);
		*list += length;
		*list += **list == '\n';
		if (layer_param_parse(text, ret, &unused) == 0)
			return true;
	}
	return false;
}

/* ---- filling in ---- */

static int check_value(const struct layer_param *p, enum layer_variable v, const char *value,
		       struct fail *f)
{
	if (!*value)
		return fail_set(
			f, ENOENT, p->from,
			"Name the layer without it, or put \"?\" behind it if such a machine "
			"needs none.",
			"this machine has no ${%s} to fill in", names[v]);
	if (*value == '.' || value[strspn(value, VALUE_HAS)])
		return fail_set(
			f, EINVAL, p->from, "Name the layer by something else.",
			"this machine's ${%s} is \"%s\", which has more than letters, digits "
			"and . _ : -",
			names[v], value);
	return 0;
}

int layer_param_fill(const struct layer_param *p, const struct layer_values *values,
		     char ret[LAYER_FROM_MAX], struct fail *f)
{
	const char *at = p->from, *text;
	size_t used = 0, length, name;
	enum layer_variable v;
	int r;

	while (*at) {
		text = at;
		length = 1;
		at++;
		if (strncmp(text, "${", 2) == 0) {
			v = read_variable(text + 2, &name);
			r = check_value(p, v, values->is[v], f);
			if (r < 0)
				return r;
			at += name + 2;
			text = values->is[v];
			length = strlen(text);
		}
		if (used + length >= LAYER_FROM_MAX)
			return fail_set(f, E2BIG, p->from, "Use shorter names.",
					"it gets too long when its variables are filled in");
		memcpy(ret + used, text, length);
		used += length;
	}
	ret[used] = '\0';
	return 0;
}
