/*
 * decode_only THREADS FILE.tar.xz: the lower bound of the benchmark. Decodes all Blocks of a file on
 * so many threads, with the engine's own decoder, and throws the bytes away. Prints the seconds.
 */
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>

#include "codec/codec.h"
#include "codec/payload.h"
#include "base/util.h"

#define CHUNK_SIZE (256 * 1024)
#define THREADS_MAX 64

static struct payload payload;
static struct block_list blocks;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER; /* of what follows */
static size_t next;
static struct fail failed;

static const struct block *next_block(void)
{
	const struct block *block = NULL;

	pthread_mutex_lock(&lock);
	if (!failed.error && next < blocks.n)
		block = &blocks.blocks[next++];
	pthread_mutex_unlock(&lock);
	return block;
}

static void *decode(void *arg)
{
	const struct codec *codec = blocks.codec;
	const struct block *block;
	void *decoder = NULL;
	struct fail f = { 0 };
	bool whole = blocks.whole_memory > 0 && blocks.n > 1; /* as the engine does it */
	char *chunk = malloc(whole ? blocks.largest + CHUNK_SIZE : CHUNK_SIZE), *at;
	size_t size;
	int r = chunk ? codec->decoder_new(&payload, &blocks, &decoder) : -1;

	while (r >= 0 && (block = next_block())) {
		at = chunk;
		r = codec->start(decoder, block, &f);
		if (r == 0 && whole)
			codec->start_whole(decoder, chunk);
		while (r >= 0 && (r = codec->read(decoder, at, CHUNK_SIZE, &size, &f)) > 0)
			at += whole ? size : 0;
	}
	if (r < 0) {
		pthread_mutex_lock(&lock);
		failed = f;
		failed.error = 1;
		pthread_mutex_unlock(&lock);
	}
	codec->decoder_free(decoder);
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
	    block_list_read(&payload, &blocks, &f) < 0) {
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
