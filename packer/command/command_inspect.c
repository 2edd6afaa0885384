/* tarboot inspect: what is in an image, what is large in it, and how two images differ. */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "image/embedded_layers.h"
#include "image/image_report.h"
#include "image/inspect_json.h"
#include "image/contents_diff.h"
#include "image/layer.h"
#include "image/uki_measure.h"
#include "image/uki_report.h"
#include "base/options.h"
#include "base/out.h"
#include "base/print.h"
#include "base/size.h"

static bool arg_json, arg_diff, arg_pcr;
static const char *arg_report;
static long arg_top = 10;

static const struct option_spec options[] = {
	{ .name = "json", .flag = &arg_json, .help = "print all of that, and all files, as JSON" },
	{ .name = "report",
	  .value = "FILE",
	  .text = &arg_report,
	  .help = "write the JSON to FILE.json, or a drawing of the directories to FILE.svg" },
	{ .name = "top",
	  .value = "N",
	  .number = &arg_top,
	  .least = 0,
	  .most = 1000000,
	  .help = "show the N largest directories and files (default: 10)" },
	{ .name = "diff",
	  .flag = &arg_diff,
	  .help = "show files that were added, removed or changed from OLD to NEW" },
	{ .name = "pcr",
	  .flag = &arg_pcr,
	  .help = "show what systemd's stub measures of a unified kernel image into the TPM (PCR "
		  "11), as systemd-measure calculates it" },
	OPTION_HELP,
	OPTIONS_END,
};

const struct command_usage usage_inspect = {
	.command = "inspect",
	.synopsis = "inspect IMAGE|TAR|UKI [OPTION]...\ninspect --diff OLD NEW",
	.about = "Shows the boot part, the manifest and the payload of an image, the memory that "
		 "it needs, and its largest directories and files, with their sizes in RAM and in "
		 "the image.",
	.options = options,
};

/* Returns -1 to go on, else an exit code. */
static int parse_options(int argc, char **argv, struct command_line *ret)
{
	int r = options_parse(&usage_inspect, argc, argv, ret);

	if (r >= 0)
		return r;
	if (arg_report && arg_diff)
		return print_usage_error("inspect", "--report cannot be combined with --diff");
	if (arg_pcr && (arg_report || arg_diff || arg_json))
		return print_usage_error("inspect", "--pcr cannot be combined with --json, "
						    "--report and --diff");
	if (arg_report && !image_report_can_write(arg_report))
		return print_usage_error("inspect",
					 "--report %s: the name must end in .svg or .json",
					 arg_report);
	r = arg_diff ? options_expect("inspect", "OLD and NEW for --diff", 2, ret->n_arguments)
		     : options_expect("inspect", "one IMAGE", 1, ret->n_arguments);
	return r == EXIT_OK ? -1 : r;
}

/* ---- text ---- */

static void print_members(const struct image *image)
{
	char size[SIZE_TEXT_MAX];

	for (size_t i = 0; i < image->n_members; i++) {
		const struct image_member *m = &image->members[i];

		printf("  %06o  %10s  ", (unsigned)m->mode, size_format(size, m->size));
		print_path(stdout, m->name, -1);
		putchar('\n');
	}
}

/* The text of the manifest, with one line for all Blocks. */
static void print_manifest(const struct image *image)
{
	const char *next;

	puts("manifest");
	for (const char *line = image->manifest_text; *line; line = next) {
		next = line + strcspn(line, "\n");
		next += *next == '\n';
		if (strncmp(line, "block=", 6) != 0)
			print_text(stdout, line, (int)(next - line) - (next[-1] == '\n'));
		if (strncmp(line, "block=", 6) != 0)
			putchar('\n');
	}
	if (image->manifest.n_blocks)
		printf("# and %zu block= lines\n", image->manifest.n_blocks);
}

static void print_payload(const struct image *image, const struct block_list *l, bool has_keys)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX], c[SIZE_TEXT_MAX], d[SIZE_TEXT_MAX];

	if (image->is_boot_part)
		printf("payload\n  %s, which the machine fetches%s, %s uncompressed\n",
		       size_format(a, image->manifest.payload_bytes),
		       has_keys ? ", or another that a trusted key has signed" : "",
		       size_format(b, l->uncompressed));
	else
		printf("payload\n  %s in %zu part%s, %s%s uncompressed\n",
		       size_format(a, image->payload.size), image->payload.n_parts,
		       print_plural(image->payload.n_parts), l->unsized ? "at most " : "",
		       size_format(b, l->uncompressed));
	printf("  %llu %s stream%s, %zu Block%s of at most %s, %s to decode one\n",
	       (unsigned long long)l->streams, l->codec->name, print_plural(l->streams), l->n,
	       print_plural(l->n), size_format(c, l->largest), size_format(d, l->decoder_memory));
	if (l->unchecked && l->unchecked == l->n)
		puts("  no integrity check: damage may go unnoticed");
	else if (l->unchecked)
		printf("  no integrity check in %llu of %zu Blocks: damage may go unnoticed\n",
		       (unsigned long long)l->unchecked, l->n);
}

static void print_entry(const struct disk_usage_entry *e)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

	printf("  %10s  %10s  ", size_format(a, e->ram),
	       size_format(b, (uint64_t)(e->packed + 0.5)));
	print_path(stdout, e->path, (int)e->length);
	putchar('\n');
}

static void print_disk_usage(const struct disk_usage *u)
{
	const struct disk_usage_entry *e;
	size_t at = 0;

	if (arg_top > 0)
		puts("biggest directories: in RAM, in the image");
	for (long i = 0; i < arg_top && (e = disk_usage_next_directory(u, &at)); i++)
		print_entry(e);
	if (arg_top > 0)
		puts("biggest files");
	for (size_t i = 0; i < (size_t)arg_top && i < u->n_files; i++)
		print_entry(&u->files[i]);
}

/* A layer lies in the tree of a root, so no machine boots with it alone. */
static void print_layer_needs(const struct treesize *size)
{
	struct manifest m = { 0 };
	char text[SIZE_TEXT_MAX];

	treesize_tell(size, &m);
	printf("memory   %s more than its root takes: it is a layer\n",
	       size_format(text, layer_tree_bytes(&m)));
}

static int print_layers_text(const struct image *image, struct fail *f)
{
	struct embedded_layers layers;
	char size[SIZE_TEXT_MAX], tree[SIZE_TEXT_MAX];
	int r = embedded_layers_open(image, NULL, &layers, f);

	if (r < 0)
		return r;
	print_line(stdout, "image %s", image->path);
	print_members(image);
	for (size_t i = 0; i < layers.n; i++) {
		print_line(stdout, "layer    %s, %s", layers.payloads[i].name,
			   size_format(size, layers.payloads[i].size));
		if (layers.about[i].tree)
			printf("memory   %s more than the root takes\n",
			       size_format(tree, layers.about[i].tree));
	}
	embedded_layers_close(&layers);
	return 0;
}

static void print_report_text(const struct image_report *report)
{
	const struct image *image = &report->image;

	print_line(stdout, "image %s", image->path);
	if (image->uki)
		uki_print(image->uki, stdout);
	if (image->uki)
		puts("initrd");
	print_members(image);
	if (image->has_manifest)
		print_manifest(image);
	print_payload(image, &report->blocks, report->keys.n > 0);
	boot_keys_print(&report->keys);
	if (image_is_layer(image))
		print_layer_needs(&report->contents.size);
	else
		needs_print(image, &report->needs);
	if (image_has_root(image))
		print_disk_usage(&report->usage);
}

/* ---- what is asked for ---- */

/* One that has no root is shown without its files. */
static int decode(struct image_report *report, struct fail *f)
{
	bool is_asked = arg_report || (arg_json && report->image.is_layers);

	return image_has_root(&report->image) || is_asked ? image_report_decode(report, f) : 0;
}

static int write_report(const struct image_report *report, struct fail *f)
{
	struct out out;
	int r = image_report_write(report, arg_report, &out, f);

	return r == 0 ? out_commit(&out, f) : r;
}

static int inspect(const char *path, struct fail *f)
{
	struct image_report report;
	int r = arg_report ? out_check(arg_report, path, f) : 0;

	if (r == 0)
		r = image_report_open(path, &report, f);
	if (r < 0)
		return r;
	r = decode(&report, f);
	if (r == 0 && arg_report)
		r = write_report(&report, f);
	if (r == 0 && arg_json)
		inspect_json(&report, stdout);
	else if (r == 0 && report.image.is_layers)
		r = print_layers_text(&report.image, f);
	else if (r == 0)
		print_report_text(&report);
	image_report_close(&report);
	return r;
}

static int read_contents(const char *path, struct contents *ret, struct fail *f)
{
	struct image_report report;
	int r = image_report_open(path, &report, f);

	if (r < 0)
		return r;
	r = image_need_root(&report.image, f);
	if (r == 0)
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

static int print_pcrs(const char *path, struct fail *f)
{
	_cleanup_free_ char *lines = NULL;
	unsigned version = 0;
	struct image image = { 0 };
	int r = image_open_uki(path, &image, f);

	if (r == 0)
		r = uki_measure(image.uki, path, &lines, &version, f);
	if (r == 0)
		fputs(lines, stdout);
	if (r == 0 && (!version || version != uki_stub_version(image.uki)))
		print_warning("systemd-measure is of systemd %u, and may measure other sections "
			      "than the stub, %s: it must be of the same version",
			      version, image.uki->stub ? image.uki->stub : "which is not known");
	image_close(&image);
	return r;
}

int command_inspect(int argc, char **argv)
{
	struct command_line line;
	struct fail f;
	int r = parse_options(argc, argv, &line);

	if (r >= 0)
		return r;
	r = arg_diff  ? diff(line.arguments[0], line.arguments[1], &f)
	    : arg_pcr ? print_pcrs(line.arguments[0], &f)
		      : inspect(line.arguments[0], &f);
	return r < 0 ? print_failure(&f) : EXIT_OK;
}
