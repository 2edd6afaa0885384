/* By what stat() says. */
#include "base/unchanged.h"

#include <errno.h>
#include <stdbool.h>

static bool is_same_time(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static bool is_same(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       is_same_time(&a->st_mtim, &b->st_mtim) && is_same_time(&a->st_ctim, &b->st_ctim);
}

static int check(int r, const char *name, const struct stat *now, const struct stat *seen,
		 struct fail *f)
{
	if (r == 0 && is_same(now, seen))
		return 0;
	return fail_set(f, EBUSY, name, "Publish it again when nobody writes it.",
			"it has changed while it was published");
}

int unchanged_at(const char *path, const struct stat *seen, struct fail *f)
{
	struct stat now;

	return check(stat(path, &now), path, &now, seen, f);
}

int unchanged_open(int fd, const char *name, const struct stat *seen, struct fail *f)
{
	struct stat now;

	return check(fstat(fd, &now), name, &now, seen, f);
}
