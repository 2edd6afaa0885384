/* tarboot unpack and tarboot verify: the boot's own engine on the host. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command.h"
#include "engine.h"
#include "image.h"
#include "memory.h"
#include "say.h"
#include "size.h"

static unsigned arg_threads;

static int print_help(const char *name)
{
	if (strcmp(name, "unpack") == 0)
		puts("Usage: tarboot unpack IMAGE|TAR.XZ DIR [OPTION]...\n\n"
		     "Unpacks the root of an image into DIR, with the engine that boots it. DIR is "
		     "made\n"
		     "if it is missing. As root, owners and devices come out as they were "
		     "packed.\n");
	else
		puts("Usage: tarboot verify IMAGE|TAR.XZ [OPTION]...\n\n"
		     "Decodes and checks every byte of the payload and writes nothing.\n");
	puts("IMAGE - is standard input. A pipe is read to its end first, into a file in "
	     "TMPDIR.\n\n"
	     "  -T, --threads N   use N threads (default: all CPUs)\n"
	     "      --help        show this help");
	return EXIT_OK;
}

/* Returns -1 to go on, else an exit code. n_args: what must follow the options. */
static int parse_options(int argc, char **argv, int n_args)
{
	enum { OPT_HELP = 256 };
	static const struct option options[] = {
		{ "threads", required_argument, NULL, 'T' },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	long threads = 0;
	int c;

	while ((c = getopt_long(argc, argv, ":T:", options, NULL)) != -1) {
		if (c == OPT_HELP)
			return print_help(argv[0]);
		if (c != 'T')
			return say_bad_option(argv[0], c, argv[optind - 1]);
		if (say_number(argv[0], "--threads", optarg, 1, 1024, &threads) != EXIT_OK)
			return EXIT_USAGE;
	}
	arg_threads = (unsigned)threads;
	if (argc - optind != n_args)
		return say_usage(argv[0], n_args == 1 ? "it takes one IMAGE"
						      : "it takes an IMAGE and a DIR");
	return -1;
}

static void print_result(const struct unpack_result *r, uint64_t usec, const char *done)
{
	char size[SIZE_TEXT_MAX], peak[SIZE_TEXT_MAX];
	char decoder[SIZE_TEXT_MAX], pool[SIZE_TEXT_MAX];

	if (r->losses.count)
		say_warning("%llu extended attributes could not be stored here, the first was %s",
			    (unsigned long long)r->losses.count, r->losses.first);
	printf("%s: %s, %llu members, %llu blocks, %u threads, %.2f s, %.0f MB/s\n", done,
	       size_format(size, r->bytes), (unsigned long long)r->members,
	       (unsigned long long)r->blocks, r->threads, (double)usec / 1e6,
	       usec ? (double)r->bytes / (double)usec : 0.0);
	printf("memory: %s of at most %s (%u decoders of %s, pool of %s)\n",
	       size_format(peak, memory_own_peak()), size_format(size, r->plan.memory),
	       r->plan.decoders, size_format(decoder, r->plan.decoder),
	       size_format(pool, r->plan.pool));
}

static int run(const char *path, int root_fd, const char *doing, const char *done)
{
	struct unpack_options options = { .root_fd = root_fd, .threads = arg_threads };
	struct unpack_result result;
	struct image image;
	struct fail f;
	uint64_t start = now_usec();
	int r = image_open(path, &image, &f);

	if (r < 0)
		return say_fail(&f);
	r = engine_run(&image, &options, doing, &result, &f);
	image_close(&image);
	if (r < 0)
		return say_fail(&f);
	print_result(&result, now_usec() - start, done);
	return EXIT_OK;
}

int command_unpack(int argc, char **argv)
{
	_cleanup_close_ int fd = -1;
	const char *directory;
	struct fail f;
	int r = parse_options(argc, argv, 2);

	if (r >= 0)
		return r;
	directory = argv[optind + 1];
	if (mkdir(directory, 0755) < 0 && errno != EEXIST) {
		fail_errno(&f, errno, directory, "cannot make this directory");
		return say_fail(&f);
	}
	fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0) {
		fail_errno(&f, errno, directory, "cannot open this directory");
		return say_fail(&f);
	}
	return run(argv[optind], fd, "unpacking", "unpacked");
}

int command_verify(int argc, char **argv)
{
	int r = parse_options(argc, argv, 1);

	return r >= 0 ? r : run(argv[optind], -1, "verifying", "whole");
}
