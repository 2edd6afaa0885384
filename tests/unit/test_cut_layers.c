/* An initramfs that the kernel cut, and its layers: what fails for that says so, and what fails for another reason says that one. */
#include "root/root.h"

#include <linux/magic.h>
#include <sys/klog.h>
#include <sys/statfs.h>

#include "base/console.h"
#include "make_tar.h"
#include "tap.h"
#include "wrap.h"

#define OTHER_DIGEST "#00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define CUT_SIZE (1 << 20) /* of a file without its bytes */
#define NO_ROOM "the kernel had no room to unpack "
#define MISSING NO_ROOM "all of the initramfs: this file is missing"

static struct boot b;
static int directory;
static char layer[1000];
static const char *kernel_says = "";
static unsigned warnings; /* that it was cut */

_printf_(2, 3) void __wrap_console_log(enum log_level level, const char *text, ...);

WRAP(void, console_log, (enum log_level level, const char *text, ...))
{
	warnings += level == LOG_WARNING && strncmp(text, NO_ROOM, strlen(NO_ROOM)) == 0;
}

WRAP(int, klogctl, (int type, char *log, int size))
{
	if (type == 10) /* its size */
		return 128;
	return snprintf(log, (size_t)size, "%s", kernel_says);
}

/* The scratch directory may be on any file system: a file of that size is in the initramfs. */
WRAP(int, LARGE(fstatfs), (int fd, struct statfs *ret))
{
	int r = REAL(LARGE(fstatfs))(fd, ret);
	struct stat st;

	if (r == 0 && fstat(fd, &st) == 0 && st.st_size == CUT_SIZE)
		ret->f_type = TMPFS_MAGIC;
	return r;
}

static void put_layer_as(const char *name)
{
	static const struct made members[] = { MADE(FILE, "motd", .size = 10) };
	struct bytes tar = { 0 };

	make_tar(&tar, members, ARRAY_SIZE(members));
	put_data(directory, name, tar.data, tar.size, 0644);
	free(tar.data);
}

static void put_layer(void)
{
	put_layer_as("l.tar");
}

static void put_cut(const char *name)
{
	int fd = must(openat(directory, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));

	must(ftruncate(fd, CUT_SIZE));
	close(fd);
}

static void remove_all(void)
{
	static const char *const names[] = { "l.tar", "l.tar.000", "l.tar.manifest",
					     "l.tar.manifest.minisig" };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		(void)unlinkat(directory, names[i], 0);
}

/* Fails with that reason, for that file: what stands behind the layer's path. */
static void fails(const char *suffix, const char *why, const char *case_)
{
	char what[sizeof(layer) + 32];

	snprintf(what, sizeof(what), "%s%s", layer, suffix);
	is_str(b.fail.what, what, "%s: what", case_);
	if (!ok(strncmp(b.fail.why, why, strlen(why)) == 0, "%s: why", case_))
		diag("  have \"%s\", want \"%s\"", b.fail.why, why);
	ok(*b.fail.todo, "%s: what to do", case_);
}

/* What tarboot.layer= says of the layer: its path, and what is behind. */
static int find(const char *behind, bool has_keys)
{
	int r;

	memset(&b, 0, sizeof(b));
	b.has_keys = has_keys;
	if (behind)
		snprintf(b.params.layers, sizeof(b.params.layers), "%s%s\n", layer, behind);
	r = root_find_layers(&b);
	for (size_t i = 0; i < b.n_layers; i++) {
		payload_close(&b.layers[i].payload);
		block_list_free(&b.layers[i].blocks);
	}
	free(b.layers);
	return r;
}

static void test_whole(void)
{
	kernel_says = "<6>[    0.1] Freeing initrd memory: 3K\n";
	is_int(find("", false), -ENOENT, "a layer that is missing");
	fails("", "this layer is not in the initramfs", "it");
	is_int(find("?", false), 0, "one that may be missing");
	put_cut("l.tar");
	is_int(find("", false), -ENOSPC, "one without its end, whatever the kernel says");
	fails("", NO_ROOM "it: 0 B of 1.0 MiB are here", "it");
	put_layer();
	is_int(find("", false), 0, "one that is there");
	is_int(find("", true), -EKEYREJECTED, "it has no signature");
	fails(".manifest", "it is not in the initramfs, and the boot part takes no", "that");
	is_int(warnings, 0, "no warning");
	remove_all();
}

static void test_cut(void)
{
	is_int(find("", false), -ENOSPC, "cut: a layer that is missing");
	fails("", MISSING, "it");
	is_int(find("?", false), -ENOSPC, "cut: one that may be missing");
	is_str(b.fail.what, "the initramfs", "where others may be missing, too");
	put_layer();
	is_int(find("", false), -ENOSPC, "cut: one that is there");
	is_str(b.fail.why, NO_ROOM "all of it: layers may be missing", "others may be missing");
	put_cut("l.tar.manifest");
	is_int(find("", false), -ENOSPC, "cut: its manifest has no end");
	fails(".manifest", NO_ROOM "it: 0 B of 1.0 MiB are here", "that");
	(void)unlinkat(directory, "l.tar.manifest", 0);
	is_int(find("", true), -ENOSPC, "cut: its manifest is missing, and must be there");
	fails(".manifest", MISSING, "that");
	put_file(directory, "l.tar.manifest", "format=2\n", 0644);
	is_int(find("", true), -ENOSPC, "cut: its signature is missing");
	fails(".manifest.minisig", MISSING, "that");
	is_int(warnings, 0, "all of that is said by the failure");
	remove_all();
}

/* Of a layer in numbered parts the first ones may be there. */
static void test_parts(void)
{
	const char *cut = kernel_says;

	put_layer_as("l.tar.000");
	is_int(find(OTHER_DIGEST, false), -ENOSPC, "cut: a layer in parts, with another digest");
	is_str(b.fail.why, NO_ROOM "all of it: layers may be missing", "parts may be missing");
	put_file(directory, "l.tar.manifest", "format=2\npayload-bytes=99999\n", 0644);
	is_int(find("", false), -ENOSPC, "cut: a layer in parts, smaller than it should be");
	is_str(b.fail.why, NO_ROOM "all of it: layers may be missing", "parts may be missing");
	put_cut("l.tar.000");
	is_int(find("", false), -ENOSPC, "cut: a part has no end");
	fails("", NO_ROOM "it: 0 B of 1.0 MiB are here", "that");
	remove_all();
	kernel_says = "";
	put_layer_as("l.tar.000");
	is_int(find("", false), 0, "whole: a layer in one part");
	is_int(find(OTHER_DIGEST, false), -EBADMSG, "whole: with another digest");
	fails("", "this layer's digest is ", "it");
	remove_all();
	kernel_says = cut;
}

static void test_other_reasons(void)
{
	put_file(directory, "l.tar", "no archive", 0644);
	ok(find("", false) < 0 && b.fail.error != ENOSPC, "cut, and a layer that is no archive");
	fails("", "it is neither a tar archive nor", "it");
	is_int(warnings, 1, "that the initramfs was cut is a warning");
	put_layer();
	ok(find(OTHER_DIGEST, false) < 0, "cut, and a layer with another digest");
	fails("", "this layer's digest is ", "it");
	put_file(directory, "l.tar.manifest", "no manifest", 0644);
	ok(find("", false) < 0 && b.fail.error != ENOSPC, "cut, and a manifest that is none");
	ok(strncmp(b.fail.why, NO_ROOM, strlen(NO_ROOM)) != 0, "its own reason");
	ok(find("-${hostname}", false) < 0 && b.fail.error != ENOSPC, "cut, and no name");
	ok(strstr(b.fail.why, "hostname") || strstr(b.fail.what, "hostname"), "that is told");
	remove_all();
	is_int(find(NULL, false), 0, "cut, without layers");
	is_int(warnings, 5, "a warning each time");
}

int main(void)
{
	directory = scratch_dir("layers");
	snprintf(layer, sizeof(layer), "%.900s/layers/l.tar", scratch_base);
	test_whole();
	kernel_says = "<6>[    0.1] Initramfs unpacking failed: write error\n";
	test_cut();
	test_parts();
	test_other_reasons();
	kernel_says =
		"<5>[    0.1] rootfs image is not initramfs (write error); looks like an initrd\n";
	is_int(find("", false), -ENOSPC, "what a kernel with ramdisks says");
	fails("", MISSING, "it");
	return done_testing();
}
