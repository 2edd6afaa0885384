/* iPXE scripts have labels, `||` after commands that may fail, and ${settings}. */
#include "site/site_menu.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/size.h"
#include "image/needs.h"
#include "site/site_file.h"
#include "site/site_layers.h"
#include "site/site_line.h"
#include "site/site_scripts.h"
#include "site/site_stream.h"
#include "base/util.h"

#define MIB (1ULL << 20)
#define RETRY 30 /* seconds until a failed boot is tried again */

/* Entries that are not images, with their keys, in the order of the menu. */
static const struct {
	const char *name, *key, *text;
} own_entries[] = {
	{ "local", "l", "Boot from the local disk" },
	{ "memtest", "m", "Test the memory (Memtest86+)" },
	{ "install", "n", "Install a system over the network" },
	{ "shell", "s", "iPXE shell" },
	{ "reboot", "r", "Reboot" },
};

struct menu {
	FILE *out;
	const struct site *site;
	const struct site_image *images;
	size_t n;
	const struct menu_extras *extras;
	char url[SITE_TEXT_MAX];
	const char *boot;       /* the default entry */
	uint64_t largest_layer; /* bytes of RAM that one of a single machine takes */
	bool *is_incomplete;    /* there was no memory for a part of it */
};

bool site_menu_reserves(const char *name)
{
	static const char *const labels[] = { "start", "menu",  "more", "failed",
					      "not64", "other", "large" };

	for (size_t i = 0; i < ARRAY_SIZE(own_entries); i++)
		if (strcmp(name, own_entries[i].name) == 0)
			return true;
	for (size_t i = 0; i < ARRAY_SIZE(labels); i++)
		if (strcmp(name, labels[i]) == 0)
			return true;
	return false;
}

static bool has_own_entry(const struct menu *m, const char *name)
{
	if (strcmp(name, "memtest") == 0)
		return m->extras->memtest_bios || m->extras->memtest_efi;
	if (strcmp(name, "install") == 0)
		return *m->site->installer;
	return true;
}

static bool is_entry(const struct menu *m, const char *name)
{
	if (site_images_find(m->images, m->n, name))
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(own_entries); i++)
		if (strcmp(own_entries[i].name, name) == 0)
			return has_own_entry(m, name);
	return false;
}

/* ---- kinds of machine ---- */

/* iPXE's ${buildarch} is arm64 on those machines, and i386 or x86_64 on PCs: with BIOS a PC of 64 bits has an iPXE of
 * 32. */
static bool is_arm(const struct site_version *v)
{
	return strcmp(v->architecture, "aarch64") == 0;
}

static bool has_both_kinds(const struct menu *m)
{
	for (size_t i = 1; i < m->n; i++)
		if (is_arm(&m->images[i].current) != is_arm(&m->images[0].current))
			return true;
	return false;
}

/* The prefix of a command that is only for machines of this architecture; the line must end with only_end(). */
static const char *only_for(const struct menu *m, const struct site_version *v)
{
	if (!has_both_kinds(m))
		return "";
	return is_arm(v) ? "iseq ${buildarch} arm64 && " : "iseq ${buildarch} arm64 || ";
}

static const char *only_end(const struct menu *m)
{
	return has_both_kinds(m) ? " ||" : "";
}

/* The first image for another architecture than that of the default entry. */
static const struct site_image *other_default(const struct menu *m)
{
	const struct site_image *boot = site_images_find(m->images, m->n, m->boot);

	for (size_t i = 0; boot && i < m->n; i++)
		if (is_arm(&m->images[i].current) != is_arm(&boot->current))
			return &m->images[i];
	return NULL;
}

/* ---- the two menus ---- */

static void print_head(const struct menu *m)
{
	const struct site_image *other = other_default(m);

	fprintf(m->out,
		"#!ipxe\n"
		"# " SITE_MARK
		". Change netboot.conf and run it again; a file mac-MAC.ipxe beside this\n"
		"# one, with the machine's address as 52-54-00-12-34-56, may set other values or "
		"boot by itself.\n"
		"set base %s\n"
		"set entry %s\n"
		"set wait %u\n",
		m->url, m->boot, m->site->timeout * 1000);
	if (other)
		fprintf(m->out, "%sset entry %s ||\n", only_for(m, &other->current), other->name);
	site_scripts_print_call(m->out, m->site);
	fputs(SITE_LINE_SET_HOST SITE_LINE_SET_DNS "\n", m->out);
}

static void print_menu(const struct menu *m)
{
	char size[SIZE_TEXT_MAX];

	fprintf(m->out, ":menu\n"
			"menu tarboot  ${netX/ip}  ${netX/mac}  ${platform} ${buildarch}\n"
			"item --gap -- Boot into memory\n");
	for (size_t i = 0; i < m->n; i++) {
		fprintf(m->out, "%s", only_for(m, &m->images[i].current));
		if (i < 9)
			fprintf(m->out, "item --key %zu %s [%zu] ", i + 1, m->images[i].name,
				i + 1);
		else
			fprintf(m->out, "item %s ", m->images[i].name);
		fprintf(m->out, "%s (%s)%s\n", m->images[i].current.title,
			size_format(size, m->images[i].current.size + m->images[i].current.fetched),
			only_end(m));
	}
	if (m->n > 0)
		fprintf(m->out, "item --key d more [d] Debug, previous versions ...\n");
	fprintf(m->out, "item --gap -- This machine\n");
	for (size_t i = 0; i < ARRAY_SIZE(own_entries); i++)
		if (has_own_entry(m, own_entries[i].name))
			fprintf(m->out, "item --key %s %s [%s] %s\n", own_entries[i].key,
				own_entries[i].name, own_entries[i].key, own_entries[i].text);
	fprintf(m->out, "choose --default ${entry} --timeout ${wait} selected || goto shell\n"
			"set wait 0\n"
			"goto ${selected}\n\n");
}

static void print_more(const struct menu *m)
{
	if (m->n == 0)
		return;
	fprintf(m->out, ":more\nmenu Debug, previous versions\n");
	for (size_t i = 0; i < m->n; i++) {
		const struct site_image *image = &m->images[i];

		const char *only = only_for(m, &image->current), *end = only_end(m);

		fprintf(m->out, "%sitem --gap -- %s%s\n", only, image->current.title, end);
		fprintf(m->out,
			"%sitem %s%s.debug Debug: all messages, and a shell when it fails%s\n",
			only, i == 0 ? "--key d " : "", image->name, end);
		if (*image->previous.version)
			fprintf(m->out, "%sitem %s%s.previous Previous version, %s%s\n", only,
				i == 0 ? "--key p " : "", image->name, image->previous.version,
				end);
	}
	fprintf(m->out, "item --gap --\n"
			"item --key b menu [b] Back\n"
			"choose selected || goto menu\n"
			"goto ${selected}\n\n");
}

/* ---- images ---- */

/* The nearest. */
static unsigned long long to_mib(uint64_t bytes)
{
	return (bytes + MIB / 2) / MIB;
}

/* Do not try a kernel for another machine. With BIOS, iPXE is a 32-bit program and loads below 4 GiB, where devices
 * are, too. */
static void print_checks(const struct menu *m, const struct site_version *v)
{
	char size[SIZE_TEXT_MAX];

	fprintf(m->out, "# loads %llu MiB", to_mib(v->size));
	if (v->fetched)
		fprintf(m->out, ", then fetches %llu MiB", to_mib(v->fetched));
	fprintf(m->out, "; the machine needs about %llu MiB of RAM",
		(unsigned long long)(v->least_ram / MIB));
	if (v->least_ram_with_zram)
		fprintf(m->out, ", with zram about %llu MiB",
			(unsigned long long)(v->least_ram_with_zram / MIB));
	if (m->largest_layer)
		fprintf(m->out, "; a layer of its own takes up to %llu MiB more",
			(unsigned long long)((m->largest_layer + MIB - 1) / MIB));
	fputc('\n', m->out);
	if (is_arm(v)) {
		fprintf(m->out, "iseq ${buildarch} arm64 || goto other\n");
		return;
	}
	fprintf(m->out, "iseq ${buildarch} arm64 && goto other ||\n"
			"cpuid --ext 29 || goto not64\n");
	if (v->size > BIOS_IMAGE_MAX)
		fprintf(m->out, "set size %s\niseq ${platform} efi || goto large\n",
			size_format(size, v->size));
}

/* What the loader brings beside the kernel. */
static const char *const *files_of(const struct site_version *v)
{
	static const char *const whole[2] = { "initrd.img" },
				 *const split[2] = { "boot.img", "root.img" },
				 *const boot_part[2] = { "boot.img" };

	return *v->payload ? boot_part : v->split ? split : whole;
}

static bool has_names(const struct site *s)
{
	for (size_t i = 0; i < s->n_machines; i++)
		if (*s->machines[i].name)
			return true;
	return false;
}

/* site_menu_write() has looked whether the words are possible. */
static void print_kernel(const struct menu *m, const struct site_image *image,
			 const struct site_version *v, const char *append)
{
	_cleanup_free_ char *words = NULL, *line = site_line_with(v->append, append);
	struct fail f;

	fputs("kernel ${from}/vmlinuz ", m->out);
	for (size_t i = 0; i < 2 && files_of(v)[i]; i++)
		fprintf(m->out, "initrd=%s ", files_of(v)[i]);
	for (size_t i = 0; !*v->payload && i < v->n_layers; i++)
		fprintf(m->out, "initrd=%s ", v->layers[i].file);
	(void)site_stream_words(m->site, image->name, v, &words, &f);
	if (!words || !line) {
		*m->is_incomplete = true;
		return;
	}
	fputs(words, m->out);
	if (site_layers_are_given(m->site))
		fputs(*v->payload ? "${layer} " : "${layerinitrd} ", m->out);
	site_line_print(m->out, line, !*v->payload && has_names(m->site));
	fputs(" || goto failed\n", m->out);
}

/* What the loader loads beside the kernel; a machine's own layer comes last. */
static void print_initrds(const struct menu *m, const struct site_image *image,
			  const struct site_version *v, const char *suffix)
{
	for (size_t i = 0; i < 2 && files_of(v)[i]; i++)
		fprintf(m->out, "initrd ${from}/%s || goto failed\n", files_of(v)[i]);
	for (size_t i = 0; !*v->payload && i < v->n_layers; i++)
		fprintf(m->out, "initrd ${from}/%s || goto failed\n", v->layers[i].file);
	if (*v->payload || !site_layers_are_given(m->site))
		return;
	fprintf(m->out,
		"isset ${layerimg} || goto %s%s.boot\n"
		"initrd --name machine.img ${base}/layers/${layerimg} || goto failed\n"
		":%s%s.boot\n",
		image->name, suffix, image->name, suffix);
}

static void print_version(const struct menu *m, const struct site_image *image,
			  const struct site_version *v, const char *suffix, const char *append)
{
	if (!*v->version)
		return;
	fprintf(m->out, ":%s%s\nset what %s%s\nset from ${base}/images/%s/%s\n", image->name,
		suffix, image->name, suffix, image->name, v->version);
	print_checks(m, v);
	print_kernel(m, image, v, append);
	print_initrds(m, image, v, suffix);
	fprintf(m->out, "boot || goto failed\n\n");
}

static void print_images(const struct menu *m)
{
	for (size_t i = 0; i < m->n; i++) {
		print_version(m, &m->images[i], &m->images[i].current, "", "");
		print_version(m, &m->images[i], &m->images[i].current, ".debug",
			      "tarboot.shell tarboot.debug");
		print_version(m, &m->images[i], &m->images[i].previous, ".previous", "");
	}
}

/* ---- the machine's own entries ---- */

static void print_own_entries(const struct menu *m)
{
	fprintf(m->out, ":local\nset what local\n"
			"iseq ${platform} efi && exit 1 ||\n"
			"sanboot --no-describe --drive 0x80 || goto failed\n\n");
	if (has_own_entry(m, "memtest"))
		fprintf(m->out,
			":memtest\nset what memtest\n"
			"iseq ${buildarch} arm64 && goto other ||\n"
			"iseq ${platform} efi && set file memtest.efi || set file memtest.bin\n"
			"chain ${base}/${file} || goto failed\n\n");
	if (has_own_entry(m, "install"))
		fprintf(m->out,
			":install\nset what install\n"
			"kernel %s/linux initrd=initrd.gz || goto failed\n"
			"initrd %s/initrd.gz || goto failed\n"
			"boot || goto failed\n\n",
			m->site->installer, m->site->installer);
	fprintf(m->out,
		":shell\necho Type exit to return to the menu.\nshell ||\n"
		"%sgoto menu\n\n:reboot\nreboot\n\n",
		site_scripts_check(m->site));
}

/* After some time the menu is loaded again, because the server may be started later, and then have other versions. Where that fails, too,
 * the one before comes back. */
static void print_failures(const struct menu *m)
{
	site_scripts_print_failure(m->out, m->site);
	fprintf(m->out,
		":failed\necho\necho FAILED: ${what} does not boot; see the reason above.\n"
		":failed.again\necho "
		"Loading from ${base}: does the server run, and does it have the file?\nimgfree "
		"||\nprompt --key s --timeout %u000 Press s for a shell; it tries again in %u "
		"seconds. && goto shell ||\n"
		"chain --replace --autofree ${base}/menu.ipxe ||\n%sset wait %u\ngoto menu\n\n",
		RETRY, RETRY, site_scripts_check(m->site), m->site->timeout * 1000);
	fprintf(m->out,
		":not64\necho\necho FAILED: "
		"${what} needs a processor of 64 bits.\nprompt --timeout %u000 Press a key for the "
		"menu. ||\ngoto menu\n\n:other\necho\necho FAILED: ${what} is for another kind of "
		"machine; this one is ${buildarch}.\nprompt --timeout %u000 Press a key for the "
		"menu. ||\ngoto menu\n\n:large\necho\necho FAILED: ${what} has ${size}, more than "
		"a BIOS machine can load: set the machine to UEFI.\nprompt --timeout %u000 Press a "
		"key for the menu. ||\ngoto menu\n",
		RETRY, RETRY, RETRY);
}

/* ---- files ---- */

static void print_script(const struct menu *m)
{
	print_head(m);
	print_menu(m);
	print_more(m);
	print_images(m);
	print_own_entries(m);
	print_failures(m);
}

static int write_script(struct menu *m, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	bool is_incomplete = false;
	size_t size;

	m->out = open_memstream(&text, &size);
	m->is_incomplete = &is_incomplete;
	if (m->out)
		print_script(m);
	if (!m->out || fclose(m->out) != 0 || is_incomplete)
		return fail_errno(f, ENOMEM, "http/menu.ipxe", "cannot write it");
	return site_write(m->site, "http/menu.ipxe", text, f);
}

/* For versions of iPXE that look for autoexec.ipxe in their directory before they use DHCP. */
static int write_autoexec(const struct menu *m, struct fail *f)
{
	char text[SITE_TEXT_MAX + 128];

	snprintf(text, sizeof(text),
		 "#!ipxe\n# " SITE_MARK "\ndhcp\nchain --autofree %s/menu.ipxe\n", m->url);
	return site_write(m->site, "tftp/autoexec.ipxe", text, f);
}

/* A new --mirror or --url may be too much for what was published before. */
static int check_words(const struct menu *m, struct fail *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < m->n; i++) {
		const struct site_image *image = &m->images[i];

		r = site_stream_check(m->site, image->name, &image->current, f);
		if (r == 0)
			r = site_stream_check(m->site, image->name, &image->previous, f);
	}
	return r;
}

static struct menu menu_of(const struct site *s, const struct site_image *images, size_t n,
			   const struct menu_extras *extras)
{
	struct menu m = { .site = s, .images = images, .n = n, .extras = extras };

	m.boot = *s->boot ? s->boot : n > 0 ? images[0].name : "local";
	return m;
}

static int check_entries(const struct menu *m, struct fail *f)
{
	const struct site *s = m->site;

	if (!is_entry(m, m->boot))
		return fail_set(f, EINVAL, m->boot, "Give another with --default.",
				"the menu has no such entry");
	for (size_t i = 0; i < s->n_machines; i++)
		if (*s->machines[i].boot && !is_entry(m, s->machines[i].boot))
			return fail_set(f, EINVAL, s->machines[i].boot, "Give another with --boot.",
					"the menu has no such entry for %s to boot",
					s->machines[i].mac);
	return 0;
}

int site_menu_check(const struct site *s, const struct site_image *images, size_t n,
		    const struct menu_extras *extras, struct fail *f)
{
	const struct menu m = menu_of(s, images, n, extras);
	int r = check_entries(&m, f);

	return r == 0 ? check_words(&m, f) : r;
}

int site_menu_write(const struct site *s, const struct site_image *images, size_t n,
		    const struct menu_extras *extras, struct fail *f)
{
	struct menu m = menu_of(s, images, n, extras);
	int r = site_menu_check(s, images, n, extras, f);

	m.largest_layer = site_layers_largest(s);
	site_url(s, m.url);
	if (r == 0)
		r = site_scripts_write(s, f);
	if (r == 0)
		r = write_script(&m, f);
	if (r == 0)
		r = write_autoexec(&m, f);
	return r == 0 ? site_scripts_remove_old(s, f) : r;
}
