/* Which files of a root are kernels, and which releases have modules. */
#include "kernel.h"

#include <errno.h>

#include "tap.h"

static const struct {
	const char *path, *release; /* NULL: no kernel */
} images[] = {
	{ "boot/vmlinuz-6.1.0-30-amd64", "6.1.0-30-amd64" },
	{ "./boot/vmlinuz-6.1.0-30-amd64", "6.1.0-30-amd64" },
	{ "/boot/vmlinuz-6.1", "6.1" },
	{ ".//boot/vmlinuz-6.1", "6.1" },
	{ "././boot/vmlinuz-6.1", "6.1" },
	{ "lib/modules/6.1/vmlinuz", "6.1" },
	{ "usr/lib/modules/6.12.0-100.fc41.x86_64/vmlinuz", "6.12.0-100.fc41.x86_64" },
	{ "boot/vmlinuz-a-b_c.d", "a-b_c.d" },
	{ "boot/vmlinuz", NULL },
	{ "boot/vmlinuz-", NULL },
	{ "boot/vmlinux-6.1", NULL },
	{ "boot/initrd.img-6.1", NULL },
	{ "boot/efi/vmlinuz-6.1", NULL },
	{ "boot/vmlinuz-6.1/x", NULL },
	{ "old/boot/vmlinuz-6.1", NULL },
	{ "vmlinuz-6.1", NULL },
	{ "vmlinuz", NULL },
	{ "lib/modules/vmlinuz", NULL },
	{ "lib/modules//vmlinuz", NULL },
	{ "lib/modules/6.1/kernel/vmlinuz", NULL },
	{ "lib/modules/6.1/vmlinuz.old", NULL },
	{ "usr/lib/debug/lib/modules/6.1/vmlinuz", NULL },
	{ "", NULL },
	{ "/", NULL },
};

static void test_images(void)
{
	char release[64];

	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		bool found = kernel_release_of_image(images[i].path, release);

		ok(found == (images[i].release != NULL), "'%s' is %s kernel", images[i].path,
		   images[i].release ? "a" : "no");
		if (found && images[i].release)
			is_str(release, images[i].release, "of that release");
	}
}

static void test_long_release(void)
{
	char path[128] = "boot/vmlinuz-", release[64];

	memset(path + 13, 'r', 63);
	ok(kernel_release_of_image(path, release) && strlen(release) == 63,
	   "a release of 63 bytes");
	path[13 + 63] = 'r';
	ok(!kernel_release_of_image(path, release), "one of 64 is none");
}

static void test_modules(void)
{
	static const char *const paths[] = {
		"lib/modules",          "lib/modules/",      "lib/modules/6.1",
		"lib/modules/6.1/",     "./lib/modules/6.2", "lib/modules/6.1/x",
		"/usr/lib/modules/6.3", "modules/6.4",
	};
	struct manifest m = { .n_kernels = 0 };

	kernel_note_modules(paths[0], &m);
	kernel_note_modules(paths[1], &m);
	is_int(m.n_kernels, 0, "the directory of all modules is no release");
	kernel_note_modules(paths[2], &m);
	is_str(m.kernels[0], "6.1", "a release");
	kernel_note_modules(paths[4], &m);
	kernel_note_modules(paths[5], &m);
	kernel_note_modules(paths[6], &m);
	kernel_note_modules(paths[7], &m);
	ok(m.n_kernels == 3 && !strcmp(m.kernels[1], "6.2") && !strcmp(m.kernels[2], "6.3"),
	   "others, wherever lib is");
	m.n_kernels = 1;
	kernel_note_modules(paths[3], &m);
	is_str(m.kernels[1], "6.1", "with a slash at its end");
}

static void test_many_modules(void)
{
	struct manifest m = { .n_kernels = 0 };
	char path[64];

	for (int i = 0; i < MANIFEST_KERNELS_MAX + 5; i++) {
		snprintf(path, sizeof(path), "lib/modules/6.%d", i);
		kernel_note_modules(path, &m);
	}
	is_int(m.n_kernels, MANIFEST_KERNELS_MAX, "no more releases than there is room for");
	ok(!strcmp(m.kernels[0], "6.0") && !strcmp(m.kernels[MANIFEST_KERNELS_MAX - 1], "6.7"),
	   "the first ones stay");
}

int main(void)
{
	test_images();
	test_long_release();
	test_modules();
	test_many_modules();
	return done_testing();
}
