/* Images read back: what tarboot, cpio and others write is understood, what is cut or false is not. */
#include "image/image.h"

#include <errno.h>

#include "image/bootpart.h"
#include "tar/cpio.h"
#include "make_xz.h"
#include "tap.h"

static int dir;

static const char *image_path(void)
{
	static char text[5000];

	snprintf(text, sizeof(text), "%s/image/image", scratch_base);
	return text;
}

/* The boot part of every good image here: a directory, init, manifest, trailer. */
static void make_boot_part(struct bytes *b, uint64_t payload_bytes)
{
	struct manifest m = { .payload_bytes = payload_bytes, .members = 7 };
	struct bootpart part = { 0 };
	_cleanup_free_ char *text = NULL;
	int n = manifest_format(&m, &text);

	must(bootpart_add(&part, "dev", S_IFDIR | 0755, 0, 0, NULL, 0));
	must(bootpart_add(&part, "dev/console", S_IFCHR | 0600, 5, 1, NULL, 0));
	must(bootpart_add(&part, "init", S_IFREG | 0755, 0, 0, "program", 7));
	must(bootpart_add(&part, "tarboot/manifest", S_IFREG | 0644, 0, 0, text, (size_t)n));
	must(bootpart_finish(&part));
	bytes_add(b, part.data, part.size);
	bootpart_free(&part);
}

/* An archive of one file. */
static void add_file(struct bytes *b, const char *name, const void *data, size_t size)
{
	struct bootpart part = { 0 };

	must(bootpart_add(&part, name, S_IFREG | 0644, 0, 0, data, size));
	must(bootpart_finish(&part));
	bytes_add(b, part.data, part.size);
	bootpart_free(&part);
}

static void make_xz(struct bytes *b)
{
	const struct xz_recipe recipe = { .n_blocks = 1, .check = LZMA_CHECK_CRC32 };

	add_stream(b, &recipe, "some text", 9);
}

static int open_bytes(const struct bytes *b, struct image *ret, struct fail *f)
{
	put_data(dir, "image", b->data, b->size, 0644);
	return image_open(image_path(), ret, f);
}

static bool payload_is(const struct image *image, const struct bytes *want)
{
	uint8_t buf[4096];
	size_t have = 0;
	ssize_t n;

	while ((n = payload_read(&image->payload, have, buf + have, sizeof(buf) - have)) > 0)
		have += (size_t)n;
	return n == 0 && have == want->size && memcmp(buf, want->data, have) == 0;
}

static void test_good(void)
{
	struct bytes xz = { 0 }, b = { 0 };
	struct image image;
	struct fail f;

	make_xz(&xz);
	make_boot_part(&b, xz.size);
	add_file(&b, "rootfs.tar.xz", xz.data, xz.size);
	is_int(open_bytes(&b, &image, &f), 0, "an image");
	ok(image.has_manifest && image.manifest.members == 7, "its manifest");
	ok(image.n_members == 5 && strcmp(image.members[2].name, "init") == 0 &&
		   image.members[2].mode == (S_IFREG | 0755) && image.members[2].size == 7,
	   "its members");
	ok(payload_is(&image, &xz), "its payload");
	image_close(&image);
	bytes_free(&b);

	bytes_add(&b, xz.data, xz.size);
	is_int(open_bytes(&b, &image, &f), 0, "a bare .tar.xz");
	ok(!image.has_manifest && image.n_members == 0 && payload_is(&image, &xz),
	   "is all payload");
	image_close(&image);
	bytes_free(&b);
	bytes_free(&xz);
}

static void test_spellings(void)
{
	static const char *const names[] = { "rootfs.tar.xz", "/rootfs.tar.xz", "./rootfs.tar.xz" };
	struct bytes xz = { 0 };
	struct image image;
	struct fail f;

	make_xz(&xz);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct bytes b = { 0 };

		make_boot_part(&b, xz.size);
		add_file(&b, names[i], xz.data, xz.size);
		bytes_add(&b, "\0\0\0\0\0\0\0\0", 8);
		if (is_int(open_bytes(&b, &image, &f), 0, "a payload called %s", names[i])) {
			ok(payload_is(&image, &xz), "is found");
			image_close(&image);
		}
		bytes_free(&b);
	}
	bytes_free(&xz);
}

static void test_parts(void)
{
	struct bytes xz = { 0 }, b = { 0 };
	struct image image;
	struct fail f;

	make_xz(&xz);
	make_boot_part(&b, xz.size);
	add_file(&b, "rootfs.tar.xz.000", xz.data, 21);
	add_file(&b, "rootfs.tar.xz.001", xz.data + 21, xz.size - 21);
	if (is_int(open_bytes(&b, &image, &f), 0, "a payload in two parts")) {
		ok(image.payload.n_parts == 2 && payload_is(&image, &xz), "is one");
		image_close(&image);
	}
	bytes_free(&b);
	bytes_free(&xz);
}

static void read_member_text(const struct image *image, const char *name, char ret[8])
{
	const struct image_member *m = image_find_member(image, name);

	memset(ret, 0, 8);
	if (m && m->size < 8)
		must(image_read(image, m->offset, ret, (size_t)m->size));
}

/* Where two archives have a file of one name, the kernel leaves that of the last. */
static void test_later_wins(void)
{
	struct bytes xz = { 0 }, b = { 0 };
	struct image image;
	struct fail f;
	char text[8];

	make_xz(&xz);
	make_boot_part(&b, xz.size + 4);
	add_file(&b, "rootfs.tar.xz", "damaged", 7);
	add_file(&b, "tarboot/layers/a.tar.manifest", "first", 5);
	add_file(&b, "tarboot/layers/a.tar.manifest", "second", 6);
	make_boot_part(&b, xz.size);
	add_file(&b, "rootfs.tar.xz", xz.data, xz.size);
	add_file(&b, "init", "later", 5);
	if (is_int(open_bytes(&b, &image, &f), 0, "an image behind another one")) {
		ok(payload_is(&image, &xz), "its payload is the last");
		is_int((long long)image.manifest.payload_bytes, (long long)xz.size,
		       "its manifest is the last");
		read_member_text(&image, "tarboot/layers/a.tar.manifest", text);
		is_str(text, "second", "the manifest of a layer is the last");
		read_member_text(&image, "init", text);
		is_str(text, "later", "/init is the last");
		image_close(&image);
	}
	bytes_free(&b);
	bytes_free(&xz);
}

/* ---- what is refused ---- */

static void refuse(const struct bytes *b, const char *why, const char *what)
{
	int before = count_descriptors();
	struct image image;
	struct fail f = { 0 };

	if (!ok(open_bytes(b, &image, &f) < 0, "refused: %s", what))
		image_close(&image);
	else
		ok(*f.what && strstr(f.why, why), "because: %s", f.why);
	is_int(count_descriptors(), before, "no descriptor is left open");
}

/* Cut anywhere: what is there is read, what is missing is missed. Between two archives an image
 * without payload is left, which is refused as that. */
static void test_cuts(void)
{
	struct bytes xz = { 0 }, b = { 0 }, cut;
	unsigned accepted = 0;
	size_t end;

	make_xz(&xz);
	make_boot_part(&b, xz.size);
	end = b.size + cpio_head_size(strlen("rootfs.tar.xz")) + xz.size;
	add_file(&b, "rootfs.tar.xz", xz.data, xz.size);
	cut = b;
	for (cut.size = 0; cut.size < end; cut.size += 1 + cut.size % 7) {
		struct image image;
		struct fail f = { 0 };

		if (open_bytes(&cut, &image, &f) == 0) {
			image_close(&image);
			accepted++;
		} else if (!*f.what || !*f.why) {
			accepted++;
		}
	}
	is_int(accepted, 0, "cut at any length, it is refused, with a reason");
	bytes_free(&b);
	bytes_free(&xz);
}

static void test_bad(void)
{
	struct bytes xz = { 0 }, b = { 0 };

	make_xz(&xz);
	refuse(&b, "empty", "nothing");
	bytes_add(&b,
		  "\x1f\x8b\x08\0\0\0\0\0 a gzip file of some length, to have a header's size. "
		  "And a little more than that, for sure, for sure.",
		  110);
	refuse(&b, "it is compressed by gzip", "a gzip file");
	b.size = 0;
	make_boot_part(&b, 1);
	refuse(&b, "rootfs.tar.xz", "an image without payload");
	bytes_add(&b, "garbage behind the trailer", 26);
	refuse(&b, "", "garbage behind the trailer");
	b.size = 0;
	add_file(&b, "tarboot/manifest", "nonsense\n", 9);
	add_file(&b, "rootfs.tar.xz", xz.data, xz.size);
	refuse(&b, "manifest", "a manifest that is none");
	b.size = 0;
	add_file(&b, "tarboot/manifest", "format=3\n", 9);
	add_file(&b, "rootfs.tar.xz", xz.data, xz.size);
	refuse(&b, "newer", "a manifest of a later version");
	b.size = 0;
	bytes_free(&b);
	bytes_free(&xz);
}

/* The manifest's word against the payload's length, in one part or several. */
static void test_wrong_size(void)
{
	struct bytes xz = { 0 }, b = { 0 };

	make_xz(&xz);
	make_boot_part(&b, xz.size + 4);
	add_file(&b, "rootfs.tar.xz.000", xz.data, xz.size);
	refuse(&b, "manifest", "a payload in parts, shorter than the manifest says");
	b.size = 0;
	make_boot_part(&b, xz.size + 4);
	add_file(&b, "rootfs.tar.xz", xz.data, xz.size);
	refuse(&b, "manifest", "a payload shorter than the manifest says");
	b.size = 0;
	make_boot_part(&b, xz.size - 4);
	add_file(&b, "rootfs.tar.xz", xz.data, xz.size);
	refuse(&b, "manifest", "a payload longer than the manifest says");
	bytes_free(&b);
	bytes_free(&xz);
}

/* Numbers in headers that lead out of the file. */
static void test_hostile_headers(void)
{
	static const struct {
		const char *what;
		size_t field; /* of the thirteen */
		const char *digits;
	} changes[] = {
		{ "a member of 4 GiB", 6, "FFFFFFFF" },
		{ "a member one byte too long", 6, "00001000" },
		{ "a name of 4 GiB", 11, "FFFFFFFF" },
		{ "a name of no bytes", 11, "00000000" },
		{ "a name longer than the file", 11, "00000FFF" },
		{ "a digit that is none", 5, "0000000G" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		struct bytes b = { 0 };

		add_file(&b, "rootfs.tar.xz", "data", 4);
		memcpy(b.data + 6 + changes[i].field * 8, changes[i].digits, 8);
		refuse(&b, "", changes[i].what);
		bytes_free(&b);
	}
}

static void test_not_files(void)
{
	char path[5000];
	struct image image;
	struct fail f = { 0 };

	snprintf(path, sizeof(path), "%s/image/missing", scratch_base);
	ok(image_open(path, &image, &f) == -ENOENT && *f.why, "a file that is not there");
	snprintf(path, sizeof(path), "%s/image", scratch_base);
	ok(image_open(path, &image, &f) < 0 && *f.why, "a directory: %s", f.why);
}

int main(void)
{
	dir = scratch_dir("image");
	test_good();
	test_spellings();
	test_parts();
	test_later_wins();
	test_cuts();
	test_bad();
	test_wrong_size();
	test_hostile_headers();
	test_not_files();
	return done_testing();
}
