/* One table of keys, one function per kind of value. */
#include "parameters/params.h"

#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/cmdline.h"
#include "fetch/url.h"
#include "parameters/layer_param.h"
#include "base/util.h"
#include "parameters/log_server.h"

#define ZRAM_LEAST (1U << 20) /* bytes: less than that is a slip */

/* Each reads value (NULL: the key stood alone) into the params; false: it cannot be understood. */
typedef bool parse_fn(const char *value, void *field, struct params *p);

static bool parse_size_value(const char *value, void *field, struct params *p)
{
	(void)p;
	return value && size_parse(value, field) == 0;
}

/* More than all RAM is usual, as it is compressed. */
static bool parse_zram_percent(const char *value, struct zram_param *ret)
{
	char *end;
	unsigned long long n = strtoull(value, &end, 10);

	if (!isdigit((unsigned char)*value) || strcmp(end, "%") != 0 || n < 1 || n > 1000)
		return false;
	*ret = (struct zram_param){ ZRAM_PERCENT, n };
	return true;
}

static bool parse_zram(const char *value, void *field, struct params *p)
{
	struct zram_param *z = field;
	struct size size;

	(void)p;
	if (!value)
		return false;
	if (strcmp(value, "off") == 0 || strcmp(value, "auto") == 0) {
		*z = (struct zram_param){ *value == 'o' ? ZRAM_OFF : ZRAM_AUTO, 0 };
		return true;
	}
	if (parse_zram_percent(value, z))
		return true;
	if (size_parse(value, &size) < 0 || size.kind != SIZE_BYTES || size.value < ZRAM_LEAST)
		return false;
	*z = (struct zram_param){ ZRAM_BYTES, size.value };
	return true;
}

static bool parse_text(const char *value, void *field, struct params *p)
{
	(void)p;
	if (!value || strlen(value) >= sizeof(p->init))
		return false;
	strcpy(field, value);
	return true;
}

/* Adds it behind those that were given before. */
static bool parse_one_of_several(const char *value, void *field, struct params *p)
{
	struct text_param *t = field;
	size_t used = strlen(t->text);

	(void)p;
	if (!value || !*value)
		return true;
	if (used + strlen(value) + 2 > sizeof(t->text))
		t->is_too_long = true;
	else
		sprintf(t->text + used, "%s%s", used ? " " : "", value);
	return true;
}

static bool parse_path(const char *value, void *field, struct params *p)
{
	return value && *value == '/' && parse_text(value, field, p);
}

static bool parse_rootfs(const char *value, void *field, struct params *p)
{
	(void)p;
	if (!value || strlen(value) >= ROOTFS_MAX || !(*value == '/' || url_is_one(value)))
		return false;
	strcpy(field, value);
	return true;
}

/* Adds it behind those that were given before. */
static bool parse_layer(const char *value, void *field, struct params *p)
{
	char *layers = field;
	size_t used = strlen(layers);
	struct layer_param layer;
	struct fail unused;

	if (!value || layer_param_parse(value, &layer, &unused) < 0 || strchr(value, '\n') ||
	    used + strlen(value) + 2 > sizeof(p->layers))
		return false;
	sprintf(layers + used, "%s\n", value);
	return true;
}

static bool parse_proxy(const char *value, void *field, struct params *p)
{
	if (!value || strlen(value) >= sizeof(p->proxy) || (*value && !url_is_one(value)))
		return false;
	strcpy(field, value);
	return true;
}

static bool parse_date(const char *value, void *field, struct params *p)
{
	(void)p;
	if (!value || !signature_is_date(value))
		return false;
	strcpy(field, value);
	return true;
}

static bool parse_log(const char *value, void *field, struct params *p)
{
	struct url unused;

	if (!value || strlen(value) >= sizeof(p->log) ||
	    (*value && !log_server_parse(value, &unused)))
		return false;
	p->has_log = true;
	strcpy(field, value);
	return true;
}

static bool parse_long(const char *value, long min, long max, long *ret)
{
	char *end;
	long n;

	if (!value || !(isdigit((unsigned char)*value) || *value == '-'))
		return false;
	errno = 0;
	n = strtol(value, &end, 10);
	if (errno || *end || n < min || n > max)
		return false;
	*ret = n;
	return true;
}

static bool parse_threads(const char *value, void *field, struct params *p)
{
	long n;

	(void)p;
	if (!parse_long(value, 1, 4096, &n))
		return false;
	*(unsigned *)field = (unsigned)n;
	return true;
}

static bool parse_failwait(const char *value, void *field, struct params *p)
{
	p->has_failwait = parse_long(value, 0, INT_MAX, field);
	return p->has_failwait;
}

/* The kernel reads what it can and ignores the rest; a bad panic= must not stop a boot. */
static bool parse_panic(const char *value, void *field, struct params *p)
{
	p->has_panic = parse_long(value, INT_MIN, INT_MAX, field) || p->has_panic;
	return true;
}

static bool parse_bool(const char *value, void *field, struct params *p)
{
	static const char *const yes[] = { "1", "y", "yes", "on", "true" };
	static const char *const no[] = { "0", "n", "no", "off", "false" };

	(void)p;
	if (!value) {
		*(bool *)field = true;
		return true;
	}
	for (size_t i = 0; i < ARRAY_SIZE(yes); i++) {
		if (strcmp(value, yes[i]) == 0 || strcmp(value, no[i]) == 0) {
			*(bool *)field = strcmp(value, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

/* The kernel's own quiet and debug: words alone, anything else is not ours. */
static bool parse_word(const char *value, void *field, struct params *p)
{
	(void)p;
	if (!value)
		*(bool *)field = true;
	return true;
}

static bool parse_shell(const char *value, void *field, struct params *p)
{
	static const struct {
		const char *name;
		unsigned bit;
	} times[] = {
		{ "fail", SHELL_FAIL },
		{ "start", SHELL_START },
		{ "unpacked", SHELL_UNPACKED },
		{ "end", SHELL_END },
	};
	unsigned shell = 0;
	size_t length, i;

	(void)p;
	if (!value)
		value = "fail";
	for (;; value += length + 1) {
		length = strcspn(value, ",");
		for (i = 0; i < ARRAY_SIZE(times); i++)
			if (strlen(times[i].name) == length &&
			    memcmp(times[i].name, value, length) == 0)
				break;
		if (i == ARRAY_SIZE(times))
			return false;
		shell |= times[i].bit;
		if (!value[length])
			break;
	}
	*(unsigned *)field = shell;
	return true;
}

static bool parse_onfail(const char *value, void *field, struct params *p)
{
	static const char *const names[] = { [ONFAIL_REBOOT] = "reboot",
					     [ONFAIL_POWEROFF] = "poweroff",
					     [ONFAIL_HALT] = "halt",
					     [ONFAIL_SHELL] = "shell" };

	(void)p;
	for (size_t i = ONFAIL_REBOOT; value && i < ARRAY_SIZE(names); i++) {
		if (strcmp(value, names[i]) == 0) {
			*(enum onfail *)field = (enum onfail)i;
			return true;
		}
	}
	return false;
}

static bool parse_netwait(const char *value, void *field, struct params *p)
{
	(void)p;
	return parse_long(value, 0, INT_MAX / 1000, field);
}

static bool parse_verify(const char *value, void *field, struct params *p)
{
	bool verify = true;

	(void)field;
	if (value && strcmp(value, "root") == 0)
		p->verify_layers = false;
	else if (parse_bool(value, &verify, p))
		p->verify_layers = verify;
	else
		return false;
	p->verify = verify;
	return true;
}

static bool parse_machine_id(const char *value, void *field, struct params *p)
{
	(void)p;
	*(bool *)field = value && strcmp(value, "firmware") == 0;
	return *(bool *)field;
}

static bool parse_net(const char *value, void *field, struct params *p)
{
	(void)p;
	if (!value || (strcmp(value, "keep") != 0 && strcmp(value, "down") != 0))
		return false;
	*(bool *)field = strcmp(value, "keep") == 0;
	return true;
}

static const struct {
	const char *key;
	parse_fn *parse;
	size_t offset;
	const char *expects;
} keys[] = {
	{ "tarboot.size", parse_size_value, offsetof(struct params, size),
	  "a size like 1500m, 2g, 75% or auto" },
	{ "tarboot.zram", parse_zram, offsetof(struct params, zram),
	  "auto, off, or a size of at least 1m, or up to 1000% of the RAM" },
	{ "tarboot.rootfs", parse_rootfs, offsetof(struct params, rootfs),
	  "an absolute path, or a URL, less than 1024 bytes" },
	{ "tarboot.layer", parse_layer, offsetof(struct params, layers),
	  "an absolute path, or a URL, less than 1024 bytes, then perhaps # and 64 hexadecimal "
	  "digits, "
	  "and ?" },
	{ "tarboot.machine-id", parse_machine_id, offsetof(struct params, firmware_id),
	  "firmware" },
	{ "tarboot.init", parse_path, offsetof(struct params, init), "an absolute path" },
	{ "init", parse_path, offsetof(struct params, init), "an absolute path" },
	{ "tarboot.shell", parse_shell, offsetof(struct params, shell),
	  "fail, start, unpacked or end, or several with commas" },
	{ "tarboot.onfail", parse_onfail, offsetof(struct params, onfail),
	  "reboot, poweroff, halt or shell" },
	{ "tarboot.failwait", parse_failwait, offsetof(struct params, failwait),
	  "a number of seconds" },
	{ "tarboot.threads", parse_threads, offsetof(struct params, threads),
	  "a number from 1 to 4096" },
	{ "tarboot.mount", parse_text, offsetof(struct params, mount),
	  "tmpfs mount options, less than 256 bytes" },
	{ "tarboot.hotplug", parse_bool, offsetof(struct params, hotplug), "on or off" },
	{ "tarboot.proxy", parse_proxy, offsetof(struct params, proxy),
	  "a URL like http://proxy:3128, less than 512 bytes" },
	{ "tarboot.log", parse_log, offsetof(struct params, log),
	  "HOST or HOST:PORT, less than 128 bytes" },
	{ "tarboot.verify", parse_verify, offsetof(struct params, verify), "yes, no or root" },
	{ "tarboot.manifest-min", parse_date, offsetof(struct params, manifest_min),
	  "a date like 2026-11-29, or with a time, 2026-11-29T21:15:00Z" },
	{ "tarboot.netwait", parse_netwait, offsetof(struct params, netwait),
	  "a number of seconds" },
	{ "tarboot.net", parse_net, offsetof(struct params, keep_network), "down or keep" },
	{ "ip", parse_one_of_several, offsetof(struct params, ip), "" },
	{ "BOOTIF", parse_one_of_several, offsetof(struct params, bootif), "" },
	{ "nameserver", parse_one_of_several, offsetof(struct params, nameserver), "" },
	{ "vlan", parse_one_of_several, offsetof(struct params, vlan), "" },
	{ "tarboot.quiet", parse_bool, offsetof(struct params, quiet), "on or off" },
	{ "tarboot.debug", parse_bool, offsetof(struct params, debug), "on or off" },
	{ "quiet", parse_word, offsetof(struct params, quiet), "" },
	{ "debug", parse_word, offsetof(struct params, debug), "" },
	{ "panic", parse_panic, offsetof(struct params, panic), "" },
};

/* Edit distance, for short texts. */
static unsigned distance(const char *a, const char *b)
{
	unsigned row[64], diagonal, above;
	size_t n = strlen(b);

	if (n >= ARRAY_SIZE(row))
		return UINT_MAX;
	for (size_t j = 0; j <= n; j++)
		row[j] = (unsigned)j;
	for (size_t i = 0; a[i]; i++) {
		diagonal = row[0]++;
		for (size_t j = 1; j <= n; j++) {
			above = row[j];
			row[j] = diagonal + (a[i] != b[j - 1]);
			if (above + 1 < row[j])
				row[j] = above + 1;
			if (row[j - 1] + 1 < row[j])
				row[j] = row[j - 1] + 1;
			diagonal = above;
		}
	}
	return row[n];
}

static const char *most_similar(const char *key)
{
	const char *similar = NULL;
	unsigned best = UINT_MAX, d;

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		d = distance(key, keys[i].key);
		if (d < best) {
			best = d;
			similar = keys[i].key;
		}
	}
	return similar;
}

static void note_unknown(const char *key, struct params *p)
{
	struct unknown_param new;

	snprintf(new.key, sizeof(new.key), "%s", key);
	for (size_t i = 0; i < p->n_unknown && i < UNKNOWN_MAX; i++)
		if (strcmp(p->unknown[i].key, new.key) == 0)
			return;
	new.suggestion = most_similar(new.key);
	if (p->n_unknown < UNKNOWN_MAX)
		p->unknown[p->n_unknown] = new;
	p->n_unknown++;
}

/* value looks like a URL: can it be fetched, where key takes URLs? */
static int check_urls(const char *key, const char *value, struct fail *f)
{
	struct url urls[URLS_MAX];
	struct layer_param layer;
	char url[sizeof(f->what)];
	size_t n;
	int r = 0;

	if (strcmp(key, "tarboot.rootfs") == 0)
		r = url_list_parse(value, urls, &n, f);
	else if (strcmp(key, "tarboot.proxy") == 0)
		r = url_parse(value, urls, f);
	else if (strcmp(key, "tarboot.layer") == 0)
		r = layer_param_parse(value, &layer, f);
	if (r < 0) {
		strcpy(url, f->what);
		snprintf(f->what, sizeof(f->what), "kernel parameter %s=%.*s", key,
			 (int)(sizeof(f->what) - 40), url);
	}
	return r;
}

static int set_param(const char *text, const char *value, struct params *p, struct fail *f)
{
	char what[sizeof(f->what)];

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (strcmp(text, keys[i].key) != 0)
			continue;
		if (value && (url_is_one(value) || keys[i].parse == parse_layer) &&
		    check_urls(text, value, f) < 0)
			return -EINVAL;
		if (keys[i].parse(value, (char *)p + keys[i].offset, p))
			return 0;
		snprintf(what, sizeof(what), "kernel parameter %s=%s", text, value ? value : "");
		return fail_set(f, EINVAL, what, "Correct it in the boot menu.", "it must be %s",
				keys[i].expects);
	}
	if (strncmp(text, "tarboot.", 8) == 0)
		note_unknown(text, p);
	return 0;
}

/* Writes size bytes and a NUL; returns what is behind it. */
static char *copy_text(char *to, const char *text, size_t size)
{
	memcpy(to, text, size);
	to[size] = '\0';
	return to + size + 1;
}

int params_parse(const char *cmdline, struct params *ret, struct fail *f)
{
	_cleanup_free_ char *copy = malloc(strlen(cmdline) + 2); /* of one: its name, its value */
	struct cmdline_param param;
	struct fail later;
	char *value;
	int r = 0, r_param;

	*ret = (struct params){
		.hotplug = true, .verify = true, .verify_layers = true, .netwait = NETWAIT_SECONDS
	};
	if (!copy)
		return fail_errno(f, ENOMEM, "the kernel command line", "cannot read it");
	while (cmdline_next(&cmdline, &param)) {
		value = copy_text(copy, param.name, param.name_size);
		if (param.value)
			copy_text(value, param.value, param.value_size);
		r_param = set_param(copy, param.value ? value : NULL, ret, r == 0 ? f : &later);
		if (r == 0)
			r = r_param;
	}
	return r;
}

int params_check_known(const struct params *p, size_t number, struct fail *f)
{
	static const char todo_correct[] = "Correct it in the boot menu.";

	if (number >= p->n_unknown || number > UNKNOWN_MAX)
		return 0;
	if (number == UNKNOWN_MAX)
		return fail_set(f, EINVAL, "the kernel command line", todo_correct,
				"it has more unknown tarboot.* parameters: %zu",
				p->n_unknown - UNKNOWN_MAX);
	return fail_set(f, EINVAL, p->unknown[number].key, todo_correct,
			"unknown parameter; did you mean %s?", p->unknown[number].suggestion);
}

bool params_mount_has_size(const struct params *p)
{
	return strstr(p->mount, "size=") || strstr(p->mount, "nr_blocks=");
}
