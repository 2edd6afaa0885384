/*
 * decode THREADS FILE.xz: what the engine's pipeline makes of a compressed file, on standard output. The
 * bytes need not be a tar, so that files which test the codec alone can go the way of a root.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>

#include "engine/pipeline.h"

static int copy_out(struct pipeline *l, struct fail *f)
{
	const void *data;
	size_t size;
	int r;

	while ((r = pipeline_next(l, &data, &size)) > 0)
		if (fwrite(data, 1, size, stdout) != size)
			return fail_errno(f, errno, "standard output", "cannot write");
	return r;
}

static int decode(const struct payload *p, unsigned threads, struct fail *f)
{
	const struct pipeline_options options = { 0 };
	struct block_list blocks;
	struct engine_plan plan;
	struct pipeline *l;
	int r = block_list_read(p, &blocks, f);

	if (r < 0)
		return r;
	engine_plan(&blocks, threads, PLAN_NO_LIMIT, &plan);
	r = pipeline_start(p, &blocks, &plan, &options, &l, f);
	if (r == 0) {
		r = copy_out(l, f);
		r = pipeline_stop(l, r, f);
	}
	block_list_free(&blocks);
	return r;
}

int main(int argc, char **argv)
{
	int threads = argc == 3 ? atoi(argv[1]) : 0;
	struct payload p;
	struct fail f = { 0 };
	int r;

	if (threads < 1) {
		fputs("usage: decode THREADS FILE.xz\n", stderr);
		return 2;
	}
	r = payload_open(AT_FDCWD, argv[2], false, &p, &f);
	if (r == 0) {
		r = decode(&p, (unsigned)threads, &f);
		payload_close(&p);
	}
	if (r == 0 && fflush(stdout) != 0)
		r = fail_errno(&f, errno, "standard output", "cannot write");
	if (r < 0)
		fprintf(stderr, "decode: %s: %s\n", f.what, f.why);
	return r < 0;
}
