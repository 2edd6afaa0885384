/*
 * zstd's frames that lie: every frame of a file is decoded and thrown away. The first byte chooses how many bytes are asked for at
 * a time, the second where the payload is cut in two parts. Checksums are put right after a mutation, since nothing gets past
 * wrong ones.
 *
 * Promises: a frame gives what its header or a seek table says; the engine and libzstd's own decoding of the whole file find the same files good
 * and read the same from them, but for those with a wrong seek table, of which libzstd knows nothing; so does the engine's pipeline of threads. A list of Blocks that a manifest tells
 * gives the same.
 */
#define OWN_BYTES 2
#define ZSTD_STATIC_LINKING_ONLY

#include <zstd.h>

#include "blocks.h"
#include "codec/zstd_frame.h"
#include "limits.h"

#define WINDOW_LOG_MAX 24 /* what a fuzzed file may ask for, here and there */

unsigned long long ZSTD_XXH64(const void *data, size_t size, unsigned long long seed);

/* What libzstd makes of the frames from data on: 0, or its error; too much is an error, too. */
static bool decode_theirs(const uint8_t *data, size_t size, bool checks, size_t *ret_used)
{
	ZSTD_DCtx *context = ZSTD_createDCtx();
	ZSTD_inBuffer in = { data, size, 0 };
	ZSTD_outBuffer out = { theirs, sizeof(theirs), 0 };
	size_t left = 0;

	promise(context);
	ZSTD_DCtx_setParameter(context, ZSTD_d_windowLogMax, WINDOW_LOG_MAX);
	ZSTD_DCtx_setParameter(context, ZSTD_d_forceIgnoreChecksum,
			       checks ? ZSTD_d_validateChecksum : ZSTD_d_ignoreChecksum);
	while (in.pos < in.size) {
		size_t before = in.pos + out.pos;

		left = ZSTD_decompressStream(context, &out, &in);
		if (ZSTD_isError(left) || (left > 0 && in.pos + out.pos == before))
			break;
	}
	*ret_used = out.pos;
	ZSTD_freeDCtx(context);
	return left == 0 && in.pos == in.size && out.pos < sizeof(theirs);
}

/* The bytes of the frame at the start of data; 0 when it is none, or cut. */
static size_t frame_size(const uint8_t *data, size_t size, struct zstd_frame *frame)
{
	struct zstd_part part = { 0 };
	size_t at;

	if (zstd_frame_parse(data, size, frame) < 0)
		return 0;
	at = frame->header_size + frame->skipped;
	while (!frame->is_skippable && !part.is_last) {
		if (at + ZSTD_PART_HEADER_SIZE > size ||
		    zstd_part_parse(data + at, frame, &part) < 0)
			return 0;
		at += ZSTD_PART_HEADER_SIZE + part.total;
	}
	at += frame->has_checksum ? 4 : 0;
	return at <= size ? at : 0;
}

/* So that what follows a mutation is more than a wrong checksum. */
static void repair(uint8_t *data, size_t size)
{
	struct zstd_frame frame;
	size_t n, used;

	for (; (n = frame_size(data, size, &frame)) > 0; data += n, size -= n) {
		unsigned long long sum;

		if (!frame.has_checksum || !decode_theirs(data, n, false, &used))
			continue;
		sum = ZSTD_XXH64(theirs, used, 0);
		for (size_t i = 0; i < 4; i++)
			data[n - 4 + i] = (uint8_t)(sum >> 8 * i);
	}
}

size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	size = LLVMFuzzerMutate(data, size, max_size);
	if (size > OWN_BYTES && seed % 8 != 0)
		repair(data + OWN_BYTES, size - OWN_BYTES);
	return size;
}

/* Is there a compressed part of nothing? libzstd takes it or not, by how its input is cut. */
static bool has_empty_part(const uint8_t *data, size_t size)
{
	struct zstd_frame frame;
	size_t n, at;

	for (; (n = frame_size(data, size, &frame)) > 0; data += n, size -= n)
		;
	if (zstd_frame_parse(data, size, &frame) < 0 || frame.is_skippable)
		return false;
	for (at = frame.header_size; at + ZSTD_PART_HEADER_SIZE <= size;) {
		struct zstd_part part;

		if (zstd_part_parse(data + at, &frame, &part) < 0)
			return (data[at] & 6) == 4 && data[at] < 8 && !data[at + 1] &&
			       !data[at + 2];
		at += ZSTD_PART_HEADER_SIZE + part.total;
	}
	return false;
}

/* Would libzstd refuse it here for its window, which the engine takes? */
static bool has_large_window(const uint8_t *data, size_t size)
{
	struct zstd_frame frame;
	size_t n;

	for (; (n = frame_size(data, size, &frame)) > 0; data += n, size -= n)
		if (!frame.is_skippable && frame.window > 1ULL << WINDOW_LOG_MAX)
			return true;
	return false;
}

/* Could its last frame be a seek table? */
static bool may_have_table(const uint8_t *data, size_t size)
{
	return size > 4 && memcmp(data + size - 4, "\xb1\xea\x92\x8f", 4) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 65536, 4096, 61, 1 };
	size_t used = 0, their_used;
	struct fail f = { 0 };
	struct payload p;
	bool theirs_good;
	int r;

	if (size < OWN_BYTES || is_of_other(&codec_zstd, data + OWN_BYTES, size - OWN_BYTES) ||
	    has_large_window(data + OWN_BYTES, size - OWN_BYTES))
		return 0;
	payload_of(data + OWN_BYTES, size - OWN_BYTES, data[1] * (size - OWN_BYTES) / 256, &p);
	r = decode_all(&p, steps[data[0] & 3], &used, &f);
	theirs_good = size > OWN_BYTES &&
		      decode_theirs(data + OWN_BYTES, size - OWN_BYTES, true, &their_used);
	if (r == 0)
		promise(theirs_good && used == their_used && memcmp(ours, theirs, used) == 0);
	if (theirs_good && r != -E2BIG && r != -ENOMEM &&
	    !has_empty_part(data + OWN_BYTES, size - OWN_BYTES) &&
	    zstd_frame_is_magic(data + OWN_BYTES, size - OWN_BYTES) &&
	    !may_have_table(data + OWN_BYTES, size - OWN_BYTES))
		promise(r == 0);
	check_known(&p, steps[data[0] & 3], r, r == 0 ? used : 0);
	if (r != -E2BIG && data[0] & 4)
		promise(unpack(&p, data[0] >> 4, &f) < 0 || r == 0);
	fuzz_accepted += r == 0;
	payload_close(&p);
	return 0;
}
