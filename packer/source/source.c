/* What all kinds of source share. */
#include "source/source.h"

#include <errno.h>
#include <string.h>

#include "source/source_kinds.h"

uint64_t source_total(const struct source *s)
{
	return s->total;
}

uint64_t source_uncompressed(const struct source *s)
{
	return s->uncompressed;
}

uint64_t source_position(const struct source *s)
{
	return s->position;
}

uint64_t source_skipped(const struct source *s)
{
	return s->skipped;
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

int source_next(struct source *s, struct source_member **ret, struct fail *f)
{
	member_free(&s->current.m);
	s->current = (struct source_member){ 0 };
	*ret = &s->current;
	return s->kind->next(s, &s->current, f);
}

int source_place(struct source *s, struct file_data *ret, struct fail *f)
{
	*ret = (struct file_data){ 0 };
	return s->kind->place(s, ret, f);
}

int source_read(struct source *s, const void **ret_data, size_t *ret_size, uint64_t *ret_offset,
		struct fail *f)
{
	return s->kind->read(s, ret_data, ret_size, ret_offset, f);
}

int source_map(struct source *s, struct file_map **ret)
{
	const struct tar_extent *extents;
	size_t n;

	*ret = NULL;
	extents = s->kind->extents(s, &n);
	if (n == 0)
		return 0;
	*ret = malloc(sizeof(**ret) + n * sizeof(*extents));
	if (!*ret)
		return -ENOMEM;
	(*ret)->n = n;
	memcpy((*ret)->extents, extents, n * sizeof(*extents));
	return 0;
}

void source_settle(struct source *s)
{
	if (s->kind->settle)
		s->kind->settle(s);
}

void source_close(struct source *s)
{
	if (!s)
		return;
	member_free(&s->current.m);
	s->kind->close(s);
}
