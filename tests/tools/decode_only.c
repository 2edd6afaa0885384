/*
 * decode_only THREADS FILE.tar.xz: the lower bound of the benchmark. Decodes all Blocks of a file on
 * so many threads, with the engine's own decoder, and throws the bytes away. Prints the seconds.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "payload.h"
#include "util.h"
#include "xz.h"

#define CHUNK_SIZE (256 * 1024)
#define THREADS_MAX 64

static struct payload payload;
static struct xz_file *file;
static pthread_mutex_t lock =
	PTHREAD_MUTEX_INITIALIZER; /* of file's Block iterator, and of failed */
static struct fail failed;

static bool next_block(struct xz_block *block)
{
	bool found;

	pthread_mutex_lock(&lock);
	found = !failed.error && xz_file_next_block(file, block);
	pthread_mutex_unlock(&lock);
	return found;
}

static void *decode(void *arg)
{
	struct xz_decoder *d = NULL;
	struct xz_block block;
	struct fail f = { 0 };
	char *chunk = malloc(CHUNK_SIZE);
	size_t size;
	int r = chunk ? xz_decoder_new(&payload, &d) : -1;

	while (r >= 0 && next_block(&block)) {
		r = xz_decoder_start(d, &block, &f);
		while (r >= 0 && (r = xz_decoder_read(d, chunk, CHUNK_SIZE, &size, &f)) > 0)
			;
	}
	if (r < 0) {
		pthread_mutex_lock(&lock);
		failed = f;
		failed.error = 1;
		pthread_mutex_unlock(&lock);
	}
	xz_decoder_free(d);
	free(chunk);
	(void)arg;
	return NULL;
}

int main(int argc, char **argv)
{
	pthread_t threads[THREADS_MAX];
	unsigned n = argc == 3 ? (unsigned)atoi(argv[1]) : 0;
	uint64_t start = now_usec();
	struct fail f;

	if (n < 1 || n > THREADS_MAX) {
		fputs("usage: decode_only THREADS FILE.tar.xz\n", stderr);
		return 2;
	}
	if (payload_open(AT_FDCWD, argv[2], false, &payload, &f) < 0 ||
	    xz_file_open(&payload, &file, &f) < 0) {
		fprintf(stderr, "decode_only: %s: %s\n", f.what, f.why);
		return 1;
	}
	for (unsigned i = 0; i < n; i++)
		if (pthread_create(&threads[i], NULL, decode, NULL) != 0)
			return 1;
	for (unsigned i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	if (failed.error) {
		fprintf(stderr, "decode_only: %s: %s\n", failed.what, failed.why);
		return 1;
	}
	printf("%.3f\n", (double)(now_usec() - start) / 1e6);
	return 0;
}
