/* The sketch keeps the kernels of the root until all of it is known. */
#include "pack_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "inroot.h"
#include "path.h"
#include "say.h"

static bool is_auto(const struct pack_kernel *k)
{
	return strcmp(k->setting, "auto") == 0;
}

int pack_kernel_open(struct pack_kernel *k, const char *setting, const char *out, struct fail *f)
{
	struct stat st;

	*k = (struct pack_kernel){ .setting = setting, .out.fd = -1 };
	if (asprintf(&k->path, "%s.vmlinuz", out ? out : "") < 0) {
		k->path = NULL;
		return fail_errno(f, ENOMEM, setting, "cannot find its place");
	}
	k->was_there = out && lstat(k->path, &st) == 0 && S_ISREG(st.st_mode);
	return 0;
}

void pack_kernel_close(struct pack_kernel *k)
{
	out_abandon(&k->out);
	kernel_list_free(&k->found);
	free(k->path);
	k->path = NULL;
}

static int copy(struct pack_kernel *k, int fd, const char *path, struct fail *f)
{
	struct stat st;
	int r = fstat(fd, &st) < 0 ? fail_errno(f, errno, path, "cannot read this kernel")
				   : out_open(k->path, OUT_SHARED, &k->out, f);

	return r == 0 ? out_copy(&k->out, fd, 0, (uint64_t)st.st_size, path, f) : r;
}

int pack_kernel_copy(struct pack_kernel *k, struct fail *f)
{
	bool is_path = !is_auto(k) && strcmp(k->setting, "none") != 0;
	_cleanup_close_ int fd = is_path ? open(k->setting, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;
	int r;

	if (!is_path)
		return 0;
	if (fd < 0)
		return fail_errno(f, errno, k->setting, "cannot open this kernel");
	r = kernel_image_read(fd, k->setting, &k->image, f);
	return r == 0 ? copy(k, fd, k->setting, f) : r;
}

bool pack_kernel_is_place(const struct pack_kernel *k, const char *path)
{
	return is_auto(k) && kernel_is_place(path);
}

bool pack_kernel_is_candidate(const struct pack_kernel *k, const struct member *m)
{
	return m->type == MEMBER_FILE && pack_kernel_is_place(k, m->path);
}

bool pack_kernel_is_name(const struct pack_kernel *k, const struct member *m)
{
	return m->type == MEMBER_HARDLINK && kernel_list_has(&k->found, m->target);
}

int pack_kernel_take(struct pack_kernel *k, struct source *s, struct sketch *sketch,
		     const struct source_member *m, struct fail *f)
{
	const void *data;
	uint64_t offset;
	size_t size;
	int r = sketch_add(sketch, &m->m, f);

	while (r >= 0 && (r = source_read(s, &data, &size, &offset, f)) > 0)
		r = sketch_data(sketch, data, size, offset, f);
	return r == 0 ? kernel_list_add(&k->found, sketch_root(sketch), m->m.path, f) : r;
}

/* The root's kernel is not one of those that are booted. */
static void warn_without(const struct kernel_file *passed)
{
	if (passed)
		say_warning("the root has no kernel but %s, which is not one to boot by default: "
			    "take it, or another, with --kernel PATH",
			    path_in_root(passed->path));
	else
		say_warning("no vmlinuz in the root: take one with --kernel PATH");
}

int pack_kernel_choose(struct pack_kernel *k, int root_fd, struct fail *f)
{
	const struct kernel_file *passed, *best;
	_cleanup_close_ int fd = -1;

	if (is_auto(k)) {
		best = kernel_list_choose(&k->found, root_fd, &passed);
		if (!best) {
			warn_without(passed);
			return 0;
		}
		k->image = best->image;
		fd = inroot_open(root_fd, best->path, O_RDONLY);
		if (fd < 0)
			return fail_errno(f, fd, best->path, "cannot read this kernel");
		if (copy(k, fd, best->path, f) < 0)
			return -f->error;
	}
	if (*k->image.release && !kernel_has_modules(root_fd, k->image.release))
		say_warning("the root has no modules for its kernel %s", k->image.release);
	return 0;
}
