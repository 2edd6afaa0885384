/* Options, project files and lists of patterns. */
#include "command/pack_options.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/glob.h"
#include "command/command.h"
#include "command/option_values.h"
#include "source/image_input.h"
#include "image/image_report.h"
#include "image/manifest.h"
#include "base/options.h"
#include "base/print.h"
#include "root/scrub.h"
#include "base/settings.h"
#include "parameters/params.h"

enum {
	OPT_HELP,
	OPT_OUTPUT,
	OPT_PROJECT,
	OPT_PLATFORM,
	OPT_TAG,
	OPT_KERNEL,
	OPT_INIT,
	OPT_MODULES,
	OPT_EXCLUDE,
	OPT_EXCLUDE_FROM,
	OPT_OVERLAY,
	OPT_KEEP,
	OPT_NO_SCRUB,
	OPT_DRY_RUN,
	OPT_EXPLAIN,
	OPT_REPORT,
	OPT_JSON,
	OPT_QUIET,
	OPT_SHELL,
	OPT_NO_SHELL,
	OPT_STREAM,
	OPT_TRUST,
	OPT_MANIFEST_MIN,
	OPT_UKI,
	OPT_CMDLINE,
	OPT_KEY,
	OPT_CERT,
	OPT_COMPRESS,
	OPT_LEVEL,
	OPT_THREADS,
	OPT_FORCE,
	OPT_ROOT, /* in a project file only */
};

static const struct option_spec options[] = {
	{ .name = "output",
	  .letter = 'o',
	  .id = OPT_OUTPUT,
	  .value = "IMAGE",
	  .help = "write the image to this file; an old one is replaced only when the new one is "
		  "complete" },
	{ .name = "project",
	  .letter = 'p',
	  .id = OPT_PROJECT,
	  .value = "FILE",
	  .help = "read options from FILE, with lines NAME = VALUE, and root = ROOT" },
	{ .name = "kernel",
	  .letter = 'k',
	  .id = OPT_KERNEL,
	  .value = "WHICH",
	  .suggest = "auto none",
	  .help = "write a kernel to IMAGE.vmlinuz: auto (default): the newest one in the root, "
		  "which then stays out of the image; none; or a kernel file" },
	{ .name = "init",
	  .id = OPT_INIT,
	  .value = "PATH",
	  .help = "start PATH of the root, for example /init, unless the kernel command line names "
		  "another one (default: /sbin/init or another of the usual ones)" },
	{ .name = "platform",
	  .id = OPT_PLATFORM,
	  .value = "OS/ARCH",
	  .help = "of several container images, use the one for OS/ARCH or OS/ARCH/VARIANT "
		  "(default: this machine's)" },
	{ .name = "tag",
	  .id = OPT_TAG,
	  .value = "NAME",
	  .help = "of several container images, use the one with this name" },
	{ .name = "modules",
	  .id = OPT_MODULES,
	  .value = "LIST",
	  .suggest = "none none,zram net storage all",
	  .help = "add kernel modules that are needed before the root is unpacked: net, storage, "
		  "all, names or paths; console modules and zram are always added, except with "
		  "none; "
		  "none,zram: only zram" },
	{ .name = "exclude",
	  .letter = 'x',
	  .id = OPT_EXCLUDE,
	  .value = "GLOB",
	  .help = "leave out files that match GLOB, a pattern as in .gitignore" },
	{ .name = "exclude-from",
	  .id = OPT_EXCLUDE_FROM,
	  .value = "FILE",
	  .help = "leave out files that match a pattern in FILE, one a line" },
	{ .name = "overlay",
	  .id = OPT_OVERLAY,
	  .value = "DIR",
	  .help = "add the files in DIR to the root, replacing those of the same name" },
	{ .name = "keep",
	  .id = OPT_KEEP,
	  .value = "GLOB",
	  .help = "keep files that match GLOB, although excluded or scrubbed" },
	{ .name = "no-scrub",
	  .id = OPT_NO_SCRUB,
	  .help = "keep caches, logs, keys and all else that belongs to one machine" },
	{ .name = "dry-run",
	  .letter = 'n',
	  .id = OPT_DRY_RUN,
	  .help = "print what would be left out or changed; write nothing" },
	{ .name = "explain",
	  .id = OPT_EXPLAIN,
	  .value = "PATH",
	  .help = "print why PATH of the root is packed or not; write nothing" },
	{ .name = "report",
	  .id = OPT_REPORT,
	  .value = "FILE",
	  .help = "write a report of what is in the image to FILE.json, or a drawing to FILE.svg" },
	{ .name = "json", .id = OPT_JSON, .help = "print that report as JSON, instead of text" },
	{ .name = "shell",
	  .id = OPT_SHELL,
	  .value = "PATH",
	  .suggest = "auto",
	  .help = "use this static busybox for the debug shell (default: find one)" },
	{ .name = "no-shell", .id = OPT_NO_SHELL, .help = "put no debug shell into the image" },
	{ .name = "stream",
	  .id = OPT_STREAM,
	  .help = "put into the boot part what fetches the root over HTTP: network drivers with "
		  "firmware (--modules net, or your list), a DHCP client and the fetcher; "
		  "`tarboot netboot --stream` publishes such an image" },
	{ .name = "trust",
	  .id = OPT_TRUST,
	  .value = "FILE.pub",
	  .help = "let the boot part take only a root whose manifest this minisign key has signed, "
		  "apart from the root in this image; may stand several times" },
	{ .name = "manifest-min",
	  .id = OPT_MANIFEST_MIN,
	  .value = "DATE",
	  .help = "and whose manifest was signed on DATE (as 2026-11-29) or later" },
	{ .name = "uki",
	  .id = OPT_UKI,
	  .value = "FILE",
	  .help = "write a unified kernel image, too, which UEFI firmware starts by itself: "
		  "systemd's stub with the kernel and the image, with --stream the boot part "
		  "alone" },
	{ .name = "cmdline",
	  .id = OPT_CMDLINE,
	  .value = "TEXT",
	  .may_be_empty = true,
	  .help = "put this kernel command line into it; with Secure Boot nobody can change it "
		  "then" },
	{ .name = "secureboot-key",
	  .id = OPT_KEY,
	  .value = "FILE",
	  .help = "sign it for Secure Boot with this private key (PEM), by sbsign" },
	{ .name = "secureboot-cert",
	  .id = OPT_CERT,
	  .value = "FILE",
	  .help = "the certificate of that key (PEM), which the machines' firmware knows" },
	{ .name = "compress",
	  .letter = 'c',
	  .id = OPT_COMPRESS,
	  .value = "FORMAT",
	  .words = "xz zstd",
	  .help = "xz, the smallest, or zstd, a tenth larger and unpacked several times as fast "
		  "(default: xz)" },
	{ .name = "level",
	  .letter = 'l',
	  .id = OPT_LEVEL,
	  .value = "LEVEL",
	  .words = "fast normal best",
	  .help = "compression. xz: normal (default; 125 MiB of memory for each thread), fast (a "
		  "sixth of the time, a sixth larger; 40 MiB) or best (1.5 times the time, 2 % "
		  "smaller, 64 MiB to decode; 750 MiB). zstd: normal (default; as long as xz; 120 "
		  "MiB), fast (a fortieth of the time, a quarter larger; 40 MiB) or best (1.4 "
		  "times the time, 1 % smaller, 16 MiB to decode; 310 MiB)" },
	{ .name = "threads",
	  .letter = 'T',
	  .id = OPT_THREADS,
	  .value = "N",
	  .help = "compress with N threads (default: all CPUs)" },
	{ .name = "force", .id = OPT_FORCE, .help = "pack a root even if it cannot boot" },
	OPTION_QUIET(.id = OPT_QUIET),
	OPTION_HELP,
	OPTIONS_END,
};

const struct command_usage usage_pack = {
	.command = "pack",
	.synopsis = "pack ROOT -o IMAGE [OPTION]...\npack --project FILE [OPTION]...",
	.about =
		"Packs a root file system into an initramfs image that boots it from RAM. ROOT is "
		"a directory, a tar or cpio archive (plain or compressed), the disk of a virtual "
		"machine (raw, qcow2, vmdk, vdi, vhd, vhdx), a container image (docker save, OCI "
		"archive or directory, docker://NAME) or - for an archive on stdin. It takes up to "
		"300 bytes of memory for each file, plus names and attributes.",
	.options = options,
};

/* ---- lists ---- */

/* Takes string over; without memory it is left out and said. */
static int list_add(struct string_list *l, char *string)
{
	char **strings = string ? array_one_more(l->strings, l->n, sizeof(*strings)) : NULL;

	if (!strings) {
		free(string);
		return print_usage_error("pack", "there is no memory for the options");
	}
	l->strings = strings;
	strings[l->n++] = string;
	return EXIT_OK;
}

static void list_free(struct string_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->strings[i]);
	free(l->strings);
}

/* Opens a file of lines. Returns EXIT_OK, or says what is wrong and returns EXIT_FAILED. */
static int open_lines(const char *path, struct settings *ret)
{
	struct fail f;

	return settings_open(path, ret, &f) == 0 ? EXIT_OK : print_failure(&f);
}

/* ---- patterns ---- */

/* typed: the option or line that it is from. */
static int add_pattern(struct string_list *l, const char *value, const char *typed)
{
	_cleanup_free_ char *glob = strdup(value);
	const char *wrong = glob ? glob_tidy(glob) : NULL;
	int r;

	if (wrong)
		return print_usage_error("pack", "%s %s: %s", typed, value, wrong);
	r = list_add(l, glob);
	glob = NULL;
	return r;
}

/* A file of patterns, one a line. */
static int add_patterns_of(struct string_list *l, const char *path)
{
	_cleanup_settings_ struct settings lines = { 0 };
	_cleanup_free_ char *typed = NULL;
	int r = open_lines(path, &lines);

	for (char *line; r == EXIT_OK && (line = settings_next_line(&lines));) {
		free(typed);
		if (asprintf(&typed, "%s: line %u:", path, lines.line) < 0)
			typed = NULL;
		r = add_pattern(l, line, typed ? typed : path);
	}
	return r;
}

/* ---- one option ---- */

/* One of the words of its option. */
static void set_level(struct pack_options *o, const char *text)
{
	static const char *const names[] = {
		[ENCODE_NORMAL] = "normal", [ENCODE_FAST] = "fast", [ENCODE_BEST] = "best"
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (strcmp(text, names[i]) == 0)
			o->encode.level = (enum encode_level)i;
}

static int set_threads(struct pack_options *o, const char *text, const char *typed)
{
	long number;
	int r = option_number("pack", typed, text, 1, 1024, &number);

	if (r == EXIT_OK)
		o->encode.threads = (unsigned)number;
	return r;
}

static int set_platform(struct pack_options *o, const char *text, const char *typed)
{
	return image_platform_parse(text, &o->choice.platform)
		       ? EXIT_OK
		       : print_usage_error(
				 "pack",
				 "%s %s: it must be OS/ARCH or OS/ARCH/VARIANT, as linux/arm64",
				 typed, text);
}

static int set_report(struct pack_options *o, const char *file, const char *typed)
{
	o->report = file;
	return image_report_can_write(file)
		       ? EXIT_OK
		       : print_usage_error("pack", "%s %s: the name must end in .svg or .json",
					   typed, file);
}

/* What a manifest can hold. */
static int check_init_path(const char *path, const char *typed)
{
	const size_t most = sizeof(((struct manifest *)0)->init) - 1;

	if (*path == '/' && strlen(path) <= most && !strchr(path, '\n'))
		return EXIT_OK;
	return print_usage_error("pack",
				 "%s %s: it must be an absolute path in the root, of at most %zu "
				 "characters",
				 typed, path, most);
}

/* A kernel reads 2047 bytes, and no others would arrive as they are: firmware has its own characters. */
static int check_cmdline(const char *text, const char *typed)
{
	for (const char *at = text; *at; at++)
		if (*at < ' ' || *at > '~')
			return print_usage_error("pack",
						 "%s: it must be one line of ASCII characters",
						 typed);
	return strlen(text) < COMMAND_LINE_MAX
		       ? option_kernel_line("pack", typed, text)
		       : print_usage_error("pack",
					   "%s: it has %zu characters, and a kernel reads %d",
					   typed, strlen(text), COMMAND_LINE_MAX - 1);
}

static int check_text(int id, const char *text, const char *typed)
{
	switch (id) {
	case OPT_INIT:
		return check_init_path(text, typed);
	case OPT_MANIFEST_MIN:
		return option_date("pack", typed, text);
	case OPT_CMDLINE:
		return check_cmdline(text, typed);
	default:
		return EXIT_OK;
	}
}

/* Where the value of an option goes as it is, or NULL. */
static const char **text_of_option(struct pack_options *o, int id)
{
	switch (id) {
	case OPT_ROOT:
		return &o->root;
	case OPT_OUTPUT:
		return &o->out;
	case OPT_KERNEL:
		return &o->kernel;
	case OPT_INIT:
		return &o->init;
	case OPT_SHELL:
		return &o->shell;
	case OPT_EXPLAIN:
		return &o->explain;
	case OPT_TAG:
		return &o->choice.tag;
	case OPT_MANIFEST_MIN:
		return &o->manifest_min;
	case OPT_UKI:
		return &o->uki;
	case OPT_CMDLINE:
		return &o->cmdline;
	case OPT_KEY:
		return &o->secureboot_key;
	case OPT_CERT:
		return &o->secureboot_cert;
	default:
		return NULL;
	}
}

static int set_flag(struct pack_options *o, int id, bool yes)
{
	switch (id) {
	case OPT_NO_SHELL:
		o->shell = yes ? NULL : o->shell ? o->shell : "auto";
		break;
	case OPT_STREAM:
		o->stream = yes;
		break;
	case OPT_DRY_RUN:
		o->dry_run = yes;
		break;
	case OPT_NO_SCRUB:
		o->no_scrub = yes;
		break;
	case OPT_FORCE:
		o->force = yes;
		break;
	case OPT_JSON:
		o->json = yes;
		break;
	case OPT_QUIET:
		o->quiet = yes;
		break;
	}
	return EXIT_OK;
}

/* value lives as long as o; typed is the option as the user wrote it. */
static int set_option(struct pack_options *o, const struct option_spec *spec, const char *value,
		      const char *typed)
{
	const char **text = text_of_option(o, spec->id);
	int r = option_set("pack", spec, value, typed);

	if (r == EXIT_OK)
		r = check_text(spec->id, value, typed);
	if (r != EXIT_OK)
		return r;
	if (text)
		*text = value;
	switch (spec->id) {
	case OPT_COMPRESS:
		o->compress = encode_find(value);
		break;
	case OPT_LEVEL:
		set_level(o, value);
		break;
	case OPT_THREADS:
		return set_threads(o, value, typed);
	case OPT_EXCLUDE:
		return add_pattern(&o->exclude, value, typed);
	case OPT_EXCLUDE_FROM:
		return add_patterns_of(&o->exclude, value);
	case OPT_KEEP:
		return add_pattern(&o->keep, value, typed);
	case OPT_OVERLAY:
		return list_add(&o->overlays, strdup(value));
	case OPT_TRUST:
		return list_add(&o->trust, strdup(value));
	case OPT_REPORT:
		return set_report(o, value, typed);
	case OPT_PLATFORM:
		return set_platform(o, value, typed);
	case OPT_MODULES:
		o->modules = strcmp(value, "none") == 0 ? NULL : value;
		break;
	}
	return EXIT_OK;
}

/* ---- the project file ---- */

/* Is it a path, which in a project file is relative to the directory of that file? */
static bool is_path(int id, const char *value)
{
	switch (id) {
	case OPT_ROOT:
		return strcmp(value, "-") != 0 && !image_input_is_reference(value);
	case OPT_OUTPUT:
	case OPT_REPORT:
	case OPT_EXCLUDE_FROM:
	case OPT_OVERLAY:
	case OPT_TRUST:
	case OPT_UKI:
	case OPT_KEY:
	case OPT_CERT:
		return strcmp(value, "-") != 0;
	case OPT_KERNEL:
		return strcmp(value, "auto") != 0 && strcmp(value, "none") != 0;
	case OPT_SHELL:
		return strcmp(value, "auto") != 0;
	default:
		return false;
	}
}

static int set_project_value(struct pack_options *o, const struct option_spec *spec,
			     const char *value, const char *file, const char *typed)
{
	const char *slash = strrchr(file, '/');
	char *text;
	int r;

	if (is_path(spec->id, value) && *value != '/' && slash)
		r = asprintf(&text, "%.*s/%s", (int)(slash - file), file, value);
	else
		r = asprintf(&text, "%s", value);
	if (list_add(&o->texts, r < 0 ? NULL : text) != EXIT_OK)
		return EXIT_USAGE;
	return set_option(o, spec, text, typed);
}

static const struct option_spec *find_option(const char *name)
{
	static const struct option_spec root = { .name = "root", .id = OPT_ROOT, .value = "ROOT" };
	const struct option_spec *o = option_find(&usage_pack, name);

	if (strcmp(name, root.name) == 0)
		return &root;
	return o && o->id != OPT_PROJECT && o->id != OPT_HELP ? o : NULL;
}

static const char *next_name(size_t i, const void *arg)
{
	const struct option_spec *o = options;

	(void)arg;
	for (; o->name; o++)
		if (find_option(o->name) && i-- == 0)
			return o->name;
	return i == 0 ? "root" : NULL;
}

/* typed: "FILE: line N: NAME" */
static int set_line(struct pack_options *o, const struct setting *line, const char *path,
		    const char *typed)
{
	const struct option_spec *option = find_option(line->name);
	const char *value = line->value;
	char nearest[NEAREST_MAX];

	if (line->wrong)
		return print_usage_error("pack", "%s: %s", typed, line->wrong);
	if (!option)
		return print_usage_error("pack", "%s: unknown option%s", typed,
					 nearest_name(line->name, "", next_name, NULL, nearest));
	if (option->value)
		return value && (*value || option->may_be_empty)
			       ? set_project_value(o, option, value, path, typed)
			       : print_usage_error("pack", "%s: this option needs a value", typed);
	if (!value || strcmp(value, "yes") == 0)
		return set_flag(o, option->id, true);
	return strcmp(value, "no") == 0
		       ? set_flag(o, option->id, false)
		       : print_usage_error("pack", "%s = %s: it must be yes or no", typed, value);
}

static int read_project(struct pack_options *o, const char *path)
{
	_cleanup_settings_ struct settings lines = { 0 };
	_cleanup_free_ char *typed = NULL;
	int r = open_lines(path, &lines);
	struct setting line;

	while (r == EXIT_OK && settings_next(&lines, &line)) {
		free(typed);
		if (asprintf(&typed, "%s: line %u: %s", path, line.line, line.name) < 0)
			typed = NULL;
		r = set_line(o, &line, path, typed ? typed : path);
	}
	return r;
}

/* ---- the command line ---- */

/* Project files first: the command line has the last word. */
static int set_options(struct pack_options *o, const struct command_line *line)
{
	const struct option_given *given = line->options, *end = given + line->n_options;
	int r = EXIT_OK;
	char typed[64];

	for (; r == EXIT_OK && given < end; given++)
		if (given->option->id == OPT_PROJECT)
			r = read_project(o, given->value);
	for (given = line->options; r == EXIT_OK && given < end; given++) {
		snprintf(typed, sizeof(typed), "--%s", given->option->name);
		if (given->option->value && given->option->id != OPT_PROJECT)
			r = set_option(o, given->option, given->value, typed);
		else if (!given->option->value)
			r = set_flag(o, given->option->id, true);
	}
	o->dry_run = o->dry_run || o->explain;
	return r;
}

/* As everybody does who makes the same bytes of the same sources. */
static int read_environment(struct pack_options *o)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	o->newest = LONG_MAX;
	return epoch && *epoch
		       ? option_number("pack", "SOURCE_DATE_EPOCH", epoch, 0, LONG_MAX, &o->newest)
		       : EXIT_OK;
}

static int set_root(struct pack_options *o, const struct command_line *line)
{
	if (line->n_arguments == 1)
		o->root = line->arguments[0];
	if (line->n_arguments > 1 || !o->root)
		return options_expect("pack", "one ROOT", 1, line->n_arguments);
	if (!o->out && !o->dry_run)
		return print_usage_error("pack", "-o IMAGE is missing");
	if (o->manifest_min && o->trust.n == 0)
		return print_usage_error("pack", "--manifest-min counts only with --trust");
	if (o->json && o->dry_run)
		return print_usage_error("pack",
					 "--json reads the image back, but a dry run writes none");
	return EXIT_OK;
}

static int check_uki(const struct pack_options *o)
{
	if (!o->uki && (o->cmdline || o->secureboot_key || o->secureboot_cert))
		return print_usage_error("pack", "--cmdline, --secureboot-key and "
						 "--secureboot-cert are about --uki, which is "
						 "missing");
	if (!o->secureboot_key != !o->secureboot_cert)
		return print_usage_error("pack",
					 "--secureboot-key and --secureboot-cert need each other");
	return EXIT_OK;
}

int pack_options_parse(int argc, char **argv, struct pack_options *o)
{
	struct command_line line;
	int r = options_read(&usage_pack, argc, argv, &line);

	*o = (struct pack_options){ .kernel = "auto", .shell = "auto", .modules = "" };
	o->compress = &encode_xz;
	if (r >= 0)
		return r;
	r = set_options(o, &line);
	if (r == EXIT_OK)
		r = read_environment(o);
	if (r == EXIT_OK)
		r = set_root(o, &line);
	if (r == EXIT_OK)
		r = check_uki(o);
	free(line.options);
	if (r == EXIT_OK && o->quiet)
		r = print_quietly();
	else if (r == EXIT_OK && o->json)
		r = print_hide_results(); /* command_pack.c shows the report */
	return r == EXIT_OK ? -1 : r;
}

int pack_options_rules(const struct pack_options *o, struct rules *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < o->keep.n; i++)
		r = rules_keep(ret, o->keep.strings[i]);
	for (size_t i = 0; r == 0 && i < o->exclude.n; i++)
		r = rules_add(ret, RULE_LEAVE_OUT, o->exclude.strings[i], "excluded");
	ret->n_excluded = ret->n_rules;
	return r == 0 && !o->no_scrub ? scrub_add_rules(ret) : r;
}

void pack_options_free(struct pack_options *o)
{
	list_free(&o->overlays);
	list_free(&o->exclude);
	list_free(&o->keep);
	list_free(&o->trust);
	list_free(&o->texts);
}
