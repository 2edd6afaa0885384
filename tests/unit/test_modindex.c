/* The texts of depmod and modprobe.d: names, aliases, needs, options. */
#include "modindex.h"

#include "tap.h"

static const char dep[] = "kernel/a/usb-core.ko.xz:\n"
			  "kernel/b/hid.ko: kernel/a/usb-core.ko.xz\n"
			  "kernel/b/usbhid.ko.zst: kernel/b/hid.ko kernel/a/usb-core.ko.xz\n"
			  "last.ko: x.ko";
static const char alias[] = "# a comment\n"
			    "alias usb:v*p*ic03* usbhid\n"
			    "alias pci:v00008086d0000[12]234* e1000\n"
			    "alias pci:v00008086* generic-driver\n"
			    "alias broken\n"
			    "alias ?xact exact\r\n"
			    "alias  \t tabs:* \t tabbed\n"
			    "alias plain plain_driver";
static const char config[] = "options e1000 copybreak=1 # comment=2\n"
			     "options e1000 debug=3\n"
			     "options other x=y\n"
			     "blacklist generic_driver\n"
			     "blacklist\n"
			     "softdep usbhid pre: first-one second post: third\n"
			     "softdep usbhid post: fourth\n"
			     "alias local:* own\n"
			     "options\noptions lonely\n"
			     "install e1000 /bin/false\n";
static const char cmdline[] =
	"quiet e1000.mode=5 usb-core.x=y modprobe.blacklist=plain-driver,tabbed x.=1 .y=2\n";

static const struct modindex whole = { dep, alias, config, cmdline };
static const struct modindex empty = { "", "", "", "" };
static char found[256];

static void note(const char *name, void *arg)
{
	(void)arg;
	strcat(strcat(found, " "), name);
}

static void check_match(const struct modindex *m, const char *modalias, const char *want)
{
	*found = '\0';
	modindex_match(m, modalias, note, NULL);
	is_str(found, want, "modules for %s", modalias);
}

static void check_soft(const char *name, bool after, const char *want)
{
	*found = '\0';
	modindex_soft(&whole, name, after, note, NULL);
	is_str(found, want, "%s %s", after ? "after" : "before", name);
}

static void check_name(const char *path, const char *want)
{
	char name[MODULE_NAME_MAX] = "";

	is_int(modindex_name(path, name), *want != '\0', "name of %s", path);
	if (*want)
		is_str(name, want, "%s", path);
}

static void check_names(void)
{
	char longest[MODULE_NAME_MAX + 1];

	check_name("kernel/a/b-c.ko.xz", "b_c");
	check_name("usb-core", "usb_core");
	check_name("a/b/x.ko: y.ko", "x");
	check_name("x y", "x");
	check_name("", "");
	check_name("a/b/", "");
	check_name(".ko", "");
	check_name(" x", "");
	memset(longest, 'x', sizeof(longest));
	longest[MODULE_NAME_MAX - 1] = '\0';
	check_name(longest, longest);
	longest[MODULE_NAME_MAX - 1] = 'x';
	longest[MODULE_NAME_MAX] = '\0';
	check_name(longest, "");
}

static void check_dependencies(void)
{
	const char *line = modindex_dependencies(&whole, "usbhid");

	ok(line && strncmp(line, "kernel/b/usbhid.ko.zst: kernel/b/hid.ko ", 40) == 0, "usbhid");
	line = modindex_dependencies(&whole, "usb_core");
	ok(line == dep, "a name with - in its file");
	line = modindex_dependencies(&whole, "last");
	is_str(line, "last.ko: x.ko", "a last line without its end");
	ok(!modindex_dependencies(&whole, "x"), "a module that stands only behind a colon");
	ok(!modindex_dependencies(&whole, "usb"), "a part of a name");
	ok(!modindex_dependencies(&empty, "x"), "an empty index");
}

static void check_options(void)
{
	char options[64];

	is_int((long long)modindex_options(&whole, "e1000", options, sizeof(options)), 38,
	       "length");
	is_str(options, "copybreak=1 # comment=2 debug=3 mode=5", "options of e1000");
	modindex_options(&whole, "usb_core", options, sizeof(options));
	is_str(options, "x=y", "from the command line");
	modindex_options(&whole, "lonely", options, sizeof(options));
	is_str(options, "", "none");
	is_int((long long)modindex_options(&whole, "e1000", options, 14), 13,
	       "a small buffer: length");
	is_str(options, "copybreak=1 #", "and what fits");
	is_int((long long)modindex_options(&whole, "e1000", options, 1), 0, "no room");
	is_int((long long)modindex_options(&whole, "e1000", NULL, 0), 0, "no buffer");
}

int main(void)
{
	check_names();
	check_match(&whole, "usb:v046DpC31Cd4920dc00dsc00dp00ic03isc01ip01in00", " usbhid");
	check_match(&whole, "usb:v046DpC31Cic08", "");
	check_match(&whole, "pci:v00008086d00001234sv", " e1000");
	check_match(&whole, "pci:v00008086d00003234sv", "");
	check_match(&whole, "exact", " exact");
	check_match(&whole, "exactly", "");
	check_match(&whole, "tabs:x", "");
	check_match(&whole, "plain", "");
	check_match(&whole, "local:x", " own");
	check_match(&whole, "", "");
	check_match(&empty, "exact", "");
	check_match(&(struct modindex){ "", alias, "", "" }, "plain", " plain_driver");
	check_match(&(struct modindex){ "", alias, "", "" }, "pci:v00008086d00001234",
		    " e1000 generic_driver");
	check_match(&(struct modindex){ "", alias, "", "a modprobe.blacklist=x,,\tb" }, "plain",
		    " plain_driver");
	check_dependencies();
	check_soft("usbhid", false, " first_one second");
	check_soft("usbhid", true, " third fourth");
	check_soft("e1000", true, "");
	check_options();
	return done_testing();
}
