/* Which kind of source a path is, and what both kinds share. */
#include "source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "blobs.h"
#include "source_kinds.h"

int source_open(const char *path, struct source **ret, struct fail *f)
{
	struct stat st, running;
	int fd;

	if (strcmp(path, "-") == 0)
		return source_tar_open(NULL, ret, f);
	if (stat(path, &st) < 0)
		return fail_errno(f, errno, path, "cannot find it");
	if (!S_ISDIR(st.st_mode)) {
		bool may_be_disk = S_ISREG(st.st_mode) || S_ISBLK(st.st_mode);
		const char *format = may_be_disk ? source_disk_format(path) : NULL;

		if (format)
			return source_disk_open(path, format, ret, f);
		if (S_ISREG(st.st_mode) && blobs_is_archive(path))
			return source_layers_open(path, -1, ret, f);
		return source_tar_open(path, ret, f);
	}
	if (stat("/", &running) == 0 && st.st_dev == running.st_dev && st.st_ino == running.st_ino)
		return fail_set(f, EINVAL, path,
				"Pack a copy or a snapshot of it, for example a bind mount.",
				"this is the running system");
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(f, errno, path, "cannot open it");
	return blobs_is_layout(fd) ? source_layers_open(path, fd, ret, f)
				   : source_directory_open(fd, ret, f);
}

uint64_t source_total(const struct source *s)
{
	return s->total;
}

uint64_t source_position(const struct source *s)
{
	return s->position;
}

uint64_t source_skipped(const struct source *s)
{
	return s->skipped;
}

int source_directory(const struct source *s)
{
	return s->root_fd;
}

void source_filter(struct source *s, bool (*wanted)(const struct member *m, void *arg), void *arg)
{
	s->wanted = wanted;
	s->wanted_arg = arg;
}

bool source_wants(const struct source *s)
{
	return !s->wanted || s->wanted(&s->current.m, s->wanted_arg);
}

void source_leave_out(struct source *s, int fd)
{
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0 || s->n_left_out == ARRAY_SIZE(s->left_out))
		return;
	s->left_out[s->n_left_out].dev = st.st_dev;
	s->left_out[s->n_left_out++].ino = st.st_ino;
}

bool source_leaves_out(const struct source *s, const struct stat *st)
{
	for (size_t i = 0; i < s->n_left_out; i++)
		if (s->left_out[i].dev == st->st_dev && s->left_out[i].ino == st->st_ino)
			return true;
	return false;
}

const char *const *source_mounts(const struct source *s, size_t *ret_n)
{
	*ret_n = s->n_mounts;
	return (const char *const *)s->mounts;
}

int source_add_mount(struct source *s, const char *path)
{
	char **mounts = realloc(s->mounts, (s->n_mounts + 1) * sizeof(*mounts));

	if (!mounts)
		return -ENOMEM;
	s->mounts = mounts;
	mounts[s->n_mounts] = strdup(path);
	if (!mounts[s->n_mounts])
		return -ENOMEM;
	s->n_mounts++;
	return 0;
}

/* Bytes of holes that may become data, which an archive has to hold. */
#define WIDENED_MAX (1ULL << 30)

/* The holes behind the last extent that there is room for become data. */
static void widen_last_extent(struct source_member *c, uint64_t end)
{
	struct tar_extent *last = &c->extents[c->n_extents - 1];

	if (end > last->offset + last->size)
		last->size = end - last->offset;
}

int source_add_extent(struct source *s, uint64_t offset, uint64_t size)
{
	struct source_member *c = &s->current;

	if (c->n_extents >= SOURCE_EXTENTS_MAX && size > 0) {
		s->widened += offset - c->extents[c->n_extents - 1].offset -
			      c->extents[c->n_extents - 1].size;
		if (s->widened > WIDENED_MAX)
			return -EFBIG;
		widen_last_extent(c, offset + size);
		return 0;
	}
	if (c->n_extents == s->extents_room) {
		size_t room = s->extents_room ? s->extents_room * 2 : 16;
		struct tar_extent *extents = realloc(c->extents, room * sizeof(*extents));

		if (!extents)
			return -ENOMEM;
		c->extents = extents;
		s->extents_room = room;
	}
	c->extents[c->n_extents++] = (struct tar_extent){ offset, size };
	return 0;
}

int source_next(struct source *s, struct source_member *ret, struct fail *f)
{
	int r;

	member_free(&s->current.m);
	s->current.m = (struct member){ 0 };
	s->current.n_extents = 0;
	s->widened = 0;
	s->head.size = 0;
	s->head.is_next = false;
	s->head.rest = NULL;
	r = s->kind->next(s, &s->current, f);
	if (r > 0)
		*ret = s->current;
	return r;
}

/* Copies what of a piece belongs to the first want bytes, and keeps the rest. 0 or -ENOMEM. */
static int add_to_head(struct source *s, size_t want, const void *data, size_t size,
		       uint64_t offset)
{
	size_t from = offset < want ? (size_t)offset : want;
	size_t n = size < want - from ? size : want - from;
	char *room = s->head.room < want ? realloc(s->head.data, want) : s->head.data;

	if (!room)
		return -ENOMEM;
	s->head.data = room;
	s->head.room = s->head.room < want ? want : s->head.room;
	if (n > 0) {
		memset(room + s->head.size, 0, from - s->head.size);
		memcpy(room + from, data, n);
		s->head.size = from + n;
	}
	s->head.rest = n < size ? (const char *)data + n : NULL;
	s->head.rest_size = size - n;
	s->head.rest_offset = offset + n;
	return 0;
}

int source_peek(struct source *s, size_t want, const void **ret, size_t *ret_size, struct fail *f)
{
	const void *data;
	uint64_t offset;
	size_t size;
	int r = 1;

	while (r > 0 && s->head.size < want && !s->head.rest) {
		r = s->kind->read(s, &data, &size, &offset, f);
		if (r > 0 && add_to_head(s, want, data, size, offset) < 0)
			r = fail_errno(f, ENOMEM, s->current.m.path, "cannot read it");
	}
	s->head.is_next = s->head.size > 0;
	*ret = s->head.data;
	*ret_size = s->head.size;
	return r < 0 ? r : 0;
}

int source_read(struct source *s, const void **ret_data, size_t *ret_size, uint64_t *ret_offset,
		struct fail *f)
{
	if (s->head.is_next) {
		s->head.is_next = false;
		*ret_data = s->head.data;
		*ret_size = s->head.size;
		*ret_offset = 0;
		return 1;
	}
	if (s->head.rest) {
		*ret_data = s->head.rest;
		*ret_size = s->head.rest_size;
		*ret_offset = s->head.rest_offset;
		s->head.rest = NULL;
		return 1;
	}
	return s->kind->read(s, ret_data, ret_size, ret_offset, f);
}

void source_close(struct source *s)
{
	if (!s)
		return;
	member_free(&s->current.m);
	free(s->current.extents);
	for (size_t i = 0; i < s->n_mounts; i++)
		free(s->mounts[i]);
	free(s->mounts);
	free(s->head.data);
	cleanup_close(&s->root_fd);
	s->kind->close(s);
}
