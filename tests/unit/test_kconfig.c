/* Configurations of kernels, and fragments that say what one must have. */
#include "kernel/kconfig.h"

#include "tap.h"

static const char fragment[] = "# A file about kernels: no need is right behind it.\n"
			       "\n"
			       "# The first reason,\n"
			       "# on two lines.\n"
			       "# without: it fails\n"
			       "# without: twice\n"
			       "# or: CONFIG_OLD\n"
			       "# or: CONFIG_OLDER\n"
			       "# since: 3.10\n"
			       "# until: 6.1.5\n"
			       "# module: one two\n"
			       "# for: x86_64\n"
			       "CONFIG_FIRST=y\n"
			       "# Not about the next one.\n"
			       "\n"
			       "CONFIG_BARE=y\n"
			       "#no blank\n"
			       "CONFIG_LAST=m";

static const char config[] = "#\n"
			     "# Automatically generated file; DO NOT EDIT.\n"
			     "# Linux/x86 6.1.192 Kernel Configuration\n"
			     "#\n"
			     "CONFIG_X86_64=y\n"
			     "CONFIG_A=y\n"
			     "CONFIG_AB=m\n"
			     "# CONFIG_ABC is not set\n"
			     "CONFIG_TEXT=\"CONFIG_A=n\"\n"
			     "CONFIG_NO=n\n"
			     "CONFIG_HZ=250\n";

static void check_fragment(void)
{
	const char *at = fragment;
	struct kconfig_need n;

	ok(kconfig_next(&at, &n), "there is a first need");
	is_str(n.symbol, "CONFIG_FIRST", "its symbol");
	is_str(n.reason, "The first reason, on two lines.", "its reason");
	is_str(n.without, "it fails twice", "what is without it");
	is_str(n.alternatives, "CONFIG_OLD CONFIG_OLDER", "what does as well");
	is_str(n.modules, "one two", "its modules");
	is_str(n.architecture, "x86_64", "its architecture");
	is_int(n.since, 3 << 8 | 10, "its first Linux");
	is_int(n.until, 6 << 8 | 1, "its last Linux");
	ok(kconfig_next(&at, &n), "there is a second need");
	is_str(n.symbol, "CONFIG_BARE", "its symbol");
	is_str(n.reason, "", "a comment behind an empty line is about nothing");
	is_str(n.modules, "", "nothing is left of the one before");
	ok(kconfig_next(&at, &n), "there is a third need");
	is_str(n.symbol, "CONFIG_LAST", "its symbol, without a newline at the end");
	is_str(n.reason, "no blank", "a comment without a blank");
	ok(!kconfig_next(&at, &n), "that was the last one");
}

static void check_long(void)
{
	static char text[4096] = "# ";
	const char *at = text;
	struct kconfig_need n;

	memset(text + 2, 'x', 2000);
	strcat(text, "\n# more\nCONFIG_");
	memset(text + strlen(text), 'Y', 500);
	ok(kconfig_next(&at, &n), "a need with long texts");
	is_int((long long)strlen(n.reason), sizeof(n.reason) - 1, "the reason is cut");
	is_int((long long)strlen(n.symbol), sizeof(n.symbol) - 1, "the symbol is cut");
}

static void check_release(const char *text, const char *want)
{
	char release[32];

	kconfig_release(text, release);
	is_str(release, want, "version of %.40s", text);
}

int main(void)
{
	check_fragment();
	check_long();

	is_int(kconfig_value(config, "CONFIG_A"), KCONFIG_YES, "built in");
	is_int(kconfig_value(config, "CONFIG_AB"), KCONFIG_MODULE, "a module");
	is_int(kconfig_value(config, "CONFIG_ABC"), KCONFIG_NO, "not set");
	is_int(kconfig_value(config, "CONFIG_NO"), KCONFIG_NO, "set to n");
	is_int(kconfig_value(config, "CONFIG_HZ"), KCONFIG_YES, "a number");
	is_int(kconfig_value(config, "CONFIG_TEXT"), KCONFIG_YES, "a text");
	is_int(kconfig_value(config, "CONFIG_B"), KCONFIG_NO, "not there");
	is_int(kconfig_value("CONFIG_A=y", "CONFIG_A"), KCONFIG_YES, "the first line");
	is_int(kconfig_value("", "CONFIG_A"), KCONFIG_NO, "nothing");

	ok(kconfig_is(config), "this is a configuration");
	ok(kconfig_is("CONFIG_A=y\n"), "so is a line");
	ok(!kconfig_is("# CONFIG_A is not set\n"), "a comment is none");
	ok(!kconfig_is("see\nCONFIG_A in the kernel"), "a sentence is none");
	ok(!kconfig_is(""), "nothing is none");

	is_int(kconfig_version("6.12.3-1"), 6 << 8 | 12, "a version");
	is_int(kconfig_version("6"), 0, "a number is none");
	is_int(kconfig_version("v6.1"), 0, "a letter is none");
	is_int(kconfig_version("6.x"), 0, "nor is 6.x");
	is_int(kconfig_version("99999999999999999999.1"), 0, "nor what is too large");

	check_release(config, "6.1.192");
	check_release("# Linux/arm64 7.2.0-rc1 Kernel Configuration\n", "7.2.0-rc1");
	check_release("# Linux kernel version: 2.6.32\n", "");
	check_release("# Linux/x86", "");
	check_release("", "");
	is_str(kconfig_architecture(config), "x86_64", "architecture");
	is_str(kconfig_architecture("CONFIG_ARM64=y\n"), "aarch64", "the other one");
	is_str(kconfig_architecture("CONFIG_RISCV=y\n"), NULL, "one that is not known");
	return done_testing();
}
