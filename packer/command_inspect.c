/* tarboot inspect: what is in an image. */
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "codec.h"
#include "command.h"
#include "image.h"
#include "say.h"
#include "size.h"

static int print_help(void)
{
	puts("Usage: tarboot inspect IMAGE|TAR.XZ\n\n"
	     "Shows the boot part, the manifest and the payload of an image.\n\n"
	     "      --help   show this help");
	return EXIT_OK;
}

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

static int print_payload(const struct image *image, struct fail *f)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX], c[SIZE_TEXT_MAX], d[SIZE_TEXT_MAX];
	struct block_list l;
	int r = block_list_read(&image->payload, &l, f);

	if (r < 0)
		return r;
	printf("payload\n  %s compressed in %zu part%s, %s of tar\n"
	       "  %llu %s stream%s, %zu Blocks of at most %s, %s to decode one\n",
	       size_format(a, image->payload.size), image->payload.n_parts,
	       image->payload.n_parts == 1 ? "" : "s", size_format(b, l.uncompressed),
	       (unsigned long long)l.streams, l.codec->name, l.streams == 1 ? "" : "s", l.n,
	       size_format(c, l.largest), size_format(d, l.decoder_memory));
	block_list_free(&l);
	return 0;
}

int command_inspect(int argc, char **argv)
{
	enum { OPT_HELP = 256 };
	static const struct option options[] = {
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	struct image image;
	struct fail f;
	int c, r;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1)
		return c == OPT_HELP ? print_help()
				     : say_bad_option("inspect", c, argv[optind - 1]);
	if (argc - optind != 1)
		return say_usage("inspect", "it takes one IMAGE");
	if (image_open(argv[optind], &image, &f) < 0)
		return say_fail(&f);
	printf("image %s\n", image.path);
	print_members(&image);
	if (image.has_manifest)
		print_manifest(&image.manifest);
	r = print_payload(&image, &f);
	image_close(&image);
	return r < 0 ? say_fail(&f) : EXIT_OK;
}
