/* From server to server, with pauses. See mirrors.h. */
#include "fetch/mirrors.h"

#include <errno.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#include "base/util.h"
#include "fetch/transfer.h"

#define FIRST_WAIT_MS 250

/* Another one in each process: thousands of machines are switched on at once, and the kernel's pool may not be ready. It gives
 * each process some bytes, however. */
static uint64_t first_random(void)
{
	const void *given = (const void *)getauxval(AT_RANDOM);
	uint64_t random = 0;

	if (given)
		memcpy(&random, given, sizeof(random));
	return random ^ now_usec() ^ (uint64_t)getpid() << 40;
}

/* SplitMix64. */
static uint64_t next_random(uint64_t *state)
{
	uint64_t z = *state += 0x9e3779b97f4a7c15;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9;
	z = (z ^ z >> 27) * 0x94d049bb133111eb;
	return z ^ z >> 31;
}

/* "Full jitter": any time up to a limit, which doubles with each round over the servers that gave nothing. */
static void pause_before_next(struct download *d, uint64_t tries, uint64_t *random)
{
	uint64_t rounds = min_u64(tries ? (tries - 1) / d->n_urls : 0, 16);
	uint64_t most = min_u64(d->limits.wait, (uint64_t)FIRST_WAIT_MS << rounds);

	download_wait(d, (int)(next_random(random) % (most + 1)));
}

static int run(struct transfer *t, struct download *d)
{
	uint64_t random = first_random(), tries = 0;

	for (size_t url = 0; !download_is_complete(d); url = (url + 1) % d->n_urls) {
		uint64_t before = d->offset;
		struct fetch_message m;
		int r = transfer_run(t, url, &m);

		if (r != -EAGAIN)
			return r;
		download_tell(d, &m);
		tries = d->offset > before ? 0 : tries + 1;
		pause_before_next(d, tries, &random);
		if (d->is_reader_gone)
			return -EPIPE;
	}
	return 0;
}

int mirrors_fetch(struct download *d)
{
	struct transfer t;
	int r = transfer_open(&t, d);

	if (r < 0)
		return r;
	r = run(&t, d);
	transfer_close(&t);
	return r;
}
