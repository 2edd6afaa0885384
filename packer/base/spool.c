/* Temporary files, by out.h's files without a name. */
#include "base/spool.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/statvfs.h>

#include "base/print.h"
#include "base/size.h"

#define READ_SIZE (1 << 18)

static const char todo_room[] = "Set TMPDIR to a directory with more room.";

const char *spool_directory(void)
{
	const char *directory = getenv("TMPDIR");

	if (directory && *directory)
		return directory;
	return access("/var/tmp", W_OK | X_OK) == 0 ? "/var/tmp" : "/tmp";
}

int spool_new(struct spool *s, struct fail *f)
{
	struct spool new = { .directory = spool_directory() };
	_cleanup_free_ char *path = NULL;
	int r;

	if (asprintf(&path, "%s/tarboot-spool", new.directory) < 0) {
		path = NULL;
		return fail_errno(f, ENOMEM, new.directory, "cannot create a temporary file");
	}
	r = out_open_unnamed(path, &new.file, f);
	if (r < 0)
		return fail_set(f, -r, new.directory,
				"Set TMPDIR to a directory that can be written.",
				"cannot create a temporary file there: %s", strerror(-r));
	new.fd = new.file.fd;
	*s = new;
	return 0;
}

/* Bytes that are free. False: not known. */
static bool free_room(const struct spool *s, uint64_t *ret)
{
	struct statvfs st;

	if (fstatvfs(s->fd, &st) < 0 || st.f_blocks == 0)
		return false;
	*ret = multiply_u64(geteuid() == 0 ? st.f_bfree : st.f_bavail, st.f_frsize);
	return true;
}

static int fail_room(const struct spool *s, int error, struct fail *f)
{
	char had[SIZE_TEXT_MAX], needed[SIZE_TEXT_MAX];
	uint64_t room;

	if (s->expected <= s->size || !free_room(s, &room))
		return fail_set(f, error, s->directory, todo_room,
				"it is full: a temporary file there cannot get larger than %s",
				size_format(had, s->size));
	return fail_set(f, error, s->directory, todo_room,
			"a temporary file of up to %s is needed, and there is room for %s",
			size_format(needed, s->expected), size_format(had, add_u64(s->size, room)));
}

int spool_expect(struct spool *s, uint64_t bytes, struct fail *f)
{
	uint64_t room;

	s->expected = bytes ? add_u64(s->size, bytes) : 0;
	return free_room(s, &room) && bytes > room ? fail_room(s, ENOSPC, f) : 0;
}

void spool_expect_at_most(struct spool *s, uint64_t bytes)
{
	struct fail full;

	if (spool_expect(s, bytes, &full) < 0)
		print_warning("%s: %s. %s", full.what, full.why, full.todo);
}

int spool_write(struct spool *s, const void *data, size_t size, uint64_t *ret_offset,
		struct fail *f)
{
	uint64_t start = s->size;
	const char *at = data;
	ssize_t n;

	for (; size > 0; at += n, size -= (size_t)n) {
		n = pwrite(s->fd, at, size, (off_t)s->size);
		if (n < 0 && errno == EINTR)
			n = 0;
		if (n < 0 && (errno == ENOSPC || errno == EDQUOT))
			return fail_room(s, errno, f);
		if (n < 0)
			return fail_errno(f, errno, s->directory, "cannot write a temporary file");
		s->size += (uint64_t)n;
	}
	if (ret_offset)
		*ret_offset = start;
	return 0;
}

int spool_read_from(struct spool *s, int fd, const char *name, struct fail *f)
{
	_cleanup_free_ char *block = malloc(READ_SIZE);
	ssize_t n;
	int r = block ? 0 : fail_errno(f, ENOMEM, name, "cannot read it");

	while (r == 0 && (n = read(fd, block, READ_SIZE)) != 0) {
		if (n > 0)
			r = spool_write(s, block, (size_t)n, NULL, f);
		else if (errno != EINTR)
			r = fail_errno(f, errno, name, "cannot read it");
	}
	return r;
}

void spool_close(struct spool *s)
{
	if (out_is_open(&s->file))
		out_abandon(&s->file);
	*s = (struct spool){ .fd = -1 };
}
