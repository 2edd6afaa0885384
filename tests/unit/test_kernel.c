/* Where a root keeps kernels, what their heads say, and which of them is booted. */
#include "kernel/kernel.h"

#include <elf.h>
#include <errno.h>

#include "scratch.h"

/* ---- places ---- */

static const char *const places[] = {
	"boot/vmlinuz-6.1.0-30-amd64",
	"./boot/vmlinuz-6.1.0-30-amd64",
	"/boot/vmlinuz-6.1",
	"boot/vmlinuz",
	"boot/vmlinuz-lts",
	"boot/vmlinuz-virt",
	"boot/vmlinuz-linux",
	"boot/vmlinuz.old",
	"boot/bzImage",
	"boot/bzImage-6.1",
	"boot/kernel-6.6.21-gentoo-dist",
	"boot/Image-6.4.0-default",
	"boot/0123456789abcdef/6.8.0/linux",
	"boot/efi/0123456789abcdef/6.8.0/linux",
	"efi/0123456789abcdef/6.8.0/linux",
	"lib/modules/6.1/vmlinuz",
	"usr/lib/modules/6.12.0-100.fc41.x86_64/vmlinuz",
	"usr/lib/modules/6.12.3-1-default/Image",
};

static const char *const others[] = {
	"boot/vmlinux-6.1",
	"boot/initrd.img-6.1",
	"boot/config-6.1",
	"boot/System.map-6.1",
	"boot/memtest86+x64.bin",
	"boot/efi/vmlinuz-6.1",
	"boot/vmlinuz-6.1/x",
	"boot/grub/vmlinuz-6.1",
	"old/boot/vmlinuz-6.1",
	"vmlinuz-6.1",
	"vmlinuz",
	"lib/modules/vmlinuz",
	"lib/modules/6.1/kernel/vmlinuz",
	"lib/modules/6.1/kernel/Image",
	"usr/lib/debug/lib/modules/6.1/vmlinuz",
	"",
	"/",
};

static void test_places(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		ok(kernel_is_place(places[i]), "%s may be a kernel", places[i]);
	for (size_t i = 0; i < ARRAY_SIZE(others); i++)
		ok(!kernel_is_place(others[i]), "'%s' may not", others[i]);
}

static void test_spare(void)
{
	static const char *const spare[] = {
		"boot/vmlinuz.old",
		"boot/vmlinuz-6.1.old",
		"boot/vmlinuz-6.1.dpkg-bak",
		"boot/vmlinuz-6.1.dpkg-new",
		"boot/vmlinuz-6.1~",
		"boot/vmlinuz-6.1.rpmsave",
		"boot/vmlinuz-0-rescue-0123",
		"boot/vmlinuz-5.14.0-427.el9.x86_64+debug",
		"lib/modules/6.1-debug/vmlinuz",
	};
	static const char *const good[] = { "boot/vmlinuz", "boot/vmlinuz-6.1.0-30-amd64",
					    "boot/vmlinuz-6.8.0-golden", "boot/bzImage" };

	for (size_t i = 0; i < ARRAY_SIZE(spare); i++)
		ok(kernel_is_spare(spare[i]), "%s is not to be booted", spare[i]);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ok(!kernel_is_spare(good[i]), "%s is", good[i]);
}

/* ---- releases ---- */

static void test_order(void)
{
	static const char *const rising[] = {
		"",
		"2.6.39",
		"5.10.0-33-amd64",
		"6.1.0-9-amd64",
		"6.1.0-10-amd64",
		"6.1.9",
		"6.1.10",
		"6.9",
		"6.10-rc3",
		"6.10-rc10",
		"6.10",
		"6.10-1-pve",
		"6.10.1-rc1",
		"6.10.1",
		"6.11.0-061100rc3-generic",
		"6.11.0-061100-generic",
		"6.12.0-0.rc3.20241018git.1.fc42.x86_64",
		"6.12.0-65.fc42.x86_64",
		"10.0",
	};

	for (size_t i = 0; i + 1 < ARRAY_SIZE(rising); i++)
		for (size_t k = i + 1; k < ARRAY_SIZE(rising); k++)
			ok(kernel_release_compare(rising[i], rising[k]) < 0 &&
				   kernel_release_compare(rising[k], rising[i]) > 0,
			   "'%s' is older than %s", rising[i], rising[k]);
	is_int(kernel_release_compare("6.1.0-9-amd64", "6.1.0-9-amd64"), 0, "the same");
	is_int(kernel_release_compare("6.10", "6.10.0"), 0, "a zero that is not written");
	is_int(kernel_release_compare("6.10-rc3", "6.10.0-rc3"), 0, "nor before rc");
}

/* ---- heads ---- */

#define HEAD_SIZE 0x400

/* The head of a bzImage, of a protocol that tells 64 bits apart when flags is not negative. */
static struct span bzimage(char head[HEAD_SIZE], const char *release, int flags)
{
	memset(head, 0, HEAD_SIZE);
	memcpy(head + 0x202, "HdrS", 4);
	head[0x206] = 0x0f;
	head[0x207] = flags < 0 ? 1 : 2;
	head[0x20f] = 1; /* the text is 0x100 bytes behind 0x200 */
	head[0x236] = (char)(flags < 0 ? 0 : flags);
	snprintf(head + 0x300, 0x100, "%s (user@host) #1 SMP", release);
	return (struct span){ head, HEAD_SIZE };
}

static void parses(const char *name, struct span file, int machine, const char *release)
{
	char *copy = exact_copy(file.data, file.size);
	struct kernel_image image;

	ok(kernel_image_parse((struct span){ copy, file.size }, &image), "%s is a kernel", name);
	is_int(image.machine, machine, "its machine");
	is_str(image.release, release, "its release");
	free(copy);
}

static void test_heads(void)
{
	static char data[HEAD_SIZE], text[4096];
	struct span s = bzimage(data, "6.1.0-30-amd64", 1);

	parses("a bzImage", s, EM_X86_64, "6.1.0-30-amd64");
	parses("a bzImage that is cut", (struct span){ data, 0x206 }, EM_X86_64, "");
	parses("one cut in its release", (struct span){ data, 0x304 }, EM_X86_64, "");
	parses("one for 32 bits", bzimage(data, "6.1", 0), EM_386, "6.1");
	parses("an old one", bzimage(data, "2.6.18", -1), EM_X86_64, "2.6.18");
	parses("one whose release is none", bzimage(data, "../../x", 1), EM_X86_64, "");
	memset(text, 'r', 70);
	text[0] = '6';
	text[70] = '\0';
	parses("one whose release is too long", bzimage(data, text, 1), EM_X86_64, "");
	text[63] = '\0';
	parses("one whose release is just not", bzimage(data, text, 1), EM_X86_64, text);

	memset(text, 0, sizeof(text));
	memcpy(text, "MZ", 2);
	memcpy(text + 0x38, "ARM\x64", 4);
	parses("an Image", (struct span){ text, 100 }, EM_AARCH64, "");
	strcpy(text + 1000, "Linux version %s");
	strcpy(text + 2000, "Linux version 6.12.5-arm64 (x@y)");
	parses("an Image with its banner", (struct span){ text, sizeof(text) }, EM_AARCH64,
	       "6.12.5-arm64");
	memcpy(text, "MZ\0\0zimg", 8);
	text[0x3c] = 0x40;
	text[0x38] = 0;
	memcpy(text + 0x40, "PE\0\0\x64\xaa", 6);
	parses("EFI's compressed one", (struct span){ text, sizeof(text) }, EM_AARCH64, "");
	memset(text, 0, 0x60);
	memcpy(text, ELFMAG, SELFMAG);
	text[18] = EM_X86_64;
	parses("vmlinux", (struct span){ text, sizeof(text) }, EM_X86_64, "6.12.5-arm64");
}

static void test_no_kernels(void)
{
	static const struct span files[] = {
		{ "", 0 },
		{ "root:x:0:0:root:/root:/bin/bash\n", 32 },
		{ "MZ\0\0", 4 },
		{ "\x7f"
		  "ELF\2\1\1",
		  7 },
		{ "Linux version 6.1 ", 18 },
		{ "\x1f\x8b\x08\0", 4 },
	};
	struct kernel_image image;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		int fd = data_file(files[i].data, files[i].size);
		int r = kernel_image_read(fd, "k", &image, &f);

		is_int(r, -ENOEXEC, "no kernel (%zu)", i);
		is_str(f.why, "it is not a Linux kernel", "the sentence");
		close(fd);
	}
}

/* What is read once more must be what was looked at: a copy of it is booted. */
static void test_load(void)
{
	static char head[HEAD_SIZE];
	struct span s = bzimage(head, "6.1", 1);
	int fd = data_file(s.data, s.size);
	struct kernel_image image;
	char *data = NULL;
	size_t size = 0;
	struct fail f;

	is_int(kernel_image_read(fd, "k", &image, &f), 0, "a kernel is looked at");
	is_int(kernel_image_load(fd, "k", &image, &data, &size, &f), 0, "and read");
	ok(size == s.size && memcmp(data, s.data, size) == 0, "all of it, as it is");
	free(data);
	must(pwrite(fd, "x", 1, HEAD_SIZE - 1));
	is_int(kernel_image_load(fd, "k", &image, &data, &size, &f), -EBUSY,
	       "one that was written since");
	is_str(f.why, "this kernel has changed while it was read", "the sentence");
	close(fd);
}

/* ---- the choice ---- */

static void add(struct kernel_list *l, int root, const char *path, const char *release)
{
	static char head[HEAD_SIZE];
	struct root_files files = root_files_at(root);
	struct span s = bzimage(head, release, 1);
	struct fail f;

	put_data(root, path, s.data, s.size, 0644);
	is_int(kernel_list_add(l, &files, path, &f), 0, "%s is taken", path);
}

static void test_release_of_path(void)
{
	static const char *const releases[][2] = {
		{ "boot/vmlinuz-6.1.0-30-amd64", "6.1.0-30-amd64" },
		{ "boot/vmlinuz-linux", "" },
		{ "boot/Image-6.12.3-1-default", "6.12.3-1-default" },
		{ "lib/modules/6.12.3-1-default/vmlinuz", "6.12.3-1-default" },
		{ "lib/modules/6.12.3-1-default/Image", "6.12.3-1-default" },
	};
	int root = scratch_dir("silent");
	struct kernel_list l = { 0 };

	must(mkdirat(root, "boot", 0755));
	must(mkdirat(root, "lib", 0755));
	must(mkdirat(root, "lib/modules", 0755));
	must(mkdirat(root, "lib/modules/6.12.3-1-default", 0755));
	for (size_t i = 0; i < ARRAY_SIZE(releases); i++) {
		add(&l, root, releases[i][0], "");
		is_str(l.files[i].image.release, releases[i][1], "the release that its path says");
	}
	kernel_list_free(&l);
	close(root);
}

static void chooses(const struct kernel_list *l, int root, const char *path, const char *why)
{
	struct root_files files = root_files_at(root);
	const struct kernel_file *passed, *k = kernel_list_choose(l, &files, &passed);

	is_str(k ? k->path : "", path, "%s", why);
}

static void test_choice(void)
{
	int root = scratch_dir("root");
	struct root_files files = root_files_at(root);
	struct kernel_list l = { 0 };
	const struct kernel_file *passed;

	must(mkdirat(root, "boot", 0755));
	must(mkdirat(root, "lib", 0755));
	must(mkdirat(root, "lib/modules", 0755));
	chooses(&l, root, "", "of none, none");
	ok(!kernel_list_choose(&l, &files, &passed) && !passed, "nor one that is passed over");
	add(&l, root, "boot/vmlinuz-6.9.old", "6.9");
	chooses(&l, root, "", "never an old one");
	ok(!kernel_list_choose(&l, &files, &passed) && passed, "which is passed over");
	add(&l, root, "boot/vmlinuz-debug", "6.9");
	add(&l, root, "boot/vmlinuz-x", "6.9+debug");
	chooses(&l, root, "", "nor one for debugging, by name or head");
	add(&l, root, "boot/vmlinuz-9.9", "6.1");
	add(&l, root, "boot/vmlinuz-lts", "6.10-rc3");
	chooses(&l, root, "boot/vmlinuz-lts", "the newest by its head, not by its name");
	add(&l, root, "boot/vmlinuz", "6.10");
	chooses(&l, root, "boot/vmlinuz", "6.10-rc3 is not newer than 6.10");
	must(mkdirat(root, "lib/modules/6.10", 0755));
	must(mkdirat(root, "lib/modules/6.1", 0755));
	must(mkdirat(root, "lib/modules/6.1/kernel", 0755));
	chooses(&l, root, "boot/vmlinuz-9.9", "one that has its modules before newer ones");
	ok(kernel_has_modules(&files, "6.1") && !kernel_has_modules(&files, "6.10") &&
		   !kernel_has_modules(&files, ""),
	   "an empty directory is none of modules");
	kernel_list_free(&l);
	close(root);
}

static void test_choice_for_i386(void)
{
	static char head[HEAD_SIZE];
	int root = scratch_dir("i386");
	struct root_files files = root_files_at(root);
	struct kernel_list l = { 0 };
	struct span s = bzimage(head, "6.1.0-30-686-pae", 0);
	struct fail f;

	must(mkdirat(root, "boot", 0755));
	must(mkdirat(root, "lib", 0755));
	must(mkdirat(root, "lib/modules", 0755));
	must(mkdirat(root, "lib/modules/6.1.0-30-686-pae", 0755));
	must(mkdirat(root, "lib/modules/6.1.0-30-686-pae/kernel", 0755));
	put_data(root, "boot/vmlinuz-pae", s.data, s.size, 0644);
	is_int(kernel_list_add(&l, &files, "boot/vmlinuz-pae", &f), 0, "one for i386 is taken");
	chooses(&l, root, "boot/vmlinuz-pae", "and chosen where there is no other");
	add(&l, root, "boot/vmlinuz-amd64", "6.1.0-9-amd64");
	chooses(&l, root, "boot/vmlinuz-amd64", "but not before an older one without modules");
	kernel_list_free(&l);
	close(root);
}

static void test_modules(void)
{
	int root = scratch_dir("many");
	struct root_files files = root_files_at(root);
	struct manifest m = { .n_kernels = 3 };
	char path[64];

	kernel_find_modules(&files, &m);
	is_int(m.n_kernels, 0, "a root without modules");
	must(mkdirat(root, "usr", 0755));
	must(mkdirat(root, "usr/lib", 0755));
	must(mkdirat(root, "usr/lib/modules", 0755));
	must(symlinkat("usr/lib", root, "lib"));
	put_file(root, "usr/lib/modules/file", "", 0644);
	for (int i = 1; i <= MANIFEST_KERNELS_MAX + 4; i++) {
		snprintf(path, sizeof(path), "usr/lib/modules/6.%d", i);
		must(mkdirat(root, path, 0755));
	}
	kernel_find_modules(&files, &m);
	is_int(m.n_kernels, MANIFEST_KERNELS_MAX, "as many as a manifest has");
	is_str(m.kernels[0], "6.12", "the newest first");
	is_str(m.kernels[MANIFEST_KERNELS_MAX - 1], "6.5", "and so on");
	must(mkdirat(root, "usr/lib/modules/6.1/kernel", 0755));
	ok(kernel_has_modules(&files, "6.1") && kernel_has_usr_modules(&files, "6.1"),
	   "two paths to the modules by the link /lib");
	must(unlinkat(root, "lib", 0));
	must(mkdirat(root, "lib", 0755));
	ok(!kernel_has_modules(&files, "6.1") && kernel_has_usr_modules(&files, "6.1"),
	   "one where /lib is a directory");
	kernel_find_modules(&files, &m);
	is_int(m.n_kernels, 0, "which has none");
	close(root);
}

int main(void)
{
	test_places();
	test_spare();
	test_order();
	test_heads();
	test_no_kernels();
	test_load();
	test_release_of_path();
	test_choice();
	test_choice_for_i386();
	test_modules();
	return done_testing();
}
