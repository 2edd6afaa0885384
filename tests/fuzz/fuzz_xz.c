/*
 * Containers that lie: every Block of a file is decoded and thrown away. The first byte chooses how
 * many bytes are asked for at a time, the second where the payload is cut in two parts.
 *
 * Promises: a Block gives what the Index says; the engine and liblzma's own decoder of whole files
 * find the same files good and read the same from them; so does the engine's pipeline of threads. A list of Blocks
 * that a manifest tells gives the same.
 */
#define OWN_BYTES 2

#include <lzma.h>

#include "blocks.h"
#include "limits.h"
#include "mutate_xz.h"

/* What liblzma says of the whole file: LZMA_STREAM_END, LZMA_OK for too much, or its error. */
static lzma_ret decode_theirs(const uint8_t *data, size_t size, size_t *ret_used)
{
	lzma_stream strm = LZMA_STREAM_INIT;
	lzma_ret r = lzma_stream_decoder(&strm, 64 << 20,
					 LZMA_CONCATENATED | LZMA_TELL_UNSUPPORTED_CHECK);

	strm.next_in = data;
	strm.avail_in = size;
	strm.next_out = theirs;
	strm.avail_out = sizeof(theirs);
	if (r == LZMA_OK)
		r = lzma_code(&strm, LZMA_FINISH);
	*ret_used = sizeof(theirs) - strm.avail_out;
	lzma_end(&strm);
	return r;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const size_t steps[] = { 65536, 4096, 61, 1 };
	size_t used = 0, their_used;
	struct fail f = { 0 };
	struct payload p;
	lzma_ret theirs_r;
	int r;

	if (size < OWN_BYTES || is_of_other(&codec_xz, data + OWN_BYTES, size - OWN_BYTES))
		return 0;
	payload_of(data + OWN_BYTES, size - OWN_BYTES, data[1] * (size - OWN_BYTES) / 256, &p);
	r = decode_all(&p, steps[data[0] & 3], &used, &f);
	theirs_r = decode_theirs(data + OWN_BYTES, size - OWN_BYTES, &their_used);
	if (r == 0)
		promise(theirs_r == LZMA_STREAM_END || theirs_r == LZMA_MEMLIMIT_ERROR);
	if (theirs_r == LZMA_STREAM_END && r != -E2BIG && r != -ENOMEM)
		promise(r == 0 && used == their_used && memcmp(ours, theirs, used) == 0);
	check_known(&p, steps[data[0] & 3], r, r == 0 ? used : 0);
	if (r != -E2BIG && data[0] & 4)
		promise(unpack(&p, data[0] >> 4, &f) < 0 || r == 0);
	fuzz_accepted += r == 0;
	payload_close(&p);
	return 0;
}
