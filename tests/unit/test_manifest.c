/* The manifest: what is read, what is refused, and that it comes back as it was written. */
#include "image/manifest.h"

#include <errno.h>

#include "scratch.h"
#include "tap.h"

#define MINIMAL "payload-bytes=1\n"

#define ZEROS "0000000000000000000000000000000000000000000000000000000000000000"
#define ONES "1111111111111111111111111111111111111111111111111111111111111111"
#define DIGEST "digest=blake2b-256\n"

/* The text is handed over without its NUL, ended by the bounds alone. */
static int parse(const char *text, size_t size, struct manifest *ret)
{
	char *copy = exact_copy(text, size);
	int r = manifest_parse(copy, size, ret);

	free(copy);
	return r;
}

static void test_everything(void)
{
	static const char text[] = "# what this tarboot image holds\n"
				   "format=1\n"
				   "\n"
				   "payload-bytes=276824064\n"
				   "unpacked-bytes=18446744073709551600\n"
				   "inodes=0\n"
				   "members=23587\n"
				   "kernel=6.1.0-30-amd64\n"
				   "kernel=6.12=odd\n"
				   "init=/usr/lib/systemd/systemd\n"
				   "build-id=0123456789abcdef\n"
				   "signature=for a later version\n"
				   "=\n"
				   "last=line without an end";
	struct manifest m;

	is_int(parse(text, sizeof(text) - 1, &m), 0, "a whole manifest is read");
	is_int((long long)m.payload_bytes, 276824064, "payload-bytes");
	ok(m.unpacked_bytes == 18446744073709551600ULL, "unpacked-bytes, nearly 2^64");
	ok(m.inodes == 0 && m.members == 23587, "inodes and members");
	is_int(m.n_kernels, 2, "two kernels");
	is_str(m.kernels[0], "6.1.0-30-amd64", "the first kernel");
	is_str(m.kernels[1], "6.12=odd", "a value may hold '='");
	is_str(m.init, "/usr/lib/systemd/systemd", "init");
	is_str(m.build_id, "0123456789abcdef", "build-id");
	ok(m.format == 1 && !m.n_blocks && !m.has_boot_digest && !m.has_payload_digest &&
		   !m.has_outside_digest && !m.has_text_digest,
	   "what came with format 2 is not there");
	manifest_free(&m);
}

static void test_format_2(void)
{
	static const char text[] =
		"format=2\n"
		"payload=rootfs.tar.zst\n"
		"payload-bytes=1000\n"
		"unpacked-bytes=8192\n"
		"unpacked-bytes-16k=32768\n"
		"unpacked-bytes-64k=131072\n"
		"inodes=5\nmembers=6\nfiles=2\ndata-bytes=5000\ndirectories=3\n"
		"xattr-bytes=77\n" DIGEST "payload-digest=" ONES "\n"
		"outside-digest="
		"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\n"
		"boot-digest=" ZEROS "\n"
		"block=12 500 16777216 8520000 " ONES "\n"
		"block=512 400 5 6 "
		"fedcba9876543210fedcba9876543210fedcba9876543210fedcba9876543210\n";
	struct manifest m;

	is_int(parse(text, sizeof(text) - 1, &m), 0, "a manifest of format 2 is read");
	ok(m.format == 2 && m.payload_bytes == 1000 && m.unpacked_bytes == 8192 &&
		   m.unpacked_bytes_16k == 32768 && m.unpacked_bytes_64k == 131072,
	   "bytes of the payload and of the tree");
	ok(m.inodes == 5 && m.members == 6 && m.files == 2 && m.data_bytes == 5000 &&
		   m.directories == 3 && m.xattr_bytes == 77,
	   "what the tree consists of");
	is_str(m.payload, "rootfs.tar.zst", "the payload's name");
	ok(m.has_payload_digest && m.payload_digest.bytes[31] == 0x11 && m.has_boot_digest &&
		   m.boot_digest.bytes[0] == 0 && m.has_outside_digest &&
		   m.outside_digest.bytes[1] == 0x11,
	   "digests");
	is_int((long long)m.n_blocks, 2, "Blocks");
	ok(m.blocks[0].offset == 12 && m.blocks[0].bytes == 500 &&
		   m.blocks[0].uncompressed == 16777216 && m.blocks[0].decoder_memory == 8520000 &&
		   m.blocks[0].digest.bytes[5] == 0x11,
	   "the first");
	ok(m.blocks[1].offset == 512 && m.blocks[1].digest.bytes[0] == 0xfe &&
		   m.blocks[1].digest.bytes[31] == 0x10,
	   "the second");
	manifest_free(&m);
	ok(m.n_blocks == 0 && !m.blocks && !*m.payload, "freed, it is empty");
}

/* One more than the list has room for at first, as often as it grows. */
static void test_many_blocks(void)
{
	enum { N = 3000 };
	struct manifest m = { .payload_bytes = N * 10, .has_payload_digest = true }, back;
	struct manifest_block b = { .bytes = 10, .uncompressed = 7 };
	char *text = NULL;
	int n;

	for (uint64_t i = 0; i < N; i++) {
		b.offset = i * 10;
		b.digest.bytes[0] = (uint8_t)i;
		must(manifest_add_block(&m, &b));
	}
	n = manifest_format(&m, &text);
	ok(n > N * 70, "%d Blocks make a text of %d bytes", N, n);
	is_int(parse(text, (size_t)n, &back), 0, "which is read");
	ok(back.n_blocks == N && back.blocks[N - 1].offset == (N - 1) * 10 &&
		   back.blocks[N - 1].digest.bytes[0] == (uint8_t)(N - 1),
	   "to the last");
	manifest_free(&back);
	free(text);

	while (m.n_blocks < 120000)
		must(manifest_add_block(&m, &b));
	is_int(manifest_format(&m, &text), -E2BIG, "more than 8 MiB are not written");
	manifest_free(&m);
	text = calloc(1, MANIFEST_TEXT_MAX + 1);
	is_int(manifest_parse(text, MANIFEST_TEXT_MAX + 1, &back), -E2BIG, "nor read");
	free(text);
}

/* The digest of a text is its last line, and by b2sum -l 256. */
static void test_text_digest(void)
{
	static const char head[] = "payload-bytes=1\n" DIGEST;
	static const char digest[] =
		"bb7784bbff0261da44dd2433e3c22e8d4ee7d568470a3199b05d17f4e130597e";
	char text[256], wrong[256];
	struct manifest m;

	snprintf(text, sizeof(text), "%stext-digest=%s\n", head, digest);
	is_int(parse(text, strlen(text), &m), 0, "a text with its digest");
	ok(m.has_text_digest, "is known to be right");
	manifest_free(&m);
	for (size_t i = 0; i < sizeof(head) - 1; i++) {
		strcpy(wrong, text);
		wrong[i] ^= 1;
		if (parse(wrong, strlen(wrong), &m) == 0)
			break;
	}
	is_str(wrong + sizeof(head) - 1, text + sizeof(head) - 1,
	       "with any byte changed it is refused");
	strcpy(wrong, text);
	wrong[14] = '2';
	is_int(parse(wrong, strlen(wrong), &m), -EBADMSG, "another number is damage");
	strcat(text, "init=/bin/evil\n");
	is_int(parse(text, strlen(text), &m), -EINVAL, "a line behind it");
	strcpy(text + strlen(text) - 15, "\n");
	is_int(parse(text, strlen(text), &m), -EINVAL, "even an empty one");
}

static void test_payloads(void)
{
	static const struct {
		const char *payload, *path;
		bool is;
	} cases[] = {
		{ "rootfs.tar.xz", "/rootfs.tar.xz", true },
		{ "", "/rootfs.tar.xz", true },
		{ "", "//./rootfs.tar.xz", true },
		{ "/rootfs.tar.xz", "rootfs.tar.xz", true },
		{ "images/a.tar.xz", "/images/a.tar.xz", true },
		{ "rootfs.tar.xz", "/other.tar.xz", false },
		{ "rootfs.tar.xz", "/images/rootfs.tar.xz", false },
		{ "rootfs.tar.xz", "/rootfs.tar.xz.000", false },
		{ "rootfs.tar.zst", "/rootfs.tar.xz", false },
		{ "", "/", false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct manifest m = { 0 };

		strcpy(m.payload, cases[i].payload);
		ok(manifest_is_about(&m, cases[i].path) == cases[i].is, "payload=%s is %sabout %s",
		   cases[i].payload, cases[i].is ? "" : "not ", cases[i].path);
	}
}

/* Exact for the pages that the manifest knows, at most for others. */
static void test_tree_bytes(void)
{
	struct manifest m = { .unpacked_bytes = 40960,
			      .unpacked_bytes_16k = 65536,
			      .unpacked_bytes_64k = 196608,
			      .inodes = 100,
			      .files = 3 };

	ok(manifest_tree_bytes(&m, 4096) == 40960, "pages of 4 KiB");
	ok(manifest_tree_bytes(&m, 16384) == 65536, "of 16 KiB");
	ok(manifest_tree_bytes(&m, 65536) == 196608, "of 64 KiB");
	ok(manifest_tree_bytes(&m, 8192) == 40960 + 3 * 4096, "of 8 KiB, which nobody counted");
	m.unpacked_bytes_64k = m.files = 0;
	ok(manifest_tree_bytes(&m, 65536) == 40960 + 100 * 61440, "of 64 KiB, by format 1");
	m.unpacked_bytes = UINT64_MAX - 5;
	ok(manifest_tree_bytes(&m, 65536) == UINT64_MAX, "no sum goes round");
}

static void test_little(void)
{
	struct manifest m;

	is_int(parse(MINIMAL, strlen(MINIMAL), &m), 0, "payload-bytes is enough");
	ok(m.payload_bytes == 1 && m.unpacked_bytes == 0 && m.n_kernels == 0 && !*m.init &&
		   !*m.build_id,
	   "what is not there is 0 or empty");
	is_int(parse("payload-bytes=1", 15, &m), 0, "no newline at the end");
	is_int(parse("payload-bytes=1\npayload-bytes=2\n", 32, &m), 0, "a key twice is read");
	is_int((long long)m.payload_bytes, 2, "and the last one counts");
}

static void test_kernels(void)
{
	char text[1024] = MINIMAL;
	struct manifest m;

	for (int i = 0; i <= MANIFEST_KERNELS_MAX; i++)
		snprintf(text + strlen(text), 64, "kernel=6.%d\n", i);
	is_int(parse(text, strlen(text), &m), 0,
	       "more kernels than there is room for are no fault");
	is_int(m.n_kernels, MANIFEST_KERNELS_MAX, "the first ones are kept");
	is_str(m.kernels[MANIFEST_KERNELS_MAX - 1], "6.7", "up to the last place");
	is_int(parse(MINIMAL "kernel=\n", strlen(MINIMAL) + 8, &m), 0, "a kernel without release");
	is_int(m.n_kernels, 0, "is none");
}

/* Lines that are wrong in a manifest that is good otherwise; BYTES keeps NULs inside. */
#define BYTES(text) text, sizeof(text) - 1
static const struct {
	const char *what, *text;
	size_t size;
	int r;
} bad[] = {
	{ "nothing at all", BYTES(""), -EINVAL },
	{ "only comments", BYTES("# nothing\n\n"), -EINVAL },
	{ "no payload-bytes", BYTES("format=1\ninodes=5\n"), -EINVAL },
	{ "a line without =", BYTES(MINIMAL "init\n"), -EINVAL },
	{ "blanks for a line", BYTES(MINIMAL "  \n"), -EINVAL },
	{ "an empty number", BYTES("payload-bytes=\n"), -EINVAL },
	{ "a negative number", BYTES("payload-bytes=-1\n"), -EINVAL },
	{ "a sign", BYTES("payload-bytes=+1\n"), -EINVAL },
	{ "a blank before a number", BYTES("payload-bytes= 1\n"), -EINVAL },
	{ "letters behind a number", BYTES("payload-bytes=1k\n"), -EINVAL },
	{ "a carriage return", BYTES("payload-bytes=1\r\n"), -EINVAL },
	{ "hex", BYTES("payload-bytes=0x10\n"), -EINVAL },
	{ "2^64", BYTES("payload-bytes=18446744073709551616\n"), -EINVAL },
	{ "a number of 30 digits", BYTES("payload-bytes=111111111122222222223333333333\n"),
	  -EINVAL },
	{ "a bad number of inodes", BYTES(MINIMAL "inodes=many\n"), -EINVAL },
	{ "a bad format", BYTES(MINIMAL "format=one\n"), -EINVAL },
	{ "an empty format", BYTES(MINIMAL "format=\n"), -EINVAL },
	{ "format 3", BYTES("format=3\n" MINIMAL), -EPROTO },
	{ "format 3 with lines that mean nothing here", BYTES("format=3\nwhatever\n"), -EPROTO },
	{ "another kind of digest", BYTES(MINIMAL "digest=sha256\n"), -EPROTO },
	{ "a digest of a kind that is not told", BYTES(MINIMAL "payload-digest=" ZEROS "\n"),
	  -EINVAL },
	{ "a Block with a digest of a kind that is not told",
	  BYTES(MINIMAL "block=0 1 1 1 " ZEROS "\n"), -EINVAL },
	{ "another digest of a kind that is not told", BYTES(MINIMAL "outside-digest=" ZEROS "\n"),
	  -EINVAL },
	{ "a Block of no bytes", BYTES(MINIMAL DIGEST "block=0 0 1 1 " ZEROS "\n"), -EINVAL },
	{ "a digest too short", BYTES(MINIMAL DIGEST "boot-digest=00\n"), -EINVAL },
	{ "a digest too long", BYTES(MINIMAL DIGEST "boot-digest=" ZEROS "0\n"), -EINVAL },
	{ "a digest in capitals",
	  BYTES(MINIMAL DIGEST
		"boot-digest=A000000000000000000000000000000000000000000000000000000000000000\n"),
	  -EINVAL },
	{ "a Block without anything", BYTES(MINIMAL DIGEST "block=\n"), -EINVAL },
	{ "a Block without digest", BYTES(MINIMAL DIGEST "block=0 1 1 1\n"), -EINVAL },
	{ "a Block with an empty digest", BYTES(MINIMAL DIGEST "block=0 1 1 1 \n"), -EINVAL },
	{ "a Block with a number too few", BYTES(MINIMAL DIGEST "block=0 1 1 " ZEROS "\n"),
	  -EINVAL },
	{ "a Block with a number too many", BYTES(MINIMAL DIGEST "block=0 1 1 1 1 " ZEROS "\n"),
	  -EINVAL },
	{ "two blanks in a Block", BYTES(MINIMAL DIGEST "block=0  1 1 1 " ZEROS "\n"), -EINVAL },
	{ "a Block of 2^64 bytes",
	  BYTES(MINIMAL DIGEST "block=0 18446744073709551616 1 1 " ZEROS "\n"), -EINVAL },
	{ "a Block behind the payload", BYTES(MINIMAL DIGEST "block=1 1 1 1 " ZEROS "\n"),
	  -EINVAL },
	{ "a Block that wraps around",
	  BYTES(MINIMAL DIGEST "block=1 18446744073709551600 1 1 " ZEROS "\n"), -EINVAL },
	{ "Blocks that overlap",
	  BYTES("payload-bytes=9\n" DIGEST "block=0 3 1 1 " ZEROS "\nblock=2 3 1 1 " ZEROS "\n"),
	  -EINVAL },
	{ "Blocks out of order",
	  BYTES("payload-bytes=9\n" DIGEST "block=3 3 1 1 " ZEROS "\nblock=0 3 1 1 " ZEROS "\n"),
	  -EINVAL },
	{ "a huge format", BYTES("format=4294967297\n" MINIMAL), -EPROTO },
	{ "NUL in a value", BYTES("init=/sbin/\0init\n" MINIMAL), -EINVAL },
	{ "NUL in a number", BYTES("payload-bytes=1\0\n"), -EINVAL },
	{ "NUL in a comment", BYTES("# \0\n" MINIMAL), -EINVAL },
	{ "NUL at the start", BYTES("\0" MINIMAL), -EINVAL },
	{ "NUL at the end", BYTES(MINIMAL "\0"), -EINVAL },
	{ "4096 NULs", (const char[4096]){ 0 }, 4096, -EINVAL },
};

static void test_bad(void)
{
	struct manifest m, before;

	memset(&before, 0x5a, sizeof(before));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memcpy(&m, &before, sizeof(m));
		is_int(parse(bad[i].text, bad[i].size, &m), bad[i].r, "refused: %s", bad[i].what);
		ok(memcmp(&m, &before, sizeof(m)) == 0, "and nothing was written");
	}
}

/* KEY=, then n times 'x', then what makes the rest good. */
static int parse_long_value(const char *key, size_t n, struct manifest *m)
{
	char *text = malloc(n + 100);
	size_t size = (size_t)sprintf(text, "%s=", key);
	int r;

	memset(text + size, 'x', n);
	size += n + (size_t)sprintf(text + size + n, "\n" MINIMAL);
	r = parse(text, size, m);
	free(text);
	return r;
}

static void test_long(void)
{
	static const struct {
		const char *key;
		size_t room;
	} texts[] = {
		{ "init", sizeof(((struct manifest *)0)->init) },
		{ "build-id", sizeof(((struct manifest *)0)->build_id) },
		{ "payload", sizeof(((struct manifest *)0)->payload) },
		{ "kernel", sizeof(((struct manifest *)0)->kernels[0]) },
	};
	struct manifest m;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++) {
		is_int(parse_long_value(texts[i].key, texts[i].room - 1, &m), 0,
		       "the longest value of %s", texts[i].key);
		is_int(parse_long_value(texts[i].key, texts[i].room, &m), -EINVAL,
		       "a byte more is refused");
	}
	is_int(parse_long_value("later", 900, &m), 0, "a long value of an unknown key");
	is_int(parse_long_value("later", 100000, &m), -EINVAL, "a line that no manifest has");
	is_int(parse_long_value("init", 100000, &m), -EINVAL, "a huge value");
}

/* The text says all, so two manifests are the same when their texts are. */
static void check_round_trip(const struct manifest *m, const char *what)
{
	_cleanup_free_ char *text = NULL, *again = NULL;
	struct manifest back;
	int n = manifest_format(m, &text);

	if (!ok(n > 0 && (size_t)n == strlen(text), "%s: written", what))
		return;
	is_int(parse(text, (size_t)n, &back), 0, "%s: read back", what);
	ok(back.has_text_digest && back.format == 2, "%s: with a digest of itself", what);
	is_int(manifest_format(&back, &again), n, "%s: written again", what);
	is_str(again, text, "%s: the same", what);
	manifest_free(&back);
}

static void test_round_trip(void)
{
	struct manifest m = { .payload_bytes = 0 };

	check_round_trip(&m, "an empty one");
	m = (struct manifest){
		.payload_bytes = 1ULL << 40,
		.unpacked_bytes = UINT64_MAX / 2,
		.inodes = 40213,
		.members = 40214,
		.n_kernels = MANIFEST_KERNELS_MAX,
		.unpacked_bytes_16k = 1,
		.unpacked_bytes_64k = 2,
		.files = 3,
		.data_bytes = 4,
		.directories = 5,
		.xattr_bytes = 6,
		.has_boot_digest = true,
		.has_payload_digest = true,
		.has_vmlinuz_digest = true,
		.has_outside_digest = true,
	};
	memset(&m.outside_digest, 0x12, sizeof(m.outside_digest));
	memset(&m.boot_digest, 0xab, sizeof(m.boot_digest));
	memset(&m.vmlinuz_digest, 0xcd, sizeof(m.vmlinuz_digest));
	memset(m.payload, 'p', sizeof(m.payload) - 1);
	must(manifest_add_block(&m, &(struct manifest_block){ .offset = 1ULL << 39, .bytes = 1 }));
	memset(m.init, '/', sizeof(m.init) - 1);
	memset(m.build_id, 'f', sizeof(m.build_id) - 1);
	for (unsigned i = 0; i < m.n_kernels; i++)
		memset(m.kernels[i], 'a' + (int)i, sizeof(m.kernels[i]) - 1);
	check_round_trip(&m, "one that is full");
	manifest_free(&m);
}

/* The values come from the root that is packed: the name of a directory in lib/modules may be any
 * bytes. Whatever is written must be read back as the same, or must not be written. */
static void test_hostile_values(void)
{
	static const char *const releases[] = { "6.1\nsplit", "6.1\ninit=/bin/evil", "6.1\n",
						"\xff\xfe" };

	for (size_t i = 0; i < ARRAY_SIZE(releases); i++) {
		struct manifest m = { .payload_bytes = 1, .n_kernels = 1 }, back;
		_cleanup_free_ char *text = NULL;
		int n;

		strcpy(m.kernels[0], releases[i]);
		n = manifest_format(&m, &text);
		ok(n < 0 || (parse(text, (size_t)n, &back) == 0 && !*back.init),
		   "a kernel release with odd bytes (%zu) breaks no manifest", i);
	}
}

int main(void)
{
	test_everything();
	test_format_2();
	test_many_blocks();
	test_text_digest();
	test_payloads();
	test_tree_bytes();
	test_little();
	test_kernels();
	test_bad();
	test_long();
	test_round_trip();
	test_hostile_values();
	return done_testing();
}
