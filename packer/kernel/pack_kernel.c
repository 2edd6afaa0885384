/* Where kernels may be is known by their names; what they are, by their heads. */
#include "kernel/pack_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "root/decide.h"
#include "base/print.h"

static bool is_auto(const struct pack_kernel *k)
{
	return strcmp(k->setting, "auto") == 0;
}

static bool is_none(const struct pack_kernel *k)
{
	return strcmp(k->setting, "none") == 0;
}

int pack_kernel_open(struct pack_kernel *k, const char *setting, const char *out, struct fail *f)
{
	struct stat st;

	*k = (struct pack_kernel){ .setting = setting, .fd = -1, .out.fd = -1 };
	if (asprintf(&k->path, "%s.vmlinuz", out ? out : "") < 0) {
		k->path = NULL;
		return fail_errno(f, ENOMEM, setting, "cannot store its path");
	}
	k->was_there = out && lstat(k->path, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

void pack_kernel_close(struct pack_kernel *k)
{
	out_abandon(&k->out);
	cleanup_close(&k->fd);
	kernel_list_free(&k->found);
	free(k->data);
	free(k->path);
	k->data = k->path = NULL;
}

int pack_kernel_look(struct pack_kernel *k, struct fail *f)
{
	if (is_auto(k) || is_none(k))
		return 0;
	k->fd = open(k->setting, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (k->fd < 0)
		return fail_errno(f, errno, k->setting, "cannot open this kernel");
	return kernel_image_read(k->fd, k->setting, &k->image, f);
}

static int take(struct pack_kernel *k, struct rootfs *fs, struct root_name *n, const char *path,
		struct fail *f)
{
	struct rootfs_files files;
	int r;

	rootfs_files(fs, &files);
	r = kernel_list_add(&k->found, &files.files, path, f);
	if (r == -ENOEXEC)
		return 0; /* a file as others */
	rootfs_inode(fs, n)->mark = MARK_KERNEL;
	return r;
}

/* The file at a kernel's place, or the one that a link there leads to, wherever that lies; path becomes its own. NULL: there is
 * none, or it was taken. */
static struct root_name *file_at_place(struct rootfs *fs, struct root_name *n,
				       char path[2 * PATH_MAX])
{
	if (n->mark != 0 || (n->type != MEMBER_FILE && n->type != MEMBER_SYMLINK))
		return NULL;
	root_name_path(n, path);
	if (!kernel_is_place(path))
		return NULL;
	if (n->type == MEMBER_SYMLINK) {
		if (kernel_is_spare(path) || root_tree_find_packed(fs->tree, path, true, &n) < 0 ||
		    n->type != MEMBER_FILE)
			return NULL;
		root_name_path(n, path);
	}
	return rootfs_inode(fs, n)->mark == 0 ? n : NULL;
}

/* Its own name is marked last: marked names cannot be read. */
static int find_kernels(struct pack_kernel *k, struct rootfs *fs, struct fail *f)
{
	struct root_name *top = root_tree_root(fs->tree), *n = top, *file;
	char path[2 * PATH_MAX];
	int r = 0;

	while (r == 0 && (n = root_tree_next(top, n))) {
		file = file_at_place(fs, n, path);
		if (file)
			r = take(k, fs, file, path, f);
	}
	for (n = top; r == 0 && n; n = root_tree_next(top, n))
		if (n->mark == 0 && rootfs_inode(fs, n)->mark == MARK_KERNEL)
			n->mark = MARK_KERNEL;
	return r;
}

static void warn_without(const struct kernel_file *passed)
{
	if (passed)
		print_warning("the root has no kernel except %s, which is not booted by default: "
			      "give it, or another, with --kernel PATH",
			      passed->path);
	else
		print_warning("the root has no kernel (vmlinuz): give one with --kernel PATH");
}

static void warn_without_modules(const struct root_files *root, const char *release)
{
	if (kernel_has_modules(root, release))
		return;
	if (kernel_has_usr_modules(root, release))
		print_warning("the root has the modules of its kernel %s in /usr/lib/modules, not "
			      "in /lib/modules: make that a link to ../usr/lib/modules",
			      release);
	else
		print_warning("the root has no modules for its kernel %s", release);
}

int pack_kernel_find(struct pack_kernel *k, struct rootfs *fs, struct fail *f)
{
	struct rootfs_files files;
	int r = is_auto(k) ? find_kernels(k, fs, f) : 0;

	rootfs_files(fs, &files);
	if (r == 0)
		k->best = kernel_list_choose(&k->found, &files.files, &k->passed);
	if (k->best)
		k->image = k->best->image;
	return r;
}

/* Of a kernel of the root; it is marked, so no path leads to it. */
static int open_best(struct pack_kernel *k, struct rootfs *fs, struct fail *f)
{
	struct root_name *n;
	int r = root_tree_find(fs->tree, k->best->path, false, &n);
	const struct inode *i;

	if (r < 0)
		return fail_errno(f, r, k->best->path, "cannot read this kernel");
	i = rootfs_inode(fs, n);
	return file_reader_descriptor(&fs->reader, &i->data, i->size, UINT64_MAX, k->best->path, f);
}

void pack_kernel_warn(const struct pack_kernel *k, struct rootfs *fs)
{
	struct rootfs_files files;

	rootfs_files(fs, &files);
	if (is_auto(k) && !k->best)
		warn_without(k->passed);
	else if (*k->image.release)
		warn_without_modules(&files.files, k->image.release);
}

const char *pack_kernel_name(const struct pack_kernel *k)
{
	return k->best ? k->best->path : k->setting;
}

/* GRUB unpacks a kernel that is compressed as a whole, as Ubuntu has it on arm64; firmware and iPXE do not. */
int pack_kernel_read(struct pack_kernel *k, struct rootfs *fs, struct fail *f)
{
	int r;

	if (is_none(k) || (is_auto(k) && !k->best))
		return 0;
	if (k->best)
		k->fd = open_best(k, fs, f);
	if (k->fd < 0)
		return -f->error;
	r = kernel_image_load(k->fd, pack_kernel_name(k), &k->image, &k->data, &k->size, f);
	if (r == 0 && k->image.is_compressed)
		k->image.digest = digest_of(k->data, k->size);
	return r;
}

int pack_kernel_copy(struct pack_kernel *k, struct fail *f)
{
	int r = k->data ? out_open(k->path, OUT_SHARED, &k->out, f) : 0;

	if (r == 0 && k->data)
		r = out_write(&k->out, k->data, k->size, f);
	free(k->data);
	k->data = NULL;
	return r;
}
