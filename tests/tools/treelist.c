/*
 * treelist: print a tree as text (see listing.h), so that the tree which was packed and the tree
 * which was booted can be compared with cmp.
 *
 *     treelist [-x PATH]... ROOT
 *
 * Static and without helpers: it also runs inside the guest before the new init does.
 */
#include "listing.h"

static char *strip_root(char *path)
{
	while (*path == '/' || strncmp(path, "./", 2) == 0)
		path++;
	return path;
}

int main(int argc, char **argv)
{
	const char **exclude = listing_check(calloc((size_t)argc + 1, sizeof(*exclude)));
	struct listing_options options = { .exclude = exclude };
	bool good;
	int c;

	while ((c = getopt(argc, argv, "x:")) == 'x')
		exclude[options.n_exclude++] = strip_root(optarg);
	if (c != -1 || optind != argc - 1) {
		fputs("usage: treelist [-x PATH]... ROOT\n", stderr);
		return 2;
	}
	if (chdir(argv[optind]) < 0) {
		fprintf(stderr, "treelist: %s: %s\n", argv[optind], strerror(errno));
		return 1;
	}
	good = listing_of_cwd(stdout, &options);
	if (fflush(stdout) != 0 || ferror(stdout)) {
		fprintf(stderr, "treelist: standard output: %s\n", strerror(errno));
		return 1;
	}
	free((void *)exclude);
	return good ? 0 : 1;
}
