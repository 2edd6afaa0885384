/* Names are gathered first, then files are read. */
#include "modconfig.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "inroot.h"
#include "read_all.h"
#include "util.h"

static const char *const directories[] = { "etc/modprobe.d", "run/modprobe.d",
					   "usr/local/lib/modprobe.d", "usr/lib/modprobe.d",
					   "lib/modprobe.d" };

struct file {
	const char *directory;
	char name[NAME_MAX + 1];
};

struct files {
	struct file *files; /* owned; no name twice */
	size_t n, room;
};

static int add(struct files *f, const char *directory, const char *name)
{
	struct file *more;

	for (size_t i = 0; i < f->n; i++)
		if (strcmp(f->files[i].name, name) == 0)
			return 0; /* hidden by it */
	if (f->n == f->room) {
		f->room = 2 * f->room + 16;
		more = realloc(f->files, f->room * sizeof(*more));
		if (!more)
			return -ENOMEM;
		f->files = more;
	}
	f->files[f->n].directory = directory;
	snprintf(f->files[f->n++].name, sizeof(f->files->name), "%s", name);
	return 0;
}

static int list_directory(int root_fd, const char *directory, struct files *f)
{
	int fd = inroot_open(root_fd, directory, O_RDONLY | O_DIRECTORY), r = 0;
	DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *e;

	if (!dir && fd >= 0)
		close(fd);
	while (dir && r == 0 && (e = readdir(dir)))
		if (*e->d_name != '.' && ends_with(e->d_name, ".conf"))
			r = add(f, directory, e->d_name);
	if (dir)
		closedir(dir);
	return r;
}

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct file *)a)->name, ((const struct file *)b)->name);
}

static bool is_null_link(int root_fd, const char *path)
{
	char name[NAME_MAX + 1], target[16] = "";
	_cleanup_close_ int fd = -1;

	return inroot_open_parent(root_fd, path, NULL, NULL, &fd, name, NULL) == 0 &&
	       readlinkat(fd, name, target, sizeof(target) - 1) > 0 &&
	       strcmp(target, "/dev/null") == 0;
}

/* The file's text; NULL: it cannot be read, or is no file. */
static char *read_text(int root_fd, const char *path, size_t *ret_size)
{
	_cleanup_close_ int fd = -1;
	char *text = NULL;
	struct stat st;

	*ret_size = 0;
	if (is_null_link(root_fd, path))
		return calloc(1, 1);
	fd = inroot_open(root_fd, path, O_RDONLY | O_NONBLOCK);
	if (fd < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    read_all(fd, &text, ret_size) < 0)
		return NULL;
	return text;
}

int modconfig_read(int root_fd, int (*found)(const char *path, char *text, size_t size, void *arg),
		   void *arg)
{
	struct files f = { 0 };
	char path[PATH_MAX], *text;
	size_t size;
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(directories); i++)
		r = list_directory(root_fd, directories[i], &f);
	if (f.n > 0)
		qsort(f.files, f.n, sizeof(*f.files), by_name);
	for (size_t i = 0; r == 0 && i < f.n; i++) {
		snprintf(path, sizeof(path), "%s/%s", f.files[i].directory, f.files[i].name);
		text = read_text(root_fd, path, &size);
		if (text)
			r = found(path, text, size, arg);
	}
	free(f.files);
	return r < 0 ? r : 0;
}
