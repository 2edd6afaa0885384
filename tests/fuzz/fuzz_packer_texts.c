/* Texts that the packer reads and that others wrote: patterns, JSON of container images, an fstab, a
 * crypttab, profiles of network cards, configuration of the network, servers' logs, heads of
 * kernels and disks. */
#include "source/blob_digest.h"
#include "source/disk_parts.h"
#include "root/card_profile.h"
#include "root/crypttab.h"
#include "base/escape.h"
#include "source/file_kind.h"
#include "root/fstab.h"
#include "base/glob.h"
#include "source/image_list.h"
#include "base/json_read.h"
#include "kernel/kconfig.h"
#include "kernel/kernel.h"
#include "root/network_config.h"
#include "site/serve_log.h"
#include "base/settings.h"
#include "root/swap_file.h"
#include "timeline/timeline.h"

#include "fuzz.h"

/* The input as pattern and path, cut at its first newline. */
static void match(char *text)
{
	char *newline = strchr(text, '\n'), *path = newline ? newline + 1 : text + strlen(text);
	char glob[2048], tidy[2048];

	snprintf(glob, sizeof(glob), "%.*s", (int)(newline ? newline - text : 0), text);
	strcpy(tidy, glob);
	if (!glob_tidy(tidy)) {
		char again[2048];

		promise(*tidy && strlen(tidy) <= strlen(glob));
		strcpy(again, tidy);
		promise(!glob_tidy(again) && strcmp(again, tidy) == 0);
	}
	if (glob_match(glob, path, false)) {
		promise(glob_match(glob, path, true));
		promise(glob_match_above(glob, path, false));
		fuzz_accepted++;
	}
	(void)glob_may_match_below(glob, path);
}

static void walk(const char *text, size_t size)
{
	const char *value;
	char string[64];

	for (size_t i = 0; i < 3; i++) {
		value = json_item(text, i);
		promise(!value || (value > text && value < text + size));
	}
	for (size_t i = 0; i < 3 && json_entry(text, i, string, sizeof(string), &value); i++)
		promise(value > text && value < text + size && strlen(string) < sizeof(string));
	value = json_member(json_item(json_member(text, "manifests"), 0), "digest");
	promise(!value || (value > text && value < text + size));
	if (json_string(value, string, sizeof(string)))
		promise(strlen(string) < sizeof(string));
}

/* Words of a container image: a digest comes out as it went in, a platform has both its parts. */
static void read_words(const char *text)
{
	struct image_platform platform;
	char again[BLOB_DIGEST_TEXT_MAX];
	struct blob_digest digest;

	if (blob_digest_parse(text, &digest) == 0)
		promise(strcmp(blob_digest_format(again, &digest), text) == 0);
	if (image_platform_parse(text, &platform))
		promise(*platform.os && *platform.architecture);
}

static int count_name(struct field name, void *unused)
{
	(void)unused;
	promise(name.size > 0);
	return 0;
}

/* What was commented out needs no disk any more. */
static void edit(const char *text, size_t size)
{
	static const struct path_map none;
	char *once, *twice;
	size_t n, again;

	promise(fstab_without_disks(text, size, &none, &once, &n) >= 0);
	promise(fstab_without_disks(once, n, &none, &twice, &again) == 0 && again == n);
	free(once);
	free(twice);
	for (int i = 0; i < 2; i++) {
		enum crypttab_format format = i ? CRYPTTAB_VERITY : CRYPTTAB;

		promise(crypttab_each_mapped(text, size, format, count_name, NULL) == 0);
		promise(crypttab_without_disks(text, size, format, &once, &n) >= 0);
		promise(crypttab_without_disks(once, n, format, &twice, &again) == 0 && again == n);
		free(once);
		free(twice);
	}
	fuzz_accepted += card_profile_has_mac(text, size);
	fuzz_accepted += swap_file_is(text, size);
}

static void read_network(const char *text, size_t size)
{
	static const char *const paths[] = { "etc/network/interfaces",
					     "etc/sysconfig/network-scripts/ifcfg-a",
					     "etc/NetworkManager/system-connections/a",
					     "etc/systemd/network/a.network",
					     "etc/systemd/network/a.link",
					     "etc/dhcpcd.conf",
					     "etc/netplan/a.yaml" };
	struct network_config c;

	for (size_t i = 0; i < sizeof(paths) / sizeof(*paths); i++) {
		network_config_read(paths[i], text, size, &c);
		promise(!c.card.size || (c.card.size > 2 && c.is_any));
		promise(!c.address.size || (c.address.at >= text && c.address.size > 1 &&
					    c.address.at + c.address.size <= text + size));
		promise(!c.mac.size || (c.mac.at >= text && c.mac.size >= 14 &&
					c.mac.at + c.mac.size <= text + size));
		promise(!c.place.size || (c.place.at >= text && c.placed.size > 0 &&
					  c.place.at + c.place.size <= text + size));
		fuzz_accepted += c.is_any;
	}
}

/* Names in it come from the network. */
static void read_log(const char *text)
{
	static struct serve_log log;
	char shown[SERVE_LINE_MAX];

	if (serve_log_line(&log, text, strncmp(text, "tarboot ", 8) == 0 ? "tarboot" : "", shown))
		promise(strlen(shown) < SERVE_LINE_MAX);
}

/* Changes its text. */
static void read_settings(const char *text)
{
	char *copy = strdup(text);
	struct settings s = { .text = copy };
	struct setting line;
	unsigned before = 0;

	while (copy && settings_next(&s, &line)) {
		promise(line.line > before && line.name && (line.wrong || *line.name));
		before = line.line;
		if (!line.wrong)
			fuzz_accepted++;
	}
	free(copy);
}

static void read_config(const char *text)
{
	const char *at = text;
	struct kconfig_need need;
	char release[32];

	while (kconfig_next(&at, &need)) {
		promise(strncmp(need.symbol, "CONFIG_", 7) == 0 &&
			strlen(need.symbol) < sizeof(need.symbol));
		promise(strlen(need.reason) < sizeof(need.reason));
		(void)kconfig_value(text, need.symbol);
	}
	promise(*at == '\0');
	kconfig_release(text, release);
	promise(strlen(release) < sizeof(release));
	promise(!*release || kconfig_version(release));
	(void)kconfig_is(text);
	(void)kconfig_architecture(text);
}

/* No byte that steers a terminal, and the same when it is escaped again. */
static void promise_escaped(const char *text)
{
	char again[600];
	size_t n;

	for (const char *at = text; *at; at += n) {
		n = *at == '\n' ? 1 : escape_printable(at, strlen(at));
		promise(n > 0);
	}
	if (strlen(text) >= sizeof(again) || strchr(text, '\n'))
		return;
	escape_text(text, again, sizeof(again));
	promise(strcmp(again, text) == 0);
}

static void escape(const char *text)
{
	char escaped[512];

	for (size_t room = 8; room <= sizeof(escaped); room *= 4) {
		escape_text(text, escaped, room);
		promise(strlen(escaped) < room);
		promise_escaped(escaped);
		promise(escape_fit(escaped, room / 2) <= (room / 2 > 4 ? room / 2 : 4));
	}
}

static void read_report(const char *text)
{
	struct timeline t;
	char *printed = NULL;
	size_t size;
	FILE *out;

	if (timeline_read(text, "report", &t) == 0) {
		out = open_memstream(&printed, &size);
		promise(out && timeline_print(&t, 1, 80, out) == 0 && fputs("\n", out) >= 0 &&
			timeline_draw(&t, 1, out) == 0);
		fclose(out);
		promise_escaped(printed);
		free(printed);
		fuzz_accepted++;
	}
	timeline_free(&t);
}

/* Of a release the order is one: what is newer than the other is not older. */
static void read_kernel(const char *data, size_t size)
{
	struct span file = { data, size }, part = kernel_image_compressed(file);
	static char before[64];
	struct kernel_image image;
	int order;

	promise(part.data >= data && part.size <= size && part.data + part.size <= data + size);
	if (!kernel_image_parse(file, &image))
		return;
	promise(strlen(image.release) < sizeof(image.release) && !strchr(image.release, '/'));
	promise(kernel_release_compare(image.release, image.release) == 0);
	order = kernel_release_compare(image.release, before);
	promise((order < 0) == (kernel_release_compare(before, image.release) > 0));
	strcpy(before, image.release);
	fuzz_accepted++;
}

static void read_disk(const uint8_t *data, size_t size)
{
	unsigned char *head = calloc(1, DISK_PARTS_HEAD); /* so that ASan sees a read behind it */
	char name[DISK_PARTS_NAME_MAX];

	promise(head);
	memcpy(head, data, size < DISK_PARTS_HEAD ? size : DISK_PARTS_HEAD);
	for (int i = 0; i < 2; i++) {
		memset(name, 'x', sizeof(name));
		fuzz_accepted += disk_parts_elsewhere(i ? "qcow2" : "vmdk", head, name);
		promise(memchr(name, '\0', sizeof(name)));
	}
	free(head);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);

	match(text);
	read_words(text);
	read_words(text);
	walk(text, size);
	read_log(text);
	read_config(text);
	read_settings(text);
	read_report(text);
	escape(text);
	edit((const char *)data, size);
	read_network((const char *)data, size);
	read_kernel((const char *)data, size);
	read_disk(data, size);
	(void)file_kind_of((const char *)data, size);
	free(text);
	return 0;
}
