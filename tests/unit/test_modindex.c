/* The texts of depmod and modprobe.d: names, aliases, needs, options. */
#include "modules/modindex.h"

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
			    "alias pci:v00001af4* virtio_pci\n"
			    "alias acpi_dash:x-y* dashed\n"
			    "alias set:[a-b]_c in-set\n"
			    "alias set:b?c never\n"
			    "alias never: bad-one\n"
			    "alias plain plain_driver";
static const char config[] =
	"options e1000 copybreak=1 # comment=2\n"
	"options e1000 debug=3\n"
	"options other x=y\n"
	"options  quoted\t a=\"b  c\" d \t\r\n"
	"blacklist generic_driver\n"
	"blacklist\n"
	"softdep usbhid pre: first-one second post: third\n"
	"softdep usbhid post: fourth\n"
	"alias local:* own\n"
	"options\noptions lonely\n"
	"alias pci:v00001af4* off\n"
	"softdep both pre: a\n"
	"weakdep usbhid weak-one weak_two\nweakdep usb* third\n"
	"install never /bin/false\ninstall snd-* /bin/true\ninstall no; /usr/bin/false; x\n"
	"install truly /bin/truly\ninstall own /sbin/modprobe other; echo  x \r\n"
	"install own /bin/true\ninstall both /bin/sh -c y\ninstall\ninstall nothing\n";
static const char cmdline[] =
	"quiet e1000.mode=5 usb-core.x=y modprobe.blacklist=plain-driver,tabbed x.=1 .y=2 "
	"tarboot.rootfs=/x/e1000.tar.xz /e1000.a=1 e1000.b.c=2 e1000 e1000.flag \"e1000.words=a "
	"b\" "
	"e1000.more=\"c \td\" e1000.plain=\"e\" e1000.odd=f\"g h\" module_blacklist=bad-one,worse "
	"x=e1000.y=3 e1000=.z -- e1000.late=1\n";

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

static void check_tied(const char *name, enum modindex_tie tie, const char *want)
{
	static const char *const ties[] = { "before", "after", "weakly with" };

	*found = '\0';
	modindex_tied(&whole, name, tie, note, NULL);
	is_str(found, want, "%s %s", ties[tie], name);
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

static void check_option(const char *name, const char *want)
{
	char *options = modindex_options(&whole, name);

	is_str(options, want, "options of %s", name);
	free(options);
}

static void check_install(const char *name, bool is_forbidden, const char *command)
{
	const char *got = modindex_install_command(&whole, name);

	is_int(modindex_is_forbidden(&whole, name), is_forbidden, "%s is %sforbidden", name,
	       is_forbidden ? "" : "not ");
	if (!command)
		ok(!got, "%s has no command", name);
	else
		ok(got && strncmp(got, command, strlen(command)) == 0, "%s has a command", name);
}

static void check_loads(const char *command, bool loads)
{
	is_int(modindex_command_loads(command, "mlx4_core"), loads, "%.*s %s mlx4_core",
	       (int)strcspn(command, "\n"), command, loads ? "loads" : "does not load");
}

static void check_commands(void)
{
	check_loads("/sbin/modprobe --ignore-install mlx4_core $CMDLINE_OPTS && (x)\n", true);
	check_loads("modprobe -q -i mlx4-core; modprobe mlx4_en", true);
	check_loads("/sbin/modprobe --ignore-install mlx4_core", true);
	check_loads("/sbin/modprobe --ignore-install mlx4_en\n", false);
	check_loads("/sbin/modprobe mlx4_core\n", false); /* runs this command again */
	check_loads("/sbin/modprobe mlx4_en; /sbin/modprobe -i mlx4_core\n", false);
	check_loads("/sbin/modprobe -i; mlx4_core\n", false);
	check_loads("/sbin/modprobe -i\nmlx4_core\n", false);
	check_loads("/sbin/mymodprobe -i mlx4_core\n", false);
	check_loads("/bin/sh -i mlx4_core\n", false);
	check_loads("modprobe", false);
}

static void check_joined(const char *text, size_t size, const char *want)
{
	char copy[64];

	memcpy(copy, text, size);
	copy[modindex_join_lines(copy, size)] = '\0';
	is_str(copy, want, "lines that are joined");
}

static void check_lines(void)
{
#define JOINED(text, want) check_joined(text, sizeof(text) - 1, want)
	JOINED("", "");
	JOINED("options a b=1\n", "options a b=1\n");
	JOINED("options a \\\n  b=1 \\\n c=2\nalias d e\n", "options a   b=1  c=2\nalias d e\n");
	JOINED("opt\\\nions a b\n", "options a b\n");
	JOINED("# a comment \\\nblacklist a\n", "# a comment blacklist a\n");
	JOINED("a \\b \\\\ c\n", "a b \\ c\n");
	JOINED("at the end \\", "at the end ");
	JOINED("a\\\n\\\nb", "ab");
	JOINED("a\0b\\\0c", "a\nb\nc");
#undef JOINED
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
	check_match(&whole, "never:", "");
	check_match(&whole, "", "");
	check_match(&empty, "exact", "");
	check_match(&(struct modindex){ "", alias, "", "" }, "plain", " plain_driver");
	check_match(&(struct modindex){ "", alias, "", "" }, "pci:v00008086d00001234",
		    " e1000 generic_driver");
	check_match(&(struct modindex){ "", alias, "", "a modprobe.blacklist=x,,\tb" }, "plain",
		    " plain_driver");
	check_dependencies();
	check_match(&whole, "pci:v00001af4d1", " off"); /* and not virtio_pci */
	check_match(&whole, "acpi-dash:x_y-z", " dashed");
	check_match(&whole, "set:a-c", " in_set");
	check_match(&whole, "set:b_c", " in_set");
	check_match(&whole, "set:b-c", " in_set");
	check_match(&whole, "set:__c", "");
	check_tied("usbhid", MODINDEX_BEFORE, " first_one second");
	check_tied("usbhid", MODINDEX_AFTER, " third fourth");
	check_tied("e1000", MODINDEX_AFTER, "");
	check_tied("usbhid", MODINDEX_WEAK, " weak_one weak_two third");
	check_tied("usbcore", MODINDEX_WEAK, " third");
	check_tied("e1000", MODINDEX_WEAK, "");
	check_option("e1000",
		     "copybreak=1 # comment=2 debug=3 mode=5 flag words=\"a b\" more=\"c \td\" "
		     "plain=e odd=f\"g h\"");
	check_option("usb_core", "x=y");
	check_option("quoted", "a=\"b  c\" d");
	check_option("lonely", "");
	check_install("never", true, "/bin/false\n");
	check_install("snd_hda", true, "/bin/true\n");
	check_install("no;", true, "/usr/bin/false; x");
	check_install("truly", false, "/bin/truly\n");
	check_install("own", false, "/sbin/modprobe other; echo  x \r\n");
	check_install("both", false, NULL); /* softdeps say it better */
	check_install("nothing", false, NULL);
	check_install("bad_one", true, NULL);
	check_install("worse", true, NULL);
	check_install("e1000", false, NULL);
	check_commands();
	check_lines();
	return done_testing();
}
