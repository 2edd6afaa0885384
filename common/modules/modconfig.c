/* Names are gathered first, then files are read. */
#include "modules/modconfig.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>

#include "base/read_all.h"
#include "base/util.h"

static const char *const directories[] = { "etc/modprobe.d", "run/modprobe.d",
					   "usr/local/lib/modprobe.d", "usr/lib/modprobe.d",
					   "lib/modprobe.d" };

struct file {
	const char *directory;
	char name[NAME_MAX + 1];
};

struct files {
	struct file *files; /* owned; no name twice */
	size_t n;
};

static int add(struct files *f, const char *directory, const char *name)
{
	struct file *more;

	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->files[i].name, name) == 0)
			return 0; /* hidden by it */
	more = array_one_more(f->files, f->n, sizeof(*more));
	if (!more)
		return -ENOMEM;
	f->files = more;
	f->files[f->n].directory = directory;
	snprintf(f->files[f->n++].name, sizeof(f->files->name), "%s", name);
	return 0;
}

struct listing {
	const char *directory;
	struct files *files;
};

static int add_file(void *arg, const char *name, bool is_directory)
{
	struct listing *l = arg;

	(void)is_directory;
	return *name != '.' && ends_with(name, ".conf") ? add(l->files, l->directory, name) : 0;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

/* The file's text; NULL: it cannot be read, or is no file. */
static char *read_text(const struct root_files *root, const char *path, size_t *ret_size)
{
	_cleanup_close_ int fd = -1;
	char *text = NULL, target[16];

	*ret_size = 0;
	if (root->read_link(root, path, target, sizeof(target)) == 0 &&
	    strcmp(target, "/dev/null") == 0)
		return calloc(1, 1);
	fd = root->open(root, path, UINT64_MAX);
	return fd >= 0 && read_all(fd, &text, ret_size) == 0 ? text : NULL;
}

int modconfig_read(const struct root_files *root,
		   int (*found)(const char *path, char *text, size_t size, void *arg), void *arg)
{
	struct files f = { 0 };
	char path[PATH_MAX], *text;
	size_t size;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(directories); i++) {
		struct listing l = { directories[i], &f };

		r = root->list(root, directories[i], add_file, &l);
		r = r == -ENOMEM ? r : 0;
	}
	if (f.n > 0)
		qsort(f.files, f.n, sizeof(*f.files), by_name);
	for (size_t i = 0; r == 0 && i < f.n; i++) {
		snprintf(path, sizeof(path), "%s/%s", f.files[i].directory, f.files[i].name);
		text = read_text(root, path, &size);
		if (text)
			r = found(path, text, size, arg);
	}
	free(f.files);
	return r < 0 ? r : 0;
}
