/* Files are written aside and renamed; those of tarboot are recognized by a mark. */
#include "site/site_file.h"

#include <errno.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/host_files.h"
#include "base/out.h"
#include "base/read_all.h"

const char *site_path(const struct site *s, char ret[PATH_MAX], const char *format, ...)
{
	va_list ap;
	int n = snprintf(ret, PATH_MAX, "%s/", s->directory);

	if (n < PATH_MAX) {
		va_start(ap, format);
		vsnprintf(ret + n, (size_t)(PATH_MAX - n), format, ap);
		va_end(ap);
	}
	return ret;
}

/* Creates the parent directories of a path. 1: the last one is new; 0: all existed; -errno. */
static int make_parents(char *path)
{
	int made = 0;

	for (char *at = strchr(path + 1, '/'); at; at = strchr(at + 1, '/')) {
		*at = '\0';
		made = mkdir(path, 0755) == 0;
		if (!made && errno != EEXIST)
			return -errno;
		*at = '/';
	}
	return made;
}

int site_make_directory(const struct site *s, bool *ret_made, struct fail *f)
{
	char path[PATH_MAX];
	int r;

	(void)site_path(s, path, "%s", "");
	r = make_parents(path);
	*ret_made = r > 0;
	return r < 0 ? fail_errno(f, r, s->directory, "cannot create this directory") : 0;
}

int site_add_directory(const struct site *s, const char *path, struct fail *f)
{
	char full[PATH_MAX];

	if (mkdir(site_path(s, full, "%s", path), 0755) < 0 && errno != EEXIST)
		return fail_errno(f, errno, full, "cannot create this directory");
	return 0;
}

/* Writes a file aside and renames it. */
static int replace(char *full, const void *data, size_t size, struct fail *f)
{
	int r = make_parents(full);

	return r < 0 ? fail_errno(f, r, full, "cannot create its directory")
		     : out_replace(full, OUT_PUBLISHED, data, size, f);
}

int site_replace(const struct site *s, const char *path, const void *data, size_t size,
		 struct fail *f)
{
	_cleanup_free_ char *old = NULL;
	char full[PATH_MAX];
	size_t old_size;

	if (read_file(site_path(s, full, "%s", path), &old, &old_size) == 0 && old_size == size &&
	    memcmp(old, data, size) == 0)
		return 0;
	return replace(full, data, size, f);
}

bool site_owns(const char *path)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	return read_file(path, &text, &size) == 0 && strstr(text, SITE_MARK);
}

int site_write(const struct site *s, const char *path, const char *text, struct fail *f)
{
	_cleanup_free_ char *old = NULL;
	char full[PATH_MAX];
	size_t size;
	int r = read_file(site_path(s, full, "%s", path), &old, &size);

	if (r < 0 && r != -ENOENT)
		return fail_errno(f, r, full, "cannot read it");
	if (r == 0 && !strstr(old, SITE_MARK))
		return fail_set(f, EEXIST, full, "Move it away, or use another directory.",
				"it was not written by tarboot, so it is not overwritten");
	return r == 0 && strcmp(old, text) == 0 ? 0 : replace(full, text, strlen(text), f);
}

int site_print(const struct site *s, const char *path, void (*print)(FILE *out, const void *arg),
	       const void *arg, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	if (out)
		print(out, arg);
	if (!out || fclose(out) != 0)
		return fail_errno(f, ENOMEM, path, "cannot write it");
	return site_write(s, path, text, f);
}

const char *site_file_of(const char *image)
{
	const char *slash = strrchr(image, '/');

	return slash ? slash + 1 : image;
}

int site_remove_file(const char *path, struct fail *f)
{
	if (unlink(path) < 0 && errno != ENOENT)
		return fail_errno(f, errno, path, "cannot remove it");
	return 0;
}

int site_remove_tree(const char *path, struct fail *f)
{
	int r = host_remove_tree(path);

	return r < 0 ? fail_errno(f, r, path, "cannot remove it") : 0;
}
