/* What a configuration lacks of the fragments; and the fragments, as they are in this program. */
#include "kernel/kernel_check.h"

#include <stdlib.h>

#include "tap.h"

static const struct kernel_modules unknown;

static const struct kernel_finding *find(const struct kernel_check *c, const char *symbol,
					 const char *fragment)
{
	for (size_t i = 0; i < c->n; i++)
		if (strcmp(c->findings[i].need.symbol, symbol) == 0 &&
		    strcmp(c->findings[i].fragment, fragment) == 0)
			return &c->findings[i];
	return NULL;
}

/* What is found of one symbol in a configuration that has no other. */
static void check_one(const char *config, const struct kernel_modules *m, const char *fragment,
		      const char *symbol, enum kernel_has want, const char *place)
{
	const struct kernel_finding *finding;
	struct kernel_check c;

	is_int(kernel_check(config, m, NULL, &c), 0, "it is compared");
	finding = find(&c, symbol, fragment);
	if (ok(finding, "%s has %s", fragment, symbol)) {
		is_int(finding->has, want, "%s: what of it is there", symbol);
		is_str(finding->place, place, "%s: where", symbol);
	}
	kernel_check_free(&c);
}

/* All that is required, as a configuration, but for one symbol. */
static void check_without(const struct kernel_check *all, size_t left_out)
{
	static char config[65536];
	struct kernel_check c;

	strcpy(config, "CONFIG_X86_64=y\n");
	for (size_t i = 0; i < all->n; i++)
		if (i != left_out)
			sprintf(config + strlen(config), "%s=y\n", all->findings[i].need.symbol);
	is_int(kernel_check(config, &unknown, NULL, &c), 0, "it is compared");
	is_int((long long)kernel_check_missing(&c, true), left_out < all->n, "all but %s",
	       left_out < all->n ? all->findings[left_out].need.symbol : "none");
	kernel_check_free(&c);
}

static bool is_cut(const char *text, size_t room)
{
	return strlen(text) + 1 >= room;
}

static void check_texts(const struct kernel_check *all)
{
	for (size_t i = 0; i < all->n; i++) {
		const struct kconfig_need *n = &all->findings[i].need;

		ok(*n->reason && *n->without, "%s, %s: it has a reason and a consequence",
		   all->findings[i].fragment, n->symbol);
		ok(!is_cut(n->symbol, sizeof(n->symbol)) && !is_cut(n->reason, sizeof(n->reason)) &&
			   !is_cut(n->without, sizeof(n->without)) &&
			   !is_cut(n->alternatives, sizeof(n->alternatives)) &&
			   !is_cut(n->modules, sizeof(n->modules)),
		   "%s: nothing of it is cut", n->symbol);
		ok(find(all, n->symbol, all->findings[i].fragment) == &all->findings[i],
		   "%s: it is there once", n->symbol);
	}
}

static void check_required(void)
{
	struct kernel_check all;

	is_int(kernel_check("CONFIG_X86_64=y\n", &unknown, "tarboot", &all), 0, "nothing is there");
	ok(all.n > 15, "there are required symbols: %zu", all.n);
	is_int((long long)kernel_check_missing(&all, true), (long long)all.n, "all are missing");
	is_int((long long)kernel_check_missing(&all, false), 0, "none of the others is asked for");
	for (size_t i = 0; i <= all.n; i++)
		check_without(&all, i);
	kernel_check_free(&all);
}

static void check_architectures(void)
{
	static const char *const architectures[] = { "CONFIG_X86_64=y\n", "CONFIG_ARM64=y\n" };
	struct kernel_check all;

	for (size_t i = 0; i < ARRAY_SIZE(architectures); i++) {
		is_int(kernel_check(architectures[i], &unknown, NULL, &all), 0, "all fragments");
		check_texts(&all);
		ok(!find(&all, "CONFIG_VGA_CONSOLE", i ? "x86_64" : "aarch64") &&
			   find(&all, "CONFIG_EFI", i ? "aarch64" : "x86_64"),
		   "the fragment of the architecture, not of the other one");
		kernel_check_free(&all);
	}
}

static void check_modules(void)
{
	static const char config[] = "CONFIG_USB_HID=m\n", symbol[] = "CONFIG_USB_HID";
	const struct {
		struct kernel_modules modules;
		enum kernel_has has;
		const char *place;
	} cases[] = {
		{ { NULL, NULL }, KERNEL_MODULE, NULL },
		{ { NULL, "kernel/usbhid.ko: kernel/hid.ko\n" }, KERNEL_MODULE, "in the root" },
		{ { "kernel/usbhid.ko.xz:\n", "" }, KERNEL_MODULE, "in the image" },
		{ { "", "kernel/usbhid.ko:\n" }, KERNEL_MODULE, "in the root, not in the image" },
		{ { NULL, "kernel/hid.ko:\n" }, KERNEL_MISSING, "not in the root" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_one(config, &cases[i].modules, "recommended", symbol, cases[i].has,
			  cases[i].place);
	check_one("CONFIG_USB_HID=y\n", &unknown, "recommended", symbol, KERNEL_BUILT_IN, NULL);
	check_one("CONFIG_TMPFS=m\n", &unknown, "tarboot", "CONFIG_TMPFS", KERNEL_MISSING,
		  "it must be built in");
}

/* Renamed, gone, not there yet, for another machine. */
static void check_versions(void)
{
#define LINUX(version) "# Linux/x86 " version " Kernel Configuration\nCONFIG_NET=y\n"
	static const struct {
		const char *config, *fragment, *symbol;
		enum kernel_has has;
	} cases[] = {
		{ "CONFIG_AUTOFS4_FS=y\n", "recommended", "CONFIG_AUTOFS_FS", KERNEL_BUILT_IN },
		{ LINUX("3.10.0"), "tarboot", "CONFIG_MULTIUSER", KERNEL_UNNEEDED },
		{ LINUX("4.1.0"), "tarboot", "CONFIG_MULTIUSER", KERNEL_MISSING },
		{ LINUX("6.1.0"), "recommended", "CONFIG_RANDOM_TRUST_CPU", KERNEL_MISSING },
		{ LINUX("6.2.0"), "recommended", "CONFIG_RANDOM_TRUST_CPU", KERNEL_UNNEEDED },
		{ "CONFIG_NET=y\n", "recommended", "CONFIG_RANDOM_TRUST_CPU", KERNEL_UNNEEDED },
		{ "CONFIG_ARM64=y\n", "vm", "CONFIG_KVM_GUEST", KERNEL_UNNEEDED },
		{ "CONFIG_X86_64=y\n", "vm", "CONFIG_KVM_GUEST", KERNEL_MISSING },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check_one(cases[i].config, &unknown, cases[i].fragment, cases[i].symbol,
			  cases[i].has, NULL);
}

int main(void)
{
	check_required();
	check_architectures();
	check_modules();
	check_versions();
	ok(kernel_check_knows(NULL) && kernel_check_knows("vm") && kernel_check_knows("vm,debug"),
	   "names of fragments");
	ok(!kernel_check_knows("") && !kernel_check_knows("vm,") && !kernel_check_knows("v") &&
		   !kernel_check_knows("vmx") && !kernel_check_knows("vm debug"),
	   "what is none");
	return done_testing();
}
