/* Options, project files and lists of patterns. */
#include "pack_options.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "image_report.h"
#include "say.h"

enum {
	OPT_SHELL = 256,
	OPT_NO_SHELL,
	OPT_FORCE,
	OPT_HELP,
	OPT_EXCLUDE_FROM,
	OPT_OVERLAY,
	OPT_KEEP,
	OPT_NO_SCRUB,
	OPT_EXPLAIN,
	OPT_REPORT,
	OPT_MODULES,
	OPT_ROOT, /* in a project file only */
};

static const struct option options[] = {
	{ "output", required_argument, NULL, 'o' },
	{ "project", required_argument, NULL, 'p' },
	{ "kernel", required_argument, NULL, 'k' },
	{ "modules", required_argument, NULL, OPT_MODULES },
	{ "level", required_argument, NULL, 'l' },
	{ "threads", required_argument, NULL, 'T' },
	{ "exclude", required_argument, NULL, 'x' },
	{ "exclude-from", required_argument, NULL, OPT_EXCLUDE_FROM },
	{ "keep", required_argument, NULL, OPT_KEEP },
	{ "overlay", required_argument, NULL, OPT_OVERLAY },
	{ "no-scrub", no_argument, NULL, OPT_NO_SCRUB },
	{ "dry-run", no_argument, NULL, 'n' },
	{ "explain", required_argument, NULL, OPT_EXPLAIN },
	{ "report", required_argument, NULL, OPT_REPORT },
	{ "shell", required_argument, NULL, OPT_SHELL },
	{ "no-shell", no_argument, NULL, OPT_NO_SHELL },
	{ "force", no_argument, NULL, OPT_FORCE },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static int print_help(void)
{
	puts("Usage: tarboot pack ROOT -o IMAGE [OPTION]...\n"
	     "       tarboot pack --project FILE [OPTION]...\n\n"
	     "Packs a root file system into an initramfs image that boots it from RAM.\n"
	     "ROOT is a directory, a tar archive (plain or compressed), the disk of a virtual "
	     "machine\n"
	     "(raw, qcow2, vmdk, vdi, vhdx), a container image (docker save, OCI archive or "
	     "directory)\n"
	     "or - for a tar on stdin.\n\n"
	     "  -o, --output IMAGE    the image to write; an old one stays until the new one is "
	     "whole\n"
	     "  -p, --project FILE    take options from FILE: lines of NAME = VALUE, and root = "
	     "ROOT\n"
	     "  -k, --kernel WHICH    auto: the newest vmlinuz of the root goes to IMAGE.vmlinuz "
	     "and\n"
	     "                        not into the image (default); none; or a kernel file to "
	     "copy\n"
	     "      --modules LIST    kernel modules for the time before the root is there: "
	     "console "
	     "(always),\n"
	     "                        net, storage, all, names or paths; or none\n"
	     "  -x, --exclude GLOB    leave out what GLOB names, as in .gitignore\n"
	     "      --exclude-from FILE  leave out what the lines of FILE name\n"
	     "      --overlay DIR     lay DIR over the root\n"
	     "      --keep GLOB       keep what would be excluded or scrubbed\n"
	     "      --no-scrub        keep caches, logs, keys and what else belongs to one "
	     "machine\n"
	     "  -n, --dry-run         say what would be done, write nothing\n"
	     "      --explain PATH    say why PATH of the root goes in or not, write nothing\n"
	     "      --report FILE     write what is in the image to FILE.json, or draw it to "
	     "FILE.svg\n"
	     "      --shell PATH      the static busybox for the debug shell (default: find one)\n"
	     "      --no-shell        no debug shell in the image\n"
	     "  -l, --level LEVEL     normal (default; 125 MiB of memory for each thread),\n"
	     "                        fast: a fifth of the time, a sixth larger (40 MiB), or\n"
	     "                        best: 2 % smaller, and 64 MiB to decode (750 MiB)\n"
	     "  -T, --threads N       compress with N threads (default: all CPUs)\n"
	     "      --force           pack a root that cannot boot, too\n"
	     "      --help            show this help");
	return EXIT_OK;
}

/* ---- lists ---- */

/* Takes string over; without memory it is left out and said. */
static int list_add(struct string_list *l, char *string)
{
	char **strings = string ? realloc(l->strings, (l->n + 1) * sizeof(*strings)) : NULL;

	if (!strings) {
		free(string);
		return say_usage("pack", "there is no memory for the options");
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

/* Calls each with every line of a file that is neither empty nor a comment, without blanks around it. */
static int each_line(const char *path,
		     int (*each)(struct pack_options *o, char *line, const char *path),
		     struct pack_options *o)
{
	FILE *file = fopen(path, "re");
	char *line = NULL, *start, *end;
	size_t room = 0;
	int r = EXIT_OK;

	if (!file)
		return say_usage("pack", "%s: cannot open it: %s", path, strerror(errno));
	while (r == EXIT_OK && getline(&line, &room, file) >= 0) {
		start = line + strspn(line, " \t");
		end = start + strlen(start);
		while (end > start && strchr(" \t\r\n", end[-1]))
			*--end = '\0';
		if (*start && *start != '#')
			r = each(o, start, path);
	}
	if (r == EXIT_OK && ferror(file))
		r = say_usage("pack", "%s: cannot read it: %s", path, strerror(errno));
	free(line);
	fclose(file);
	return r;
}

static int exclude_line(struct pack_options *o, char *line, const char *path)
{
	(void)path;
	return list_add(&o->exclude, strdup(line));
}

/* ---- one option ---- */

static int parse_level(struct pack_options *o, const char *text)
{
	/* 9 extreme looks back 64 MiB: its Blocks must be as long for that to be of use. */
	static const struct {
		const char *name;
		uint32_t preset;
		uint64_t block_size;
	} levels[] = {
		{ "fast", PAYLOAD_PRESET_FAST, PAYLOAD_BLOCK_SIZE },
		{ "normal", PAYLOAD_PRESET, PAYLOAD_BLOCK_SIZE },
		{ "best", PAYLOAD_PRESET_BEST, 4 * PAYLOAD_BLOCK_SIZE },
	};

	for (size_t i = 0; i < ARRAY_SIZE(levels); i++)
		if (strcmp(text, levels[i].name) == 0) {
			o->payload.preset = levels[i].preset;
			o->payload.block_size = levels[i].block_size;
			return EXIT_OK;
		}
	return say_usage("pack", "--level %s: it must be fast, normal or best", text);
}

static int parse_threads(struct pack_options *o, const char *text)
{
	long number;
	int r = say_number("pack", "--threads", text, 1, 1024, &number);

	if (r == EXIT_OK)
		o->payload.threads = (unsigned)number;
	return r;
}

static int set_report(struct pack_options *o, const char *file)
{
	o->report = file;
	return image_report_can_write(file)
		       ? EXIT_OK
		       : say_usage("pack", "--report %s: its name must end in .svg or .json", file);
}

/* Where the value of an option goes as it is, or NULL. */
static const char **text_of_option(struct pack_options *o, int c)
{
	switch (c) {
	case OPT_ROOT:
		return &o->root;
	case 'o':
		return &o->out;
	case 'k':
		return &o->kernel;
	case OPT_SHELL:
		return &o->shell;
	case OPT_EXPLAIN:
		return &o->explain;
	default:
		return NULL;
	}
}

/* value lives as long as o. */
static int set_option(struct pack_options *o, int c, const char *value)
{
	const char **text = text_of_option(o, c);

	if (text)
		*text = value;
	switch (c) {
	case 'l':
		return parse_level(o, value);
	case 'T':
		return parse_threads(o, value);
	case 'x':
		return list_add(&o->exclude, strdup(value));
	case OPT_EXCLUDE_FROM:
		return each_line(value, exclude_line, o);
	case OPT_KEEP:
		return list_add(&o->keep, strdup(value));
	case OPT_OVERLAY:
		return list_add(&o->overlays, strdup(value));
	case OPT_REPORT:
		return set_report(o, value);
	case OPT_MODULES:
		o->modules = strcmp(value, "none") == 0 ? NULL : value;
		break;
	case OPT_NO_SHELL:
		o->shell = NULL;
		break;
	}
	o->dry_run = o->dry_run || c == 'n' || c == OPT_EXPLAIN;
	o->no_scrub = o->no_scrub || c == OPT_NO_SCRUB;
	o->force = o->force || c == OPT_FORCE;
	return EXIT_OK;
}

/* ---- the project file ---- */

/* A path of a project file is meant from where the file is. */
static bool is_path(int c, const char *value)
{
	return (c == OPT_ROOT || c == 'o' || c == OPT_REPORT || c == OPT_EXCLUDE_FROM ||
		c == OPT_OVERLAY || ((c == 'k' || c == OPT_SHELL) && strchr(value, '/'))) &&
	       *value != '/' && strcmp(value, "-") != 0;
}

static int set_project_value(struct pack_options *o, int c, const char *value, const char *file)
{
	const char *slash = strrchr(file, '/');
	char *text;
	int r;

	if (is_path(c, value) && slash)
		r = asprintf(&text, "%.*s/%s", (int)(slash - file), file, value);
	else
		r = asprintf(&text, "%s", value);
	if (list_add(&o->texts, r < 0 ? NULL : text) != EXIT_OK)
		return EXIT_USAGE;
	return set_option(o, c, text);
}

static const struct option *find_option(const char *name)
{
	static const struct option root = { "root", required_argument, NULL, OPT_ROOT };

	if (strcmp(name, root.name) == 0)
		return &root;
	for (const struct option *option = options; option->name; option++)
		if (strcmp(name, option->name) == 0 && option->val != 'p' &&
		    option->val != OPT_HELP)
			return option;
	return NULL;
}

static int project_line(struct pack_options *o, char *line, const char *path)
{
	char *equals = strchr(line, '='), *value = equals ? equals + 1 : line + strlen(line);
	const struct option *option;

	line[strcspn(line, " \t=")] = '\0';
	value += strspn(value, " \t");
	option = find_option(line);
	if (!option)
		return say_usage("pack", "%s: %s: there is no such option", path, line);
	if (option->has_arg == required_argument)
		return *value ? set_project_value(o, option->val, value, path)
			      : say_usage("pack", "%s: %s: it needs a value", path, line);
	if (!*value || strcmp(value, "yes") == 0)
		return set_option(o, option->val, NULL);
	return strcmp(value, "no") == 0
		       ? EXIT_OK
		       : say_usage("pack", "%s: %s = %s: it must be yes or no", path, line, value);
}

/* ---- the command line ---- */

static const char letters[] = ":o:p:k:l:T:x:n";

/* Before the others, which have the last word. */
static int read_project(int argc, char **argv, struct pack_options *o)
{
	int c, r = EXIT_OK;

	while (r == EXIT_OK && (c = getopt_long(argc, argv, letters, options, NULL)) != -1)
		if (c == 'p')
			r = each_line(optarg, project_line, o);
	optind = 0; /* from the start */
	return r;
}

static int read_arguments(int argc, char **argv, struct pack_options *o)
{
	int c, r = EXIT_OK;

	while (r == EXIT_OK && (c = getopt_long(argc, argv, letters, options, NULL)) != -1) {
		if (c == OPT_HELP)
			exit(print_help());
		if (c == '?' || c == ':')
			r = say_bad_option("pack", c, argv[optind - 1]);
		else if (c != 'p')
			r = set_option(o, c, optarg);
	}
	return r;
}

/* As everybody does who makes the same bytes of the same sources. */
static int read_environment(struct pack_options *o)
{
	const char *epoch = getenv("SOURCE_DATE_EPOCH");

	o->newest = LONG_MAX;
	return epoch && *epoch
		       ? say_number("pack", "SOURCE_DATE_EPOCH", epoch, 0, LONG_MAX, &o->newest)
		       : EXIT_OK;
}

int pack_options_parse(int argc, char **argv, struct pack_options *o)
{
	int r;

	*o = (struct pack_options){ .kernel = "auto", .shell = "auto", .modules = "" };
	o->payload.block_size = PAYLOAD_BLOCK_SIZE;
	o->payload.preset = PAYLOAD_PRESET;
	r = read_project(argc, argv, o);
	if (r == EXIT_OK)
		r = read_arguments(argc, argv, o);
	if (r == EXIT_OK)
		r = read_environment(o);
	if (r != EXIT_OK)
		return r;
	if (optind == argc - 1)
		o->root = argv[optind];
	if (!o->root || optind < argc - 1)
		return say_usage("pack", "it takes one ROOT, not %d", argc - optind);
	if (!o->out && !o->dry_run)
		return say_usage("pack", "-o IMAGE is missing");
	return -1;
}

int pack_options_sieve(const struct pack_options *o, struct sieve *ret)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < o->keep.n; i++)
		r = sieve_keep(ret, o->keep.strings[i]);
	for (size_t i = 0; r == 0 && i < o->exclude.n; i++)
		r = sieve_add(ret, SIEVE_LEAVE_OUT, o->exclude.strings[i], "excluded");
	return r == 0 && !o->no_scrub ? sieve_add_scrub(ret) : r;
}

void pack_options_free(struct pack_options *o)
{
	list_free(&o->overlays);
	list_free(&o->exclude);
	list_free(&o->keep);
	list_free(&o->texts);
}
