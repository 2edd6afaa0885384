/*
 * The cpio reader and the tree writer against hostile archives. Three bytes stand before the archive and say into which
 * pieces it is cut, as the chunks of the pipeline would be, and whether it breaks off.
 *
 * Promises: nothing outside the root changes; how the bytes are cut changes nothing; a source that fails is never taken for
 * a whole archive; a hard link is to a file that came before; data has the size that was said; names take no more memory
 * than they may.
 */
#define OWN_BYTES 3
#define MEMORY 65536

#include "tar/cpio.h"
#include "tar/cpio_read.h"
#include "feed.h"
#include "fuzz.h"
#include "limits.h"
#include "stage.h"
#include "tree/tree.h"

/* What a reading came to. */
struct story {
	int r, tree_error;
	uint64_t members, bytes, digest;
	char **files; /* paths of all that a hard link may be to */
	size_t n_files;
};

static void digest(struct story *s, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size-- > 0)
		s->digest = (s->digest ^ *at++) * 0x100000001b3;
}

static void add_file(struct story *s, const char *path)
{
	s->files = realloc(s->files, (s->n_files + 1) * sizeof(*s->files));
	promise(s->files && (s->files[s->n_files++] = strdup(path)));
}

static bool has_file(const struct story *s, const char *path)
{
	for (size_t i = 0; i < s->n_files; i++)
		if (strcmp(s->files[i], path) == 0)
			return true;
	return false;
}

static void forget_files(struct story *s)
{
	while (s->n_files > 0)
		free(s->files[--s->n_files]);
	free(s->files);
	s->files = NULL;
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
		promise(has_file(s, m->target));
	else if (m->type != MEMBER_DIRECTORY && m->type != MEMBER_SYMLINK)
		add_file(s, m->path);
}

/* The data of the last member, to its file when there is one, which is released. */
static int read_data(struct cpio_reader *c, const struct member *m, struct tree_file *file,
		     struct story *s, struct fail *f)
{
	uint64_t offset, end = 0;
	const void *data;
	size_t size;
	int r, error;

	while ((r = cpio_reader_data(c, &data, &size, &offset, f)) > 0) {
		promise(size > 0 && offset == end);
		digest(s, data, size);
		end = offset + size;
		if (file && s->tree_error == 0)
			s->tree_error = tree_file_write(file, data, size, offset, f);
	}
	promise(r < 0 || end == m->size);
	error = file ? tree_file_release(file, r == 0 && s->tree_error == 0, f) : 0;
	if (s->tree_error == 0)
		s->tree_error = error;
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
	forget_files(s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct feed pieces, whole, again;
	struct story cut, uncut;
	struct tree *tree;

	if (size < OWN_BYTES)
		return 0;
	whole = pieces = (struct feed){ .at = data + OWN_BYTES, .left = size - OWN_BYTES };
	pieces.step = data[0] < 128 ? data[0] : (data[0] - 127U) * 64;
	pieces.random = data[1] + 1U;
	pieces.breaks = data[2] == 1;

	promise(tree_new(stage_begin(), &tree) == 0);
	read_archive(&pieces, tree, &cut);
	tree_free(tree);
	stage_end(cut.tree_error);

	again = whole;
	read_archive(&again, NULL, &uncut);
	promise(pieces.breaks ? cut.r < 0 : cut.r == uncut.r);
	if (cut.r == 0) {
		promise(cut.members == uncut.members && cut.digest == uncut.digest);
		promise(cut.bytes == whole.left &&
			memmem(whole.at, whole.left, CPIO_TRAILER, sizeof(CPIO_TRAILER)));
	}
	fuzz_accepted += cut.r == 0 && cut.tree_error == 0;
	return 0;
}
