/*
 * unpack_consume THREADS FILE.tar.xz DIR: unpacks as the boot does, with the pages of the file given
 * back behind the decoder. FILE is used up: it reads as zeros afterwards.
 */
#include <fcntl.h>
#include <stdio.h>

#include "codec/payload.h"
#include "engine/unpack.h"
#include "base/util.h"

static int unpack(const char *file, const struct unpack_options *options, struct fail *f)
{
	struct unpack_result result;
	struct payload payload;
	int r = payload_open(AT_FDCWD, file, true, &payload, f);

	if (r < 0)
		return r;
	r = unpack_run(&payload, options, &result, f);
	payload_close(&payload);
	return r;
}

int main(int argc, char **argv)
{
	struct unpack_options options = { .discard = true };
	struct fail f;

	options.threads = argc == 4 ? (unsigned)atoi(argv[1]) : 0;
	if (options.threads < 1) {
		fputs("usage: unpack_consume THREADS FILE.tar.xz DIR\n", stderr);
		return 2;
	}
	options.root_fd = open(argv[3], O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (options.root_fd < 0) {
		perror("unpack_consume: open");
		return 1;
	}
	if (unpack(argv[2], &options, &f) < 0) {
		fprintf(stderr, "unpack_consume: %s: %s\n", f.what, f.why);
		return 1;
	}
	return 0;
}
