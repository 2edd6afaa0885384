/* Where distributions and the kernel's own build keep configurations. */
#include "kernel/kernel_config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/utsname.h>

#include "base/decompress.h"
#include "kernel/kconfig.h"
#include "kernel/kernel.h"
#include "kernel/kernel_image.h"
#include "base/read_all.h"
#include "base/util.h"

#define CONFIG_MAX (16 << 20)
#define VMLINUX_MAX (1 << 30)

/* ---- inside a kernel ---- */

/* A configuration as it is, or between the marks of the kernel's kernel/configs.c. *ret stays NULL when there is
 * none. */
static int find_text(struct span from, char **ret)
{
	const char *at = from.data, *end = from.data + from.size, *mark;
	size_t size;
	int r;

	if (kconfig_is(from.data)) {
		*ret = strdup(from.data);
		return *ret ? 0 : -ENOMEM;
	}
	while (!*ret && (at = memmem(at, (size_t)(end - at), "IKCFG_ST\x1f\x8b", 10))) {
		at += 8;
		size = (size_t)(end - at);
		mark = memmem(at, size, "IKCFG_ED", 8);
		r = decompress(at, mark ? (size_t)(mark - at) : size, CONFIG_MAX, ret, &size);
		if (r == -ENOMEM)
			return r;
		if (r == 0 && kconfig_is(*ret))
			return 0;
		free(*ret);
		*ret = NULL;
	}
	return 0;
}

/* What is not compressed goes through as it is. */
static int find_in_file(const char *path, struct span file, char **ret, struct fail *f)
{
	struct span part = kernel_image_compressed(file);
	_cleanup_free_ char *data = NULL;
	size_t size;
	int r = decompress(part.data, part.size, VMLINUX_MAX, &data, &size);

	if (r == -EBADMSG && !size)
		return fail_set(f, EBADMSG, path,
				"Install the program that decompresses it (gzip, bzip2, lz4, lzop, "
				"zstd), or give its configuration.",
				"it is neither a kernel configuration nor a kernel that can be "
				"decompressed here");
	if (r == 0 || r == -EBADMSG)
		r = find_text((struct span){ data, size }, ret);
	return r < 0 ? fail_errno(f, r, path, "cannot look for a configuration in it") : 0;
}

/* ---- files ---- */

static int read_config(int fd, const char *path, struct kernel_config *ret, struct fail *f)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0;
	int r = read_all(fd, &data, &size);

	if (r < 0)
		return fail_errno(f, r, path, "cannot read it");
	if (size == 0)
		return fail_set(f, EBADMSG, path,
				"Give a whole kernel, or the file config-RELEASE of its package.",
				"it is empty");
	snprintf(ret->path, sizeof(ret->path), "%s", path);
	return find_in_file(path, (struct span){ data, size }, &ret->text, f);
}

static int open_file(const char *path, struct kernel_config *ret, struct fail *f)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? fail_errno(f, errno, path, "cannot open it")
		      : read_config(fd, path, ret, f);
}

static int open_named(const char *directory, size_t length, const char *name,
		      struct kernel_config *ret, struct fail *f)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%.*s%s", (int)length, directory, name) >= PATH_MAX ||
	    access(path, F_OK) < 0)
		return 0;
	return open_file(path, ret, f);
}

/* Kernels that do not hold it have it beside them: config-REL, whatever their own name, or vmlinuz-X and config-X. */
static int open_beside(const char *path, struct kernel_config *ret, struct fail *f)
{
	static const char *const kinds[] = { "vmlinuz", "bzImage", "kernel", "Image" };
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	struct kernel_image image;
	char config[NAME_MAX + 1];
	int r = 0;

	if (fd >= 0 && kernel_image_read(fd, path, &image, f) == 0 && *image.release) {
		snprintf(config, sizeof(config), "config-%s", image.release);
		r = open_named(path, (size_t)(name - path), config, ret, f);
	}
	for (size_t i = 0; r == 0 && !ret->text && i < ARRAY_SIZE(kinds); i++) {
		size_t n = strlen(kinds[i]);

		if (strncmp(name, kinds[i], n) != 0)
			continue;
		snprintf(config, sizeof(config), "config%s", name + n);
		r = open_named(path, (size_t)(name - path), config, ret, f);
	}
	return r;
}

/* A configuration, or a kernel: one that cannot be unpacked may still have it beside it. */
static int open_kernel(const char *path, struct kernel_config *ret, struct fail *f)
{
	struct fail inside;
	int r = open_file(path, ret, &inside), beside;

	if (r == 0 && ret->text)
		return 0;
	beside = open_beside(path, ret, f);
	if (beside < 0 || ret->text)
		return beside;
	if (r < 0)
		*f = inside;
	return r;
}

/* ---- roots ---- */

static const struct place {
	const char *directory, *before, *behind; /* of the release in the file's name */
} places[] = {
	{ "boot", "config-", "" },  { "lib/modules", "", "/config" },  { ".", "config-", "" },
	{ "boot", "vmlinuz-", "" }, { "lib/modules", "", "/vmlinuz" }, { ".", "vmlinuz-", "" },
	{ "boot", "Image-", "" },   { "lib/modules", "", "/Image" },   { ".", "Image-", "" },
};

struct newest {
	const struct root_files *root;
	const struct place *place;
	char release[256]; /* "": none so far */
};

static int compare_release(void *arg, const char *name, bool is_directory)
{
	struct newest *n = arg;
	const struct place *p = n->place;
	size_t before = strlen(p->before);
	char path[PATH_MAX];

	(void)is_directory;
	if (*name == '.' || strncmp(name, p->before, before) != 0 || kernel_is_spare(name))
		return 0;
	snprintf(path, sizeof(path), "%s/%s%s", p->directory, name, p->behind);
	if (root_files_has(n->root, path) &&
	    (!*n->release || kernel_release_compare(name + before, n->release) > 0))
		snprintf(n->release, sizeof(n->release), "%s", name + before);
	return 0;
}

void kernel_config_read_modules(struct kernel_config *c, const struct root_files *root,
				const char *release)
{
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];
	size_t size;

	if (c->modules || !*release)
		return;
	snprintf(path, sizeof(path), "lib/modules/%s/modules.dep", release);
	fd = root->open(root, path, UINT64_MAX);
	if (fd >= 0)
		(void)read_all(fd, &c->modules, &size);
}

static int open_at_place(const struct root_files *root, const struct place *p, const char *release,
			 struct kernel_config *ret, struct fail *f)
{
	struct newest newest = { .root = root, .place = p }; /* of which there is a file */
	_cleanup_close_ int fd = -1;
	char path[PATH_MAX];

	if (!release) {
		(void)root->list(root, p->directory, compare_release, &newest);
		release = newest.release;
	}
	snprintf(path, sizeof(path), "%s/%s%s%s", p->directory, p->before, release, p->behind);
	fd = *release ? root->open(root, path, UINT64_MAX) : -1;
	if (fd < 0)
		return 0;
	kernel_config_read_modules(ret, root, release);
	return read_config(fd, strncmp(path, "./", 2) == 0 ? path + 2 : path, ret, f);
}

int kernel_config_of_root(const struct root_files *root, const char *release,
			  struct kernel_config *ret, struct fail *f)
{
	int r = 0;

	*ret = (struct kernel_config){ 0 };
	for (size_t i = 0; r == 0 && !ret->text && i < ARRAY_SIZE(places); i++)
		r = open_at_place(root, &places[i], release, ret, f);
	if (r == 0 && !ret->text)
		r = fail_set(f, ENOENT, "the configuration of the kernel",
			     "Give the file config-RELEASE of the kernel's package, or use a "
			     "kernel with "
			     "CONFIG_IKCONFIG=y.",
			     "it is neither in boot nor in lib/modules, and no kernel there "
			     "contains it");
	return r;
}

/* ---- all kinds ---- */

static int open_directory(const char *path, struct kernel_config *ret, struct fail *f)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct root_files root = root_files_at(fd);
	char of_build[PATH_MAX];

	if (fd < 0)
		return fail_errno(f, errno, path, "cannot open it");
	snprintf(of_build, sizeof(of_build), "%s/.config", path);
	if (access(of_build, F_OK) == 0)
		return open_file(of_build, ret, f);
	return kernel_config_of_root(&root, NULL, ret, f);
}

static int open_running(struct kernel_config *ret, struct fail *f)
{
	_cleanup_close_ int fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct root_files root = root_files_at(fd);
	struct utsname running;

	if (fd < 0 || uname(&running) < 0)
		return fail_errno(f, errno, "/", "cannot open it");
	if (access("/proc/config.gz", R_OK) < 0)
		return kernel_config_of_root(&root, running.release, ret, f);
	kernel_config_read_modules(ret, &root, running.release);
	return open_file("/proc/config.gz", ret, f);
}

int kernel_config_open(const char *path, struct kernel_config *ret, struct fail *f)
{
	bool is_running = strcmp(path, "auto") == 0;
	struct stat st;
	int r;

	*ret = (struct kernel_config){ 0 };
	if (!is_running && stat(path, &st) < 0)
		return fail_errno(f, errno, path, "cannot open it");
	if (is_running)
		r = open_running(ret, f);
	else if (S_ISDIR(st.st_mode))
		r = open_directory(path, ret, f);
	else
		r = open_kernel(path, ret, f);
	if (r == 0 && !ret->text)
		r = fail_set(
			f, ENOENT, path,
			"Give the file config-RELEASE of the kernel's package, or build the kernel "
			"with CONFIG_IKCONFIG=y.",
			"it is not a kernel configuration, and contains none");
	return r;
}

void kernel_config_close(struct kernel_config *c)
{
	free(c->text);
	free(c->modules);
}
