/* The fragments are put in as they are by the assembler. */
#include "kernel/kernel_check.h"

#include <errno.h>
#include <string.h>

#include "base/json.h"
#include "modules/modindex.h"
#include "base/print.h"
#include "base/util.h"

#define FRAGMENT(name)                                                              \
	__asm__(".pushsection .rodata\nkconfig_" #name ": .incbin \"kconfig/" #name \
		".config\"\n.byte 0\n.popsection");                                 \
	extern const char kconfig_##name[]

FRAGMENT(tarboot);
FRAGMENT(recommended);
FRAGMENT(x86_64);
FRAGMENT(aarch64);
FRAGMENT(netboot);
FRAGMENT(vm);
FRAGMENT(secureboot);
FRAGMENT(debug);

static const struct fragment {
	const char *name, *text;
	const char *architecture; /* NULL = all */
} fragments[] = {
	{ "tarboot", kconfig_tarboot, NULL },       { "recommended", kconfig_recommended, NULL },
	{ "x86_64", kconfig_x86_64, "x86_64" },     { "aarch64", kconfig_aarch64, "aarch64" },
	{ "netboot", kconfig_netboot, NULL },       { "vm", kconfig_vm, NULL },
	{ "secureboot", kconfig_secureboot, NULL }, { "debug", kconfig_debug, NULL },
};

/* Without it the boot fails, else something else is lost. */
static bool is_required(const struct kernel_finding *finding)
{
	return strcmp(finding->fragment, "tarboot") == 0;
}

/* ---- comparing ---- */

static bool has_any(const char *dep, const char *names)
{
	const struct modindex index = { .dep = dep };
	char name[MODULE_NAME_MAX];

	for (const char *at = names; *at; at += strspn(at, " ")) {
		if (modindex_name(at, name) && modindex_dependencies(&index, name))
			return true;
		at += strcspn(at, " ");
	}
	return false;
}

/* A module that is nowhere is of no use. */
static enum kernel_has find_module(const struct kernel_modules *m, const char *names,
				   const char **ret_place)
{
	if (!*names) {
		*ret_place = "it must be built in";
		return KERNEL_MISSING;
	}
	if (m->image && has_any(m->image, names))
		*ret_place = "in the image";
	else if (m->root && has_any(m->root, names))
		*ret_place = m->image ? "in the root, not in the image" : "in the root";
	else if (m->root) {
		*ret_place = "not in the root";
		return KERNEL_MISSING;
	} else if (m->image)
		*ret_place = "not in the image";
	return KERNEL_MODULE;
}

/* The best of a symbol and its alternatives. */
static enum kconfig_value best_value(const char *config, const struct kconfig_need *need)
{
	enum kconfig_value best = kconfig_value(config, need->symbol), other;
	char symbol[sizeof(need->symbol)];

	for (const char *at = need->alternatives; *at; at += strspn(at, " ")) {
		snprintf(symbol, sizeof(symbol), "%.*s", (int)strcspn(at, " "), at);
		other = kconfig_value(config, symbol);
		best = other > best ? other : best;
		at += strcspn(at, " ");
	}
	return best;
}

static enum kernel_has look(const char *config, const struct kernel_check *c,
			    const struct kernel_modules *modules, struct kernel_finding *finding)
{
	const struct kconfig_need *need = &finding->need;
	unsigned version = kconfig_version(c->release);

	switch (best_value(config, need)) {
	case KCONFIG_YES:
		return KERNEL_BUILT_IN;
	case KCONFIG_MODULE:
		return find_module(modules, need->modules, &finding->place);
	default:
		/* Where the version is not known it is taken for a new one. */
		if ((version && version < need->since) ||
		    (need->until && (!version || version > need->until)))
			return KERNEL_UNNEEDED;
		return *need->architecture && c->architecture &&
				       strcmp(need->architecture, c->architecture) != 0
			       ? KERNEL_UNNEEDED
			       : KERNEL_MISSING;
	}
}

static bool is_asked_for(const struct fragment *f, const char *only, const char *architecture)
{
	size_t n = strlen(f->name);

	if (f->architecture && (!architecture || strcmp(f->architecture, architecture) != 0))
		return false;
	for (const char *at = only; at; at = strchr(at, ',')) {
		at += *at == ',';
		if (strncmp(at, f->name, n) == 0 && (at[n] == ',' || !at[n]))
			return true;
	}
	return !only;
}

bool kernel_check_knows(const char *only)
{
	bool known = true;

	for (const char *at = only; known && at; at = strchr(at, ',')) {
		known = false;
		at += *at == ',';
		for (size_t i = 0; i < ARRAY_SIZE(fragments); i++)
			known = known || (strncmp(at, fragments[i].name, strcspn(at, ",")) == 0 &&
					  strcspn(at, ",") == strlen(fragments[i].name));
	}
	return known;
}

int kernel_check(const char *config, const struct kernel_modules *modules, const char *only,
		 struct kernel_check *ret)
{
	struct kernel_finding finding, *more;

	*ret = (struct kernel_check){ .architecture = kconfig_architecture(config) };
	kconfig_release(config, ret->release);
	for (size_t i = 0; i < ARRAY_SIZE(fragments); i++) {
		const char *at = fragments[i].text;

		finding = (struct kernel_finding){ .fragment = fragments[i].name };
		while (is_asked_for(&fragments[i], only, ret->architecture) &&
		       kconfig_next(&at, &finding.need)) {
			finding.place = NULL;
			finding.has = look(config, ret, modules, &finding);
			more = array_one_more(ret->findings, ret->n, sizeof(*more));
			if (!more)
				return -ENOMEM;
			ret->findings = more;
			ret->findings[ret->n++] = finding;
		}
	}
	return 0;
}

void kernel_check_free(struct kernel_check *c)
{
	free(c->findings);
}

size_t kernel_check_missing(const struct kernel_check *c, bool required)
{
	size_t n = 0;

	for (size_t i = 0; i < c->n; i++)
		n += c->findings[i].has == KERNEL_MISSING &&
		     is_required(&c->findings[i]) == required;
	return n;
}

/* ---- showing ---- */

static void print_finding(const struct kernel_finding *finding, FILE *out)
{
	static const char *const words[] = { "MISSING", "module", "built in", "not needed" };
	const struct kconfig_need *need = &finding->need;

	fprintf(out, "  %-10s  %-32s  %s", words[finding->has], need->symbol, need->reason);
	if (finding->place && *need->modules)
		fprintf(out, " (%s: %s)", need->modules, finding->place);
	else if (finding->place)
		fprintf(out, " (%s)", finding->place);
	fputc('\n', out);
	if (finding->has == KERNEL_MISSING)
		fprintf(out, "  %-10s  without: %s\n", "", need->without);
}

void kernel_check_print(const struct kernel_check *c, bool only_missing, FILE *out)
{
	for (size_t i = 0, first = 0; i < c->n; first = i) {
		size_t missing = 0;

		for (;
		     i < c->n && strcmp(c->findings[i].fragment, c->findings[first].fragment) == 0;
		     i++)
			missing += c->findings[i].has == KERNEL_MISSING;
		fprintf(out, "%s: %zu of %zu%s\n", c->findings[first].fragment, i - first - missing,
			i - first,
			is_required(&c->findings[first]) ? ", all of them required" : "");
		for (size_t k = first; k < i; k++)
			if (!only_missing || c->findings[k].has == KERNEL_MISSING)
				print_finding(&c->findings[k], out);
	}
}

static void print_json_finding(const struct kernel_finding *finding, FILE *out)
{
	static const char *const words[] = { "missing", "module", "built-in", "not-needed" };
	const struct {
		const char *key, *text;
	} texts[] = { { "modules", finding->need.modules },
		      { "place", finding->place ? finding->place : "" },
		      { "alternatives", finding->need.alternatives },
		      { "reason", finding->need.reason },
		      { "without", finding->need.without } };

	fprintf(out,
		"    { \"symbol\": \"%s\", \"fragment\": \"%s\", \"required\": %s, \"state\": "
		"\"%s\"",
		finding->need.symbol, finding->fragment, is_required(finding) ? "true" : "false",
		words[finding->has]);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		fprintf(out, ", \"%s\": ", texts[i].key);
		json_text(out, texts[i].text);
	}
	fputs(" }", out);
}

void kernel_check_json(const struct kernel_check *c, const char *path, FILE *out)
{
	fputs("{\n  \"config\": ", out);
	json_text(out, path);
	fprintf(out, ",\n  \"linux\": ");
	json_text(out, c->release);
	fprintf(out, ",\n  \"architecture\": ");
	json_text(out, c->architecture ? c->architecture : "");
	fprintf(out,
		",\n  \"missing_required\": %zu,\n  \"missing_others\": %zu,\n  \"symbols\": [",
		kernel_check_missing(c, true), kernel_check_missing(c, false));
	for (size_t i = 0; i < c->n; i++) {
		fputs(i ? ",\n" : "\n", out);
		print_json_finding(&c->findings[i], out);
	}
	fputs("\n  ]\n}\n", out);
}

void kernel_check_warn(const struct kernel_check *c, const char *path)
{
	size_t required = 0, others = 0;

	for (size_t i = 0; i < c->n; i++) {
		const struct kernel_finding *finding = &c->findings[i];

		required += is_required(finding);
		others += !is_required(finding);
		if (finding->has == KERNEL_MISSING && is_required(finding))
			print_warning("the kernel lacks %s: %s", finding->need.symbol,
				      finding->need.without);
	}
	print_line(stdout,
		   "config   %s: %zu of %zu required, %zu of %zu recommended (see `tarboot "
		   "kernel-check`)",
		   path, required - kernel_check_missing(c, true), required,
		   others - kernel_check_missing(c, false), others);
}
