/*
 * The cpio reader and the tree writer against hostile archives (pieces.h).
 *
 * Promises: nothing outside the root changes; how the bytes are cut changes nothing; a source that fails is never taken for
 * a whole archive; a hard link is to a file that came before; data has the size that was said; names take no more memory
 * than they may.
 */
#define MEMORY 65536

#include "tar/cpio.h"
#include "tar/cpio_read.h"
#include "limits.h"
#include "pieces.h"

/* Paths of all that a hard link may be to, of this reading. */
static char **files;
static size_t n_files;

static void add_file(const char *path)
{
	files = realloc(files, (n_files + 1) * sizeof(*files));
	promise(files && (files[n_files++] = strdup(path)));
}

static bool has_file(const char *path)
{
	for (size_t i = 0; i < n_files; i++)
		if (strcmp(files[i], path) == 0)
			return true;
	return false;
}

static void forget_files(void)
{
	while (n_files > 0)
		free(files[--n_files]);
	free(files);
	files = NULL;
}

static void check_member(struct story *s, const struct member *m)
{
	const uint64_t numbers[] = { m->type, m->mode, m->uid,
				     m->gid,  m->size, (uint64_t)m->mtime.tv_sec,
				     m->rdev };

	digest(s, numbers, sizeof(numbers));
	digest(s, m->path, strlen(m->path));
	promise(*m->path && strlen(m->path) < PATH_MAX && m->mode <= 07777);
	promise(m->uid != UINT32_MAX && m->gid != UINT32_MAX && m->xattrs.used == 0);
	promise(m->type == MEMBER_FILE || m->size == 0);
	if (m->type == MEMBER_SYMLINK || m->type == MEMBER_HARDLINK) {
		promise(*m->target && strlen(m->target) < PATH_MAX);
		digest(s, m->target, strlen(m->target));
	}
	if (m->type == MEMBER_HARDLINK)
		promise(has_file(m->target));
	else if (m->type != MEMBER_DIRECTORY && m->type != MEMBER_SYMLINK)
		add_file(m->path);
}

/* The data of the last member, to its file when there is one, which is released. */
static int read_data(struct cpio_reader *c, const struct member *m, struct tree_file *file,
		     struct story *s, struct fail *f)
{
	uint64_t offset, end = 0;
	const void *data;
	size_t size;
	int r;

	while ((r = cpio_reader_data(c, &data, &size, &offset, f)) > 0) {
		promise(size > 0 && offset == end);
		story_write(s, file, data, size, offset, f);
		end = offset + size;
	}
	promise(r < 0 || end == m->size);
	story_release(s, file, r, f);
	return r;
}

/* Reads the archive to its end, also when the tree does not take a member. */
static void read_archive(struct feed *feed, struct tree *tree, struct story *s)
{
	struct tree_file *file;
	struct cpio_reader *c;
	struct member m;
	struct fail f;

	*s = (struct story){ 0 };
	promise(cpio_reader_open(feed_piece, feed, "archive", MEMORY, &c, &f) == 0);
	while ((s->r = cpio_reader_next(c, &m, &f)) > 0) {
		check_member(s, &m);
		file = NULL;
		if (tree && s->tree_error == 0)
			s->tree_error = tree_add(tree, &m, &file, &f);
		s->r = read_data(c, &m, file, s, &f);
		member_free(&m);
		if (s->r < 0)
			break;
	}
	s->members = cpio_reader_members(c);
	s->bytes = cpio_reader_bytes(c);
	if (s->r == 0 && s->tree_error == 0 && tree)
		s->tree_error = tree_finish(tree, &f);
	promise(s->r == 0 || f.error == -s->r);
	cpio_reader_close(c);
	free(feed->piece);
	forget_files();
}

static bool has_trailer(const uint8_t *archive, size_t size)
{
	return memmem(archive, size, CPIO_TRAILER, sizeof(CPIO_TRAILER));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	read_twice(data, size, 64, read_archive, has_trailer);
	return 0;
}
