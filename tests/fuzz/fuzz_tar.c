/*
 * The tar reader and the tree writer against hostile archives (pieces.h).
 *
 * Promises: nothing outside the root changes; how the bytes are cut changes nothing; a source that
 * fails is never taken for a whole archive.
 */
#define MEMORY (1 << 20)

#include "limits.h"
#include "pieces.h"
#include "mutate_tar.h"
#include "tar/tar_read.h"

static void digest_member(struct story *s, const struct member *m)
{
	const uint64_t numbers[] = { m->type, m->mode, m->uid, m->gid, m->xattrs.used };

	digest(s, numbers, sizeof(numbers));
	digest(s, &m->mtime, sizeof(m->mtime));
	digest(s, &m->size, m->type == MEMBER_FILE ? sizeof(m->size) : 0);
	digest(s, m->path, strlen(m->path));
	if (m->type == MEMBER_SYMLINK || m->type == MEMBER_HARDLINK)
		digest(s, m->target, strlen(m->target));
}

/* The map of a sparse file is in order and inside the file. */
static void check_extents(struct tar_reader *t, const struct member *m)
{
	uint64_t end = 0;
	size_t n;
	const struct tar_extent *e = tar_reader_extents(t, &n);

	for (size_t i = 0; i < n; end = e[i].offset + e[i].size, i++)
		promise(e[i].offset >= end && e[i].size <= m->size &&
			e[i].offset <= m->size - e[i].size);
}

/* The data of the last member, to its file when there is one, which is released. */
static int read_data(struct tar_reader *t, struct tree_file *file, struct story *s, struct fail *f)
{
	uint64_t offset, end = 0;
	const void *data;
	size_t size;
	int r;

	while ((r = tar_reader_data(t, &data, &size, &offset, f)) > 0) {
		story_write(s, file, data, size, offset, f);
		end = offset + size;
	}
	digest(s, &end, sizeof(end));
	story_release(s, file, r, f);
	return r;
}

/* Reads the archive to its end, also when the tree does not take a member. */
static void read_archive(struct feed *feed, struct tree *tree, struct story *s)
{
	struct tree_file *file = NULL;
	struct tar_reader *t;
	struct member m;
	struct fail f;

	*s = (struct story){ 0 };
	s->r = tar_reader_open(feed_piece, feed, "archive", MEMORY, &t, &f);
	if (s->r < 0)
		t = NULL;
	while (s->r >= 0 && (s->r = tar_reader_next(t, &m, &f)) > 0) {
		digest_member(s, &m);
		file = NULL;
		if (tree && s->tree_error == 0)
			s->tree_error = tree_add(tree, &m, &file, &f);
		if (m.type == MEMBER_FILE) {
			check_extents(t, &m);
			s->r = read_data(t, file, s, &f);
		}
		member_free(&m);
	}
	if (s->r == 0) {
		s->members = tar_reader_members(t);
		s->bytes = tar_reader_bytes(t);
		if (s->tree_error == 0 && tree)
			s->tree_error = tree_finish(tree, &f);
	}
	tar_reader_close(t);
	free(feed->piece);
}

/* A good archive ends with two blocks of zeros at least. */
static bool ends_with_zeros(const uint8_t *data, size_t size)
{
	static const uint8_t zeros[2 * TAR_BLOCK];

	return size >= sizeof(zeros) &&
	       memcmp(data + size - sizeof(zeros), zeros, sizeof(zeros)) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_twice(data, size, TAR_BLOCK, read_archive, ends_with_zeros);
	return 0;
}
