/* Output written aside. */
#include "out.h"

#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#define COPY_SIZE (1 << 20)
#define OPEN_MAX_OUTS 4

/* What the signal handler has to remove. Each slot is set and cleared by the main thread alone. */
static char *volatile pending[OPEN_MAX_OUTS];

static void remove_pending(int signal)
{
	for (size_t i = 0; i < OPEN_MAX_OUTS; i++)
		if (pending[i])
			unlink(pending[i]);
	raise(signal); /* SA_RESETHAND: now it ends the program as it always would */
}

void out_catch_signals(void)
{
	static const int signals[] = { SIGHUP, SIGINT, SIGTERM, SIGPIPE, SIGXFSZ };
	struct sigaction action = { .sa_handler = remove_pending, .sa_flags = SA_RESETHAND };

	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		sigaction(signals[i], &action, NULL);
}

static void set_pending(char *from, char *to)
{
	for (size_t i = 0; i < OPEN_MAX_OUTS; i++) {
		if (pending[i] == from) {
			pending[i] = to;
			return;
		}
	}
}

static void free_out(struct out *o)
{
	set_pending(o->temporary, NULL);
	cleanup_close(&o->fd);
	free(o->path);
	free(o->temporary);
	*o = (struct out){ .fd = -1 };
}

int out_open(const char *path, struct out *ret, struct fail *f)
{
	struct out o = { .fd = -1, .path = strdup(path) };
	mode_t mask = umask(0);

	umask(mask);
	if (!o.path || asprintf(&o.temporary, "%s.XXXXXX", path) < 0)
		return fail_errno(f, ENOMEM, path, "cannot write it");
	o.fd = mkostemp(o.temporary, O_CLOEXEC);
	if (o.fd < 0) {
		int error = errno;

		free_out(&o);
		return fail_errno(f, error, path, "cannot create it");
	}
	set_pending(NULL, o.temporary);
	(void)fchmod(o.fd, 0666 & ~mask); /* mkostemp made it 0600 */
	*ret = o;
	return 0;
}

int out_write(struct out *o, const void *data, size_t size, struct fail *f)
{
	const char *at = data;
	ssize_t n;

	while (size > 0) {
		n = write(o->fd, at, size);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return fail_errno(f, errno, o->path, "cannot write it");
		at += n;
		size -= (size_t)n;
	}
	return 0;
}

/* The new name itself must be on disk before it is announced. */
static void sync_directory(const char *path)
{
	_cleanup_free_ char *copy = strdup(path);
	_cleanup_close_ int fd = -1;

	if (copy)
		fd = open(dirname(copy), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd >= 0)
		(void)fsync(fd);
}

int out_copy(struct out *o, int fd, uint64_t from, uint64_t size, const char *name, struct fail *f)
{
	_cleanup_free_ char *block = malloc(COPY_SIZE);
	ssize_t n;
	int r = block ? 0 : fail_errno(f, ENOMEM, o->path, "cannot write it");

	while (r == 0 && size > 0) {
		n = pread(fd, block, (size_t)min_u64(COPY_SIZE, size), (off_t)from);
		if (n <= 0)
			return fail_errno(f, n < 0 ? errno : EIO, name, "cannot read it");
		r = out_write(o, block, (size_t)n, f);
		from += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return r;
}

int out_print(const char *path, int (*print)(FILE *out, const void *arg), const void *arg,
	      struct fail *f)
{
	struct out out;
	FILE *file;
	int r = out_open(path, &out, f);

	if (r < 0)
		return r;
	file = fdopen(dup(out.fd), "w");
	if (file)
		r = print(file, arg);
	if (!file || (ferror(file) | fclose(file)))
		r = -errno;
	if (r < 0)
		fail_errno(f, r, path, "cannot write it");
	if (r == 0)
		return out_commit(&out, f);
	out_abandon(&out);
	return r;
}

int out_commit(struct out *o, struct fail *f)
{
	int r = 0;

	if (fsync(o->fd) < 0 && errno != EINVAL)
		r = fail_errno(f, errno, o->path, "cannot write it to disk");
	else if (rename(o->temporary, o->path) < 0)
		r = fail_errno(f, errno, o->path, "cannot rename the finished file to it");
	if (r < 0)
		unlink(o->temporary);
	else
		sync_directory(o->path);
	free_out(o);
	return r;
}

void out_abandon(struct out *o)
{
	if (!o->temporary)
		return;
	unlink(o->temporary);
	free_out(o);
}
