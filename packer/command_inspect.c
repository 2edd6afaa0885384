/* tarboot inspect: what is in an image, who takes the room, and what differs between two. */
#include <getopt.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command.h"
#include "image_report.h"
#include "inspect_json.h"
#include "contents_diff.h"
#include "say.h"
#include "size.h"

static bool arg_json, arg_diff;
static const char *arg_report;
static long arg_top = 10;

static int print_help(void)
{
	puts("Usage: tarboot inspect IMAGE|TAR.XZ [OPTION]...\n"
	     "       tarboot inspect --diff OLD NEW\n\n"
	     "Shows the boot part, the manifest and the payload of an image, the memory that it "
	     "needs,\n"
	     "and its biggest directories and files, in RAM and in the image.\n\n"
	     "      --json        print all of that, and every file, as JSON\n"
	     "      --report FILE write that to FILE.json, or draw the directories to FILE.svg\n"
	     "      --top N       show the N biggest (default: 10)\n"
	     "      --diff        show what NEW has more, less or other than OLD\n"
	     "      --help        show this help");
	return EXIT_OK;
}

/* Returns -1 to go on, else an exit code. */
static int parse_options(int argc, char **argv)
{
	enum { OPT_JSON = 256, OPT_REPORT, OPT_TOP, OPT_DIFF, OPT_HELP };
	static const struct option options[] = {
		{ "json", no_argument, NULL, OPT_JSON },
		{ "report", required_argument, NULL, OPT_REPORT },
		{ "top", required_argument, NULL, OPT_TOP },
		{ "diff", no_argument, NULL, OPT_DIFF },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int c, r = EXIT_OK;

	while (r == EXIT_OK && (c = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		arg_json = arg_json || c == OPT_JSON;
		arg_diff = arg_diff || c == OPT_DIFF;
		if (c == OPT_HELP)
			exit(print_help());
		if (c == OPT_REPORT)
			arg_report = optarg;
		else if (c == OPT_TOP)
			r = say_number("inspect", "--top", optarg, 0, 1000000, &arg_top);
		else if (c == '?' || c == ':')
			r = say_bad_option("inspect", c, argv[optind - 1]);
	}
	if (r != EXIT_OK)
		return r;
	if (arg_report && !image_report_can_write(arg_report))
		return say_usage("inspect", "--report %s: its name must end in .svg or .json",
				 arg_report);
	if (argc - optind != (arg_diff ? 2 : 1))
		return say_usage("inspect", arg_diff ? "--diff takes two images, OLD and NEW"
						     : "it takes one IMAGE");
	return -1;
}

/* ---- text ---- */

static void print_members(const struct image *image)
{
	char size[SIZE_TEXT_MAX];

	for (size_t i = 0; i < image->n_members; i++) {
		const struct image_member *m = &image->members[i];

		printf("  %06o  %10s  /%s\n", (unsigned)m->mode, size_format(size, m->size),
		       m->name);
	}
}

static void print_manifest(const struct manifest *m)
{
	char text[MANIFEST_TEXT_MAX];

	if (manifest_format(m, text) > 0)
		printf("manifest\n%s", text);
}

static void print_payload(const struct image *image, const struct block_list *l)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX], c[SIZE_TEXT_MAX], d[SIZE_TEXT_MAX];

	printf("payload\n  %s compressed in %zu part%s, %s of tar\n"
	       "  %llu %s stream%s, %zu Blocks of at most %s, %s to decode one\n",
	       size_format(a, image->payload.size), image->payload.n_parts,
	       image->payload.n_parts == 1 ? "" : "s", size_format(b, l->uncompressed),
	       (unsigned long long)l->streams, l->codec->name, l->streams == 1 ? "" : "s", l->n,
	       size_format(c, l->largest), size_format(d, l->decoder_memory));
}

static void print_entry(const struct usage_entry *e)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

	printf("  %10s  %10s  ", size_format(a, e->ram),
	       size_format(b, (uint64_t)(e->packed + 0.5)));
	say_path(stdout, e->path, (int)e->length);
	putchar('\n');
}

static void print_usage(const struct usage *u)
{
	const struct usage_entry *e;
	size_t at = 0;

	if (arg_top > 0)
		puts("biggest directories: in RAM, in the image");
	for (long i = 0; i < arg_top && (e = usage_next_directory(u, &at)); i++)
		print_entry(e);
	if (arg_top > 0)
		puts("biggest files");
	for (size_t i = 0; i < (size_t)arg_top && i < u->n_files; i++)
		print_entry(&u->files[i]);
}

static void print_text(const struct image_report *report)
{
	const struct image *image = &report->image;

	printf("image %s\n", image->path);
	print_members(image);
	if (image->has_manifest)
		print_manifest(&image->manifest);
	print_payload(image, &report->blocks);
	needs_print(image, &report->needs);
	print_usage(&report->usage);
}

/* ---- what is asked for ---- */

static int inspect(const char *path, struct fail *f)
{
	struct image_report report;
	int r = image_report_open(path, &report, f);

	if (r < 0)
		return r;
	r = image_report_decode(&report, f);
	if (r == 0 && arg_report)
		r = image_report_write(&report, arg_report, f);
	if (r == 0 && arg_json)
		inspect_json(&report, stdout);
	else if (r == 0)
		print_text(&report);
	image_report_close(&report);
	return r;
}

static int read_contents(const char *path, struct contents *ret, struct fail *f)
{
	struct image_report report;
	int r = image_report_open(path, &report, f);

	if (r < 0)
		return r;
	r = contents_read(&report.image, &report.blocks, ret, f);
	image_report_close(&report);
	return r;
}

static int diff(const char *old_path, const char *new_path, struct fail *f)
{
	struct contents old = { 0 }, new = { 0 };
	int r = read_contents(old_path, &old, f);

	if (r == 0)
		r = read_contents(new_path, &new, f);
	if (r == 0)
		contents_diff(&old, &new, arg_json, stdout);
	contents_free(&old);
	contents_free(&new);
	return r;
}

int command_inspect(int argc, char **argv)
{
	struct fail f;
	int r = parse_options(argc, argv);

	if (r >= 0)
		return r;
	r = arg_diff ? diff(argv[optind], argv[optind + 1], &f) : inspect(argv[optind], &f);
	return r < 0 ? say_fail(&f) : EXIT_OK;
}
