/* Which of several images is taken, and what is said of the others; digests as text. */
#include "source/image_list.h"

#include <errno.h>
#include <stdio.h>

#include "source/blob_digest.h"
#include "tap.h"

#ifdef __aarch64__
#define OWN "arm64"
#define OTHER "amd64"
#else
#define OWN "amd64"
#define OTHER "arm64"
#endif

static struct fail f;

/* Images as "ID NAME OS ARCH VARIANT", "-" for what is not said. */
static struct image_list list_of(const char *const *images)
{
	struct image_list list = { 0 };

	for (; *images; images++) {
		char id[32], name[64];
		struct image_platform p = { 0 };
		char *const parts[] = { p.os, p.architecture, p.variant };

		sscanf(*images, "%31s %63s %31s %31s %31s", id, name, p.os, p.architecture,
		       p.variant);
		for (size_t i = 0; i < ARRAY_SIZE(parts); i++)
			if (strcmp(parts[i], "-") == 0)
				*parts[i] = '\0';
		ok(image_list_add(&list, id, 7, *name == '-' ? NULL : name, &p) == 0, "added");
	}
	return list;
}

static const struct {
	const char *images[6];
	const char *platform, *tag;
	const char *id, *why; /* one of both */
} cases[] = {
	{ { "1 - linux " OTHER " -", "2 - linux " OWN " -" }, NULL, NULL, "2", NULL },
	{ { "1 - linux " OTHER " -" }, NULL, NULL, "1", NULL },
	{ { "1 - - - -" }, NULL, NULL, "1", NULL },
	{ { "1 - - - -" }, "linux/riscv64", NULL, "1", NULL },
	{ { "1 - freebsd " OWN " -" },
	  NULL,
	  NULL,
	  NULL,
	  "it has no image for linux/" OWN ", only for freebsd/" OWN },
	{ { "1 - linux riscv64 -", "2 - linux s390x -", "3 - linux riscv64 -" },
	  NULL,
	  NULL,
	  NULL,
	  "it has no image for linux/" OWN ", only for linux/riscv64, linux/s390x" },
	{ { "1 - linux arm -", "2 - linux arm64 -" },
	  "linux/ppc64le",
	  NULL,
	  NULL,
	  "it has no image for linux/ppc64le, only for linux/arm, linux/arm64" },
	{ { "1 - linux x86_64 -", "2 - linux aarch64 -" }, "linux/arm64", NULL, "2", NULL },
	{ { "1 - linux arm v7", "2 - linux arm v5", "3 - linux arm v6" },
	  "linux/arm",
	  NULL,
	  "2",
	  NULL },
	{ { "1 - linux arm v6", "2 - linux arm -" }, "linux/arm/v7", NULL, "2", NULL },
	{ { "1 - linux arm64 v8" }, "linux/arm64", NULL, "1", NULL },
	{ { "1 - linux arm64 -" }, "linux/arm64/v8", NULL, "1", NULL },
	{ { "1 - linux arm64 -" },
	  "linux/arm64/v9",
	  NULL,
	  NULL,
	  "it has no image for linux/arm64/v9, only for linux/arm64" },
	{ { "1 - linux mips softfloat" },
	  "linux/mips/hardfloat",
	  NULL,
	  NULL,
	  "it has no image for linux/mips/hardfloat, only for linux/mips/softfloat" },
	{ { "1 a:1 linux " OWN " -", "2 b:1 linux " OWN " -" },
	  NULL,
	  NULL,
	  NULL,
	  "it has several images: a:1, b:1" },
	{ { "1 a:1 linux " OWN " -", "2 b:1 linux " OWN " -" },
	  NULL,
	  "1",
	  NULL,
	  "it has several images: a:1, b:1" },
	{ { "1 a:1 linux " OWN " -", "1 a:2 - - -" }, NULL, NULL, "1", NULL },
	{ { "1 a:1 linux " OWN " -", "1 a:2 - - -" }, NULL, "2", "1", NULL },
	{ { "1 a:1 linux " OWN " -", "1 a:2 - - -" },
	  NULL,
	  "3",
	  NULL,
	  "it has no image called 3, only a:1, a:2" },
	{ { "x1 - linux " OWN " -", "x2 - linux " OWN " -" }, NULL, "x2", "x2", NULL },
	{ { NULL }, NULL, NULL, NULL, "its list of images is empty or damaged" },
};

static void test_choice(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct image_choice choice = { .tag = cases[i].tag };
		struct image_list list = list_of(cases[i].images);
		const struct image_entry *entry = NULL;

		if (cases[i].platform)
			ok(image_platform_parse(cases[i].platform, &choice.platform), "%s",
			   cases[i].platform);
		image_list_choose(&list, &choice, "it", &entry, &f);
		is_str(entry ? entry->id : NULL, cases[i].id, "case %zu", i);
		if (!entry)
			is_str(f.why, cases[i].why, "why");
		image_list_free(&list);
	}
}

/* What has no room is left out, and that is said. */
static void test_long_list(void)
{
	struct image_platform p = { "linux", OWN, "" };
	struct image_list list = { 0 };
	const struct image_entry *entry;
	char id[32];

	for (int i = 0; i < 1000; i++) {
		snprintf(id, sizeof(id), "image-%d", i);
		if (image_list_add(&list, id, 0, NULL, &p) < 0)
			break;
	}
	is_int((long long)list.n, 1000, "a thousand images");
	is_int(image_list_add(&list, "one more", 0, NULL, &p), -E2BIG, "one more");
	is_int(image_list_choose(&list, NULL, "it", &entry, &f), -EINVAL, "several");
	ok(ends_with(f.why, ", ..."), "the list ends with dots");
	ok(strstr(f.why, "image-0, image-1, image-2"), "and begins with the first: %s", f.why);
	image_list_free(&list);
}

static void test_digests(void)
{
	static const struct {
		const char *text;
		int error;
	} texts[] = {
		{ "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", 0 },
		{ "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b85",
		  -EINVAL },
		{ "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b8555",
		  -EINVAL },
		{ "sha256:E3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
		  -EINVAL },
		{ "sha256:", -EINVAL },
		{ "e3b0c442", -EINVAL },
		{ "", -EINVAL },
		{ "sha384:00", -ENOTSUP },
	};
	struct blob_digest digest, is;
	char text[BLOB_DIGEST_TEXT_MAX];
	struct blob_hash hash;

	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		is_int(blob_digest_parse(texts[i].text, &digest), texts[i].error, "%s",
		       texts[i].text);
	ok(blob_digest_parse(texts[0].text, &digest) == 0, "SHA-256 of nothing");
	blob_hash_begin(&hash, &digest);
	is = blob_hash_end(&hash);
	ok(blob_digest_is_same(&is, &digest), "is that");
	is_str(blob_digest_format(text, &is), texts[0].text, "as text");
	blob_hash_begin(&hash, &digest);
	blob_hash_add(&hash, "a", 1);
	blob_hash_add(&hash, "bc", 2);
	is = blob_hash_end(&hash);
	is_str(blob_digest_format(text, &is),
	       "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", "abc");
	ok(!blob_digest_is_same(&is, &digest), "another one");
	digest.size = 64;
	blob_hash_begin(&hash, &digest);
	blob_hash_add(&hash, "abc", 3);
	is = blob_hash_end(&hash);
	is_str(blob_digest_format(text, &is),
	       "sha512:ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	       "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
	       "SHA-512");
	ok(blob_digest_parse(text, &digest) == 0 && blob_digest_is_same(&is, &digest), "read back");
}

int main(void)
{
	test_choice();
	test_long_list();
	test_digests();
	return done_testing();
}
