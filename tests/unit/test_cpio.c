/* newc headers: written as cpio writes them, read back, nonsense refused. */
#include "tar/cpio.h"

#include <errno.h>
#include <sys/stat.h>

#include "scratch.h"
#include "tap.h"

static const struct cpio_header full = {
	.ino = 0x12345678,
	.mode = 0100755,
	.uid = 1000,
	.gid = 0xffffffff,
	.nlink = 2,
	.mtime = 0xfedcba98,
	.size = CPIO_FILE_MAX,
	.rdev_major = 5,
	.rdev_minor = 0xabcdef,
};

static bool is_same(const struct cpio_header *a, const struct cpio_header *b)
{
	return a->ino == b->ino && a->mode == b->mode && a->uid == b->uid && a->gid == b->gid &&
	       a->nlink == b->nlink && a->mtime == b->mtime && a->size == b->size &&
	       a->rdev_major == b->rdev_major && a->rdev_minor == b->rdev_minor;
}

static void test_bytes(void)
{
	static const char want[] = "070701"
				   "12345678" /* ino */
				   "000081ED" /* mode */
				   "000003E8" /* uid */
				   "FFFFFFFF" /* gid */
				   "00000002" /* nlink */
				   "FEDCBA98" /* mtime */
				   "FFFFFFFF" /* size */
				   "00000000" /* dev */
				   "00000000"
				   "00000005" /* rdev */
				   "00ABCDEF"
				   "00000005"  /* name with NUL */
				   "00000000"  /* check */
				   "init\0\0"; /* to 116 */
	char buf[200];

	memset(buf, '?', sizeof(buf));
	is_int((long long)cpio_head_size(4), 116, "header and name end on a multiple of 4");
	cpio_header_write(&full, "init", buf);
	ok(memcmp(buf, want, 116) == 0, "the bytes are those of the format");
	ok(buf[116] == '?', "and no more are written");
}

static void test_round_trip(void)
{
	char name[300] = "";

	for (size_t n = 0; n <= 8; n++) {
		char *buf = exact_copy(name, 0);
		struct cpio_header back;

		buf = realloc(buf, cpio_head_size(n));
		cpio_header_write(&full, name, buf);
		is_int(cpio_header_parse(buf, &back), 0, "a name of %zu bytes is read back", n);
		ok(is_same(&full, &back) && back.name_size == n + 1, "all fields are the same");
		ok(cpio_head_size(n) % 4 == 0 && strcmp(buf + CPIO_HEADER_SIZE, name) == 0,
		   "the name is there, padded");
		free(buf);
		name[n] = 'n';
		name[n + 1] = '\0';
	}
}

static void test_padding(void)
{
	static const size_t want[] = { 0, 3, 2, 1, 0, 3, 2, 1 };

	for (uint64_t n = 0; n < ARRAY_SIZE(want); n++)
		is_int((long long)cpio_padding(n), (long long)want[n], "padding of %d", (int)n);
	is_int((long long)cpio_padding(UINT64_MAX), 1, "padding of 2^64 - 1");
	is_int((long long)cpio_padding(CPIO_FILE_MAX), 1, "padding of the largest member");
}

static void test_bad(void)
{
	static const char bad_digits[] = "gG xX-+./:@`\n\xff";
	char buf[200], copy[200];
	struct cpio_header h, before;
	unsigned refused = 0, tried = 0;

	memset(&before, 0x5a, sizeof(before));
	memcpy(&h, &before, sizeof(h));
	cpio_header_write(&full, "init", buf);
	for (size_t at = 6; at < CPIO_HEADER_SIZE; at++) {
		for (size_t i = 0; i < sizeof(bad_digits); i++) {
			memcpy(copy, buf, sizeof(copy));
			copy[at] = bad_digits[i];
			refused += cpio_header_parse(copy, &h) == -EINVAL;
			tried++;
		}
	}
	is_int(refused, tried, "a bad digit is refused wherever it stands");
	ok(memcmp(&h, &before, sizeof(h)) == 0, "and nothing was written");
	cpio_header_write(&full, "init", buf);
	memcpy(buf + 6 + 11 * 8, "00000000", 8);
	is_int(cpio_header_parse(buf, &h), -EINVAL, "a name of no bytes, not even NUL, is refused");
}

static void test_magic(void)
{
	static const struct {
		char magic[8];
		int r;
	} magics[] = {
		{ "070701", 0 },       { "070702", 0 },       { "070707", -EINVAL },
		{ "070703", -EINVAL }, { "07070", -EINVAL },  { "\xc7\x71", -EINVAL },
		{ "TRAILE", -EINVAL }, { "170701", -EINVAL },
	};
	struct cpio_header h;
	char buf[200];

	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		cpio_header_write(&full, "init", buf);
		memcpy(buf, magics[i].magic, 6);
		is_int(cpio_header_parse(buf, &h), magics[i].r, "magic %s", magics[i].magic);
	}
}

/* Other writers use small letters. */
static void test_letters(void)
{
	struct cpio_header h;
	char buf[200];

	cpio_header_write(&full, "init", buf);
	for (size_t i = 0; i < CPIO_HEADER_SIZE; i++)
		if (buf[i] >= 'A' && buf[i] <= 'F')
			buf[i] = (char)(buf[i] - 'A' + 'a');
	is_int(cpio_header_parse(buf, &h), 0, "small letters are read");
	ok(is_same(&full, &h), "as the same numbers");
}

int main(void)
{
	test_bytes();
	test_round_trip();
	test_padding();
	test_bad();
	test_magic();
	test_letters();
	return done_testing();
}
