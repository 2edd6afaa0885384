/* The manifest: what is read, what is refused, and that it comes back as it was written. */
#include "manifest.h"

#include <errno.h>

#include "scratch.h"
#include "tap.h"

#define MINIMAL "payload-bytes=1\n"

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
	{ "format 2", BYTES("format=2\n" MINIMAL), -EPROTO },
	{ "format 2 with lines that mean nothing here", BYTES("format=2\nwhatever\n"), -EPROTO },
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

static bool is_same(const struct manifest *a, const struct manifest *b)
{
	bool same = a->payload_bytes == b->payload_bytes &&
		    a->unpacked_bytes == b->unpacked_bytes && a->inodes == b->inodes &&
		    a->members == b->members && a->n_kernels == b->n_kernels &&
		    strcmp(a->init, b->init) == 0 && strcmp(a->build_id, b->build_id) == 0;

	for (unsigned i = 0; same && i < a->n_kernels; i++)
		same = strcmp(a->kernels[i], b->kernels[i]) == 0;
	return same;
}

static void check_round_trip(const struct manifest *m, const char *what)
{
	char text[MANIFEST_TEXT_MAX];
	struct manifest back;
	int n = manifest_format(m, text);

	if (!ok(n > 0 && (size_t)n == strlen(text), "%s: written", what))
		return;
	is_int(parse(text, (size_t)n, &back), 0, "%s: read back", what);
	ok(is_same(m, &back), "%s: the same", what);
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
	};
	memset(m.init, '/', sizeof(m.init) - 1);
	memset(m.build_id, 'f', sizeof(m.build_id) - 1);
	for (unsigned i = 0; i < m.n_kernels; i++)
		memset(m.kernels[i], 'a' + (int)i, sizeof(m.kernels[i]) - 1);
	check_round_trip(&m, "one that is full");
}

/* The values come from the root that is packed: the name of a directory in lib/modules may be any
 * bytes. Whatever is written must be read back as the same, or must not be written. */
static void test_hostile_values(void)
{
	static const char *const releases[] = { "6.1\nsplit", "6.1\ninit=/bin/evil", "6.1\n",
						"\xff\xfe" };
	char text[MANIFEST_TEXT_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(releases); i++) {
		struct manifest m = { .payload_bytes = 1, .n_kernels = 1 }, back;
		int n;

		strcpy(m.kernels[0], releases[i]);
		n = manifest_format(&m, text);
		ok(n < 0 || (parse(text, (size_t)n, &back) == 0 && !*back.init),
		   "a kernel release with odd bytes (%zu) breaks no manifest", i);
	}
}

int main(void)
{
	test_everything();
	test_little();
	test_kernels();
	test_bad();
	test_long();
	test_round_trip();
	test_hostile_values();
	return done_testing();
}
