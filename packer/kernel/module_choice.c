/* Groups of drivers, and marks in a table of all modules. */
#include "kernel/module_choice.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/glob.h"
#include "base/util.h"

#define PATTERN_MAX 256
/* Below kernel/, and below updates/, extra/ and weak-updates/, which depmod prefers. */
#define DRIVERS "**/drivers/"
#define NET DRIVERS "net/"
#define USB DRIVERS "usb/"

/* Words that stand for several patterns. */
static const struct {
	const char *name, *pattern;
} groups[] = {
	/* keyboards: PS/2, USB, I2C, of a Mac, of virtual machines */
	{ "console", "atkbd" },
	{ "console", "i8042" },
	{ "console", "usbhid" },
	{ "console", "hid_generic" },
	{ "console", "xhci_pci" },
	{ "console", "ehci_pci" },
	{ "console", "ohci_pci" },
	{ "console", "uhci_hcd" },
	{ "console", "i2c_hid_acpi" },
	{ "console", "i2c_designware_platform" },
	{ "console", "intel_lpss_pci" },
	{ "console", "applespi" },
	{ "console", "hid_hyperv" },
	{ "console", "hyperv_keyboard" },
	{ "console", "virtio_input" },
	{ "console", "evdev" },
	/* keyboards that hid_generic does not touch, since the kernel reserves them for these drivers (hid_have_special_driver in its
	 * hid-quirks.c); other makers' drivers take over later, from the root */
	{ "console", "hid_apple" },
	{ "console", "hid_asus" },
	{ "console", "hid_belkin" },
	{ "console", "hid_cherry" },
	{ "console", "hid_chicony" },
	{ "console", "hid_corsair" },
	{ "console", "hid_ezkey" },
	{ "console", "hid_holtek_kbd" },
	{ "console", "hid_keytouch" },
	{ "console", "hid_lenovo" },
	{ "console", "hid_logitech" },
	{ "console", "hid_microsoft" },
	{ "console", "hid_monterey" },
	{ "console", "hid_nti" },
	{ "console", "hid_ortek" },
	{ "console", "hid_primax" },
	{ "console", "hid_roccat_arvo" },
	{ "console", "hid_roccat_isku" },
	{ "console", "hid_roccat_ryos" },
	{ "console", "hid_samsung" },
	{ "console", "hid_sunplus" },
	{ "console", "hid_topseed" },
	{ "console", "hid_zydacron" },
	/* consoles: serial cards, of virtual machines */
	{ "console", DRIVERS "tty/serial/8250/8250_*" },
	{ "console", "virtio_pci" },
	{ "console", "virtio_mmio" },
	{ "console", "virtio_console" },
	{ "net", NET "ethernet/" },
	{ "net", NET "phy/" },
	{ "net", NET "mdio/" },
	{ "net", NET "usb/" },
	{ "net", NET "hyperv/" },
	{ "net", NET "vmxnet3/" },
	{ "net", "virtio_net" },
	{ "net", "xen_netfront" },
	/* what a network needs beside a card: DHCP, VLANs, IPv6 */
	{ "link", "af_packet" },
	{ "link", "8021q" },
	{ "link", "ipv6" },
	/* compressed swap, and its compressors */
	{ "zram", "zram" },
	{ "zram", "zsmalloc" },
	{ "zram", "zstd" },
	{ "zram", "lz4" },
	{ "storage", DRIVERS "ata/" },
	{ "storage", DRIVERS "nvme/" },
	{ "storage", DRIVERS "scsi/" },
	{ "storage", DRIVERS "message/" },
	{ "storage", DRIVERS "block/" },
	{ "storage", DRIVERS "mmc/" },
	{ "storage", DRIVERS "ufs/" },
	{ "storage", DRIVERS "md/" },
	{ "storage", DRIVERS "usb/storage/" },
	{ "storage", "kernel/fs/ext4/" },
	{ "storage", "kernel/fs/xfs/" },
	{ "storage", "kernel/fs/btrfs/" },
	{ "storage", "kernel/fs/f2fs/" },
	{ "storage", "kernel/fs/fat/" },
	{ "storage", "kernel/fs/exfat/" },
	{ "storage", "kernel/fs/ntfs3/" },
	{ "storage", "kernel/fs/isofs/" },
	{ "storage", "kernel/fs/nls/" },
	{ "all", "*" },
};

/* What finds the devices of a bus. Their drivers need no symbol of it, so that depmod does not know. */
static const struct bus {
	const char *modalias;
	const char *patterns[14];
} buses[] = {
	{ "alias virtio:", { "virtio_pci", "virtio_mmio" } },
	/* host controllers, on PCI or part of a chip, and the physical layers for which the kernel holds back those of chips */
	{ "alias usb:",
	  { "xhci_*", "ehci_*", "ohci_*", "uhci_hcd", "fsl_mph_dr_of", USB "dwc2/", USB "dwc3/",
	    USB "chipidea/", USB "musb/", USB "cdns3/", USB "mtu3/", USB "isp1760/", USB "phy/",
	    DRIVERS "phy/" } },
};

int module_choice_open(struct module_choice *c, const struct modindex *index)
{
	size_t n;
	struct module *modules;

	*c = (struct module_choice){ .index = *index };
	for (const char *line = index->dep; *line; line += n + (line[n] == '\n')) {
		n = strcspn(line, "\n");
		modules = array_one_more(c->modules, c->n, sizeof(*modules));
		if (!modules) {
			module_choice_close(c);
			return -ENOMEM;
		}
		c->modules = modules;
		c->modules[c->n] = (struct module){ .line = line };
		if (memchr(line, ':', n) && modindex_name(line, c->modules[c->n].name))
			c->n++;
	}
	return 0;
}

/* Does the pattern, whose name part has _ only, name the module at path? path ends at a colon or the line. */
static bool fits(const char *pattern, const char *path)
{
	char plain[PATTERN_MAX], name[MODULE_NAME_MAX];
	int directory = (int)strcspn(path, ":\n");

	while (directory > 0 && path[directory - 1] != '/')
		directory--;
	return modindex_name(path, name) &&
	       snprintf(plain, sizeof(plain), "%.*s%s", directory, path, name) <
		       (int)sizeof(plain) &&
	       glob_match_above(pattern, plain, false);
}

static bool want_pattern(struct module_choice *c, const char *pattern)
{
	bool found = false;

	for (size_t i = 0; i < c->n; i++)
		if (fits(pattern, c->modules[i].line))
			found = c->modules[i].wanted = true;
	return found;
}

static bool is_builtin(const char *builtin, const char *pattern)
{
	for (; *builtin; builtin += strcspn(builtin, "\n"), builtin += *builtin == '\n')
		if (fits(pattern, builtin))
			return true;
	return false;
}

/* The word as a pattern whose name part has _ only, unless it has sets of characters. */
static void to_pattern(const char *word, size_t n, char pattern[PATTERN_MAX])
{
	char *slash;

	snprintf(pattern, PATTERN_MAX, "%.*s", (int)n, word);
	slash = strrchr(pattern, '/');
	for (char *at = slash ? slash : pattern; !strchr(pattern, '[') && *at; at++)
		if (*at == '-')
			*at = '_';
}

static bool want_word(struct module_choice *c, const char *word, size_t n, const char *builtin)
{
	char pattern[PATTERN_MAX];
	bool is_group = n == 4 && memcmp(word, "none", 4) == 0;

	for (size_t i = 0; i < ARRAY_SIZE(groups); i++)
		if (strlen(groups[i].name) == n && memcmp(groups[i].name, word, n) == 0) {
			is_group = true;
			(void)want_pattern(c, groups[i].pattern);
		}
	to_pattern(word, n, pattern);
	return is_group || want_pattern(c, pattern) || is_builtin(builtin, pattern);
}

const char *module_choice_want(struct module_choice *c, const char *words, const char *builtin)
{
	size_t n;

	for (; *words; words += n + (words[n] == ',')) {
		n = strcspn(words, ",");
		if (n > 0 && !want_word(c, words, n, builtin))
			return words;
	}
	return NULL;
}

static struct module *find(const struct module_choice *c, const char *name)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->modules[i].name, name) == 0)
			return &c->modules[i];
	return NULL;
}

bool module_choice_has(const struct module_choice *c, const char *name)
{
	const struct module *m = find(c, name);

	return m && m->wanted;
}

static void want_module(const char *name, void *choice)
{
	struct module *m = find(choice, name);

	if (m)
		m->wanted = true;
}

/* Softdeps and weakdeps may name an alias. */
static void want(const char *name, void *choice)
{
	struct module_choice *c = choice;

	if (find(c, name))
		want_module(name, c);
	else
		modindex_match(&c->index, name, want_module, c);
}

/* modules.dep names all that a module needs, and what those need; softdeps have further ones, and weakdeps those that
 * the kernel asks for when a driver has seen its device. */
static void want_needed(struct module_choice *c, const struct module *m)
{
	const char *word = m->line + strcspn(m->line, ":\n");
	char name[MODULE_NAME_MAX];

	while (*word == ':' || *word == ' ') {
		word++;
		if (modindex_name(word, name))
			want_module(name, c);
		word += strcspn(word, " \n");
	}
	modindex_tied(&c->index, m->name, MODINDEX_BEFORE, want, c);
	modindex_tied(&c->index, m->name, MODINDEX_AFTER, want, c);
	modindex_tied(&c->index, m->name, MODINDEX_WEAK, want, c);
}

/* Is a module wanted whose alias begins so? */
static bool has_alias(const struct module_choice *c, const char *start)
{
	size_t n = strlen(start);
	char name[MODULE_NAME_MAX];
	const char *blank;

	for (const char *line = c->index.alias; *line;
	     line += strcspn(line, "\n"), line += *line == '\n') {
		if (strncmp(line, start, n) != 0)
			continue;
		blank = line + n + strcspn(line + n, " \n");
		if (*blank == ' ' && modindex_name(blank + 1, name) && module_choice_has(c, name))
			return true;
	}
	return false;
}

static void want_bus(struct module_choice *c, const struct bus *bus)
{
	if (!has_alias(c, bus->modalias))
		return;
	for (size_t i = 0; i < ARRAY_SIZE(bus->patterns) && bus->patterns[i]; i++)
		(void)want_pattern(c, bus->patterns[i]);
}

void module_choice_complete(struct module_choice *c)
{
	bool again = true;

	while (again) {
		again = false;
		for (size_t i = 0; i < ARRAY_SIZE(buses); i++)
			want_bus(c, &buses[i]);
		for (size_t i = 0; i < c->n; i++)
			if (c->modules[i].wanted && !c->modules[i].complete) {
				want_needed(c, &c->modules[i]);
				c->modules[i].complete = again = true;
			}
	}
}

void module_choice_close(struct module_choice *c)
{
	free(c->modules);
	*c = (struct module_choice){ 0 };
}
