/* Lists of Blocks by a manifest that anybody may have written: their numbers may be as large as numbers are. */
#include "image/pinned.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "engine/plan.h"
#include "tap.h"

static int list(const struct manifest_block *blocks, size_t n, struct block_list *ret,
		struct fail *f)
{
	struct manifest m = { .format = 2, .payload_bytes = 1000, .n_blocks = n };
	int r;

	m.blocks = (struct manifest_block *)(uintptr_t)blocks;
	r = pinned_list_blocks(&m, "rootfs.tar.zst", ret, f);
	return r;
}

static void refuses(const char *what, const struct manifest_block *blocks, size_t n)
{
	struct block_list l;
	struct fail f = { 0 };

	is_int(list(blocks, n, &l, &f), -EBADMSG, "%s: refused", what);
	is_str(f.why, "its manifest lists Blocks that are larger than any archive", "%s: why",
	       what);
	is_int((int)l.n, 0, "%s: no list is left", what);
}

/* ---- of a payload that is here ---- */

/* A header, two Blocks and an end, in two files: 4 + 5 + 8 + 3 bytes, of which the second file has the last 8. */
static const char bytes[] = "headfirst second.end";
enum { HEAD = 4, FIRST = 5, SECOND = 8, END = 3, SPLIT = 12 };

static void open_parts(const char *text, struct payload *p)
{
	const struct {
		const char *at;
		size_t size;
	} parts[] = { { text, SPLIT }, { text + SPLIT, sizeof(bytes) - 1 - SPLIT } };

	*p = (struct payload){ .name = "rootfs.tar.xz" };
	for (size_t i = 0; i < 2; i++) {
		int fd = memfd_create("part", MFD_CLOEXEC);

		if (write(fd, parts[i].at, parts[i].size) != (ssize_t)parts[i].size ||
		    payload_add(p, fd, 0, parts[i].size) < 0)
			ok(false, "a part is made");
	}
}

static void describe(struct manifest *m, struct block_list *l)
{
	static struct manifest_block blocks[2];
	static struct block here[2];
	struct digest_state s;

	blocks[0] = (struct manifest_block){ .offset = HEAD, .bytes = FIRST };
	blocks[1] = (struct manifest_block){ .offset = HEAD + FIRST, .bytes = SECOND };
	for (size_t i = 0; i < 2; i++) {
		blocks[i].digest = digest_of(bytes + blocks[i].offset, blocks[i].bytes);
		here[i] = (struct block){ .offset = blocks[i].offset, .total = blocks[i].bytes };
	}
	digest_begin(&s);
	digest_add(&s, bytes, HEAD);
	digest_add(&s, bytes + HEAD + FIRST + SECOND, END);
	*m = (struct manifest){ .payload_bytes = sizeof(bytes) - 1,
				.n_blocks = 2,
				.blocks = blocks,
				.has_outside_digest = true,
				.outside_digest = digest_end(&s) };
	*l = (struct block_list){ .blocks = here, .n = 2 };
}

/* Holds a payload of that text to the manifest of bytes[]; ret_read: what reading each of the Blocks gave. */
static int hold(const char *text, const struct manifest *m, const struct block_list *l,
		int ret_read[2], struct fail *f)
{
	struct arrival *a = NULL;
	struct payload p;
	struct fail unused;
	char buf[16];
	int r;

	open_parts(text, &p);
	r = pinned_hold(m, &p, l, &a, f);
	p.arrival = a;
	for (size_t i = 0; r == 0 && i < 2; i++) {
		ret_read[i] = (int)payload_read_up_to(&p, m->blocks[i].offset, buf,
						      m->blocks[i].bytes);
		if (ret_read[i] < 0)
			is_int(payload_fail_read(&p, ret_read[i], f), -EBADMSG, "and says so");
	}
	if (r == 0)
		is_int(payload_wait_complete(&p, &unused),
		       ret_read[0] < 0 || ret_read[1] < 0 ? -ECANCELED : 0,
		       "it is complete if all was right");
	arrival_free(a);
	payload_close(&p);
	return r;
}

static void test_hold(void)
{
	struct block_list l;
	struct manifest m;
	struct fail f;
	int got[2];

	describe(&m, &l);
	is_int(hold(bytes, &m, &l, got, &f), 0, "a payload as its manifest says");
	ok(got[0] == FIRST && got[1] == SECOND, "each Block can be read, across parts as well");
	is_int(hold("headfirst sec0nd.end", &m, &l, got, &f), 0,
	       "a changed Block is not seen before it is read");
	ok(got[0] == FIRST && got[1] == -EBADMSG, "and then no byte of it is");
	is_str(f.why,
	       "Block 2 (byte 9) is damaged, or was changed: it is not what its digest in the "
	       "manifest says",
	       "why");
	is_int(hold("h3adfirst second.end", &m, &l, got, &f), -EBADMSG, "a changed header");
	ok(strstr(f.why, "outside of its Blocks") != NULL, "is said");
	is_int(hold("headfirst second.enD", &m, &l, got, &f), -EBADMSG, "a changed end");
	m.has_outside_digest = false;
	is_int(hold("headfirst second.enD", &m, &l, got, &f), 0,
	       "no manifest needs a digest of it");
	l.n = 1;
	is_int(hold(bytes, &m, &l, got, &f), -EBADMSG, "fewer Blocks");
	l.n = 2;
	l.blocks[1].total--;
	is_int(hold(bytes, &m, &l, got, &f), -EBADMSG, "a shorter Block");
}

int main(void)
{
	static const struct manifest_block wraps[] = {
		{ .offset = 0, .bytes = 500, .uncompressed = UINT64_MAX - 15 },
		{ .offset = 500, .bytes = 500, .uncompressed = UINT64_MAX - 15 },
	};
	static const struct manifest_block sum[] = {
		{ .offset = 0, .bytes = 500, .uncompressed = INT64_MAX },
		{ .offset = 500, .bytes = 500, .uncompressed = 1 },
	};
	static const struct manifest_block memory[] = {
		{ .offset = 0, .bytes = 500, .uncompressed = 1, .decoder_memory = UINT64_MAX },
	};
	static const struct manifest_block large[] = {
		{ .offset = 0, .bytes = 500, .uncompressed = INT64_MAX - 1 },
		{ .offset = 500, .bytes = 500, .uncompressed = 1 },
	};
	struct engine_plan plan;
	struct block_list l;
	struct fail f;

	refuses("a sum that wraps", wraps, 2);
	refuses("a sum that is negative in 63 bits", sum, 2);
	refuses("more memory than any decoder takes", memory, 1);
	is_int(list(large, 2, &l, &f), 0, "the largest archive that can be");
	engine_plan(&l, 4, 256 << 20, &plan);
	ok(plan.memory > 256 << 20 || !plan.whole, "is not planned as if it were small");
	ok(plan.pool >= 4ULL * PLAN_CHUNK, "and gets a pool");
	block_list_free(&l);
	test_hold();
	return done_testing();
}
