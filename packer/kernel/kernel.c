/* Names only tell where to look: what a file is, its head says. */
#include "kernel/kernel.h"

#include <elf.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/glob.h"
#include "base/path.h"
#include "base/util.h"

bool kernel_is_place(const char *path)
{
	static const char *const globs[] = {
		"/boot/vmlinuz",
		"/boot/vmlinuz[-.]*",
		"/boot/bzImage",
		"/boot/bzImage[-.]*",
		"/boot/kernel-*",
		"/boot/Image",
		"/boot/Image[-.]*",
		"/boot/*/*/linux",
		"/efi/*/*/linux",
		"/boot/efi/*/*/linux",
		"/lib/modules/*/vmlinuz*",
		"/lib/modules/*/Image*",
		NULL,
	};

	return glob_match_any(globs, path, false);
}

bool kernel_is_spare(const char *path)
{
	static const char *const globs[] = {
		"*.old",     "*.bak",    "*~",        "*.orig",    "*.dpkg-*",
		"*.rpmsave", "*.rpmnew", "*.rpmorig", "*.pacsave", "*.pacnew",
		"*rescue*",  "*debug*",  NULL,
	};

	return glob_match_any(globs, path, true);
}

/* For heads that do not say it: boot/vmlinuz-REL, lib/modules/REL/vmlinuz, lib/modules/REL/Image. */
static void release_of_path(const char *path, char ret[64])
{
	const char *name = strrchr(path, '/'), *modules = strstr(path, "lib/modules/");
	size_t n;

	name = name ? name + 1 : path;
	if (modules && (strncmp(name, "vmlinuz", 7) == 0 || strncmp(name, "Image", 5) == 0))
		name = modules + strlen("lib/modules/");
	else
		name += strcspn(name, "-") + (strchr(name, '-') != NULL);
	n = strcspn(name, "/");
	if (n < 64 && *name >= '0' && *name <= '9')
		snprintf(ret, 64, "%.*s", (int)n, name);
}

int kernel_list_add(struct kernel_list *l, const struct root_files *root, const char *path,
		    struct fail *f)
{
	_cleanup_close_ int fd = root->open(root, path, UINT64_MAX);
	struct kernel_file new, *files;
	int r = fd < 0 ? fail_errno(f, fd, path, "cannot read this kernel")
		       : kernel_image_read(fd, path, &new.image, f);

	if (r < 0)
		return r;
	if (!*new.image.release)
		release_of_path(path, new.image.release);
	new.path = strdup(path);
	files = new.path ? array_one_more(l->files, l->n, sizeof(*files)) : NULL;
	if (!files) {
		free(new.path);
		return fail_errno(f, ENOMEM, path, "cannot read this kernel");
	}
	l->files = files;
	l->files[l->n++] = new;
	return 0;
}

void kernel_list_free(struct kernel_list *l)
{
	for (size_t i = 0; i < l->n; i++)
		free(l->files[i].path);
	free(l->files);
	*l = (struct kernel_list){ 0 };
}

static bool has_modules_in(const struct root_files *root, const char *directory,
			   const char *release)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s/kernel", directory, release);
	return *release && root_files_has_directory(root, path);
}

bool kernel_has_modules(const struct root_files *root, const char *release)
{
	return has_modules_in(root, "lib/modules", release);
}

bool kernel_has_usr_modules(const struct root_files *root, const char *release)
{
	return has_modules_in(root, "usr/lib/modules", release);
}

/* In a root with only /usr the link /lib is not there yet. */
static bool has_any_modules(const struct root_files *root, const char *release)
{
	return kernel_has_modules(root, release) || kernel_has_usr_modules(root, release);
}

/* One for i386 comes last whatever else is true of it: no image boots by it. */
static int compare(const struct root_files *root, const struct kernel_file *a,
		   const struct kernel_file *b)
{
	int order = (b->image.machine == EM_386) - (a->image.machine == EM_386);

	if (order == 0)
		order = has_any_modules(root, a->image.release) -
			has_any_modules(root, b->image.release);
	if (order == 0)
		order = kernel_release_compare(a->image.release, b->image.release);
	if (order == 0) /* the same from two places: whatever the order of the members */
		order = strcmp(b->path, a->path);
	return order;
}

const struct kernel_file *kernel_list_choose(const struct kernel_list *l,
					     const struct root_files *root,
					     const struct kernel_file **ret_passed)
{
	const struct kernel_file *best = NULL, *passed = NULL;

	for (size_t i = 0; i < l->n; i++) {
		const struct kernel_file *k = &l->files[i];

		if (kernel_is_spare(k->path) || kernel_is_spare(k->image.release))
			passed = k;
		else if (!best || compare(root, k, best) > 0)
			best = k;
	}
	*ret_passed = best ? NULL : passed;
	return best;
}

static int newest_first(const void *a, const void *b)
{
	int order = kernel_release_compare(b, a);

	return order ? order : strcmp(a, b);
}

/* Of more than a manifest has the oldest goes. */
static int add_release(void *arg, const char *name, bool is_directory)
{
	struct manifest *m = arg;

	if (!is_directory || *name == '.' || strlen(name) >= sizeof(m->kernels[0]) ||
	    strchr(name, '\n'))
		return 0;
	if (m->n_kernels == MANIFEST_KERNELS_MAX) {
		if (newest_first(name, m->kernels[m->n_kernels - 1]) > 0)
			return 0;
		m->n_kernels--;
	}
	strcpy(m->kernels[m->n_kernels++], name);
	qsort(m->kernels, m->n_kernels, sizeof(m->kernels[0]), newest_first);
	return 0;
}

void kernel_find_modules(const struct root_files *root, struct manifest *m)
{
	m->n_kernels = 0;
	(void)root->list(root, "lib/modules", add_release, m);
}
