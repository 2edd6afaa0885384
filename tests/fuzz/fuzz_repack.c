/*
 * The packer's way with a tar: what it writes of an archive reads as the archive did. Each reading is
 * told in a line for each member, so that two of them can be compared, and read.
 */
#define OWN_BYTES 3

#include <locale.h>

#include "codec.h"
#include "feed.h"
#include "fuzz.h"
#include "limits.h"
#include "mutate_tar.h"
#include "payload_write.h"
#include "tar_read.h"

#define SIZE_ALL_MAX (1 << 20) /* bytes of all files, holes included */
#define EXTENTS_MAX 64

struct story {
	FILE *file;
	char *text;
	size_t text_size;
	uint64_t size; /* bytes of all files */
};

static void tell_xattrs(struct story *s, const struct xattrs *xattrs)
{
	size_t cursor = 0, size;
	const void *value;
	const char *name;

	while (xattrs_next(xattrs, &cursor, &name, &value, &size)) {
		fprintf(s->file, " %s=", name);
		for (size_t i = 0; i < size; i++)
			fprintf(s->file, "%02x", ((const uint8_t *)value)[i]);
	}
}

/* A directory may get a slash, an ACL decides on the mode, and libarchive keeps not all times. */
static void tell_member(struct story *s, const struct member *m)
{
	size_t length = strlen(m->path);
	bool lossy = m->mtime.tv_sec < 0;

	while (m->type == MEMBER_DIRECTORY && length > 0 && m->path[length - 1] == '/')
		length--;
	fprintf(s->file, "\n%.*s type %d mode %o owner %u:%u mtime %lld.%ld", (int)length, m->path,
		m->type, m->xattrs.used ? 0 : m->mode, m->uid, m->gid,
		lossy ? 0 : (long long)m->mtime.tv_sec, lossy ? 0 : m->mtime.tv_nsec);
	tell_xattrs(s, &m->xattrs);
	if (m->type == MEMBER_SYMLINK || m->type == MEMBER_HARDLINK)
		fprintf(s->file, " target %s", m->target);
	if (m->type == MEMBER_CHAR || m->type == MEMBER_BLOCK)
		fprintf(s->file, " device %llx", (unsigned long long)m->rdev);
	if (m->type != MEMBER_FILE)
		return;
	fprintf(s->file, " size %llu", (unsigned long long)m->size);
	s->size = m->size < SIZE_ALL_MAX ? s->size + m->size : SIZE_ALL_MAX;
}

/* A file as it reads: holes are zeros. */
static int pass_data(struct tar_reader *t, const struct member *m, struct story *s,
		     struct payload_writer *w, struct fail *f)
{
	uint8_t *all = calloc(1, s->size < SIZE_ALL_MAX ? m->size + 1 : 1);
	uint64_t offset, digest = 0;
	const void *data;
	size_t size;
	int r;

	promise(all);
	while ((r = tar_reader_data(t, &data, &size, &offset, f)) > 0) {
		if (s->size < SIZE_ALL_MAX && size <= m->size && offset <= m->size - size)
			memcpy(all + offset, data, size);
		r = w ? payload_writer_data(w, data, size, offset, f) : 0;
		if (r < 0)
			break;
	}
	for (size_t i = 0; s->size < SIZE_ALL_MAX && i < m->size; i++)
		digest = (digest ^ all[i]) * 0x100000001b3;
	fprintf(s->file, " data %llx", (unsigned long long)digest);
	free(all);
	return r;
}

/* Reads the archive to w, if any, and tells it. */
static int pass(struct feed *feed, struct payload_writer *w, struct story *s, struct fail *f)
{
	struct extent extents[EXTENTS_MAX];
	struct source_member m = { .extents = extents };
	struct tar_reader *t;
	const struct tar_extent *map;
	size_t n;
	int r = tar_reader_open(next_piece, feed, "archive", TAR_MEMORY_MAX, &t, f);

	*s = (struct story){ 0 };
	s->file = open_memstream(&s->text, &s->text_size);
	promise(s->file);
	if (r < 0)
		t = NULL;
	while (r >= 0 && (r = tar_reader_next(t, &m.m, f)) > 0) {
		tell_member(s, &m.m);
		map = tar_reader_extents(t, &n);
		for (m.n_extents = 0; m.n_extents < EXTENTS_MAX && m.n_extents < n; m.n_extents++)
			extents[m.n_extents] = (struct extent){ map[m.n_extents].offset,
								map[m.n_extents].size };
		r = w ? payload_writer_add(w, &m, f) : 0;
		if (r == 0 && m.m.type == MEMBER_FILE)
			r = pass_data(t, &m.m, s, w, f);
		member_free(&m.m);
	}
	tar_reader_close(t);
	fclose(s->file);
	free(feed->piece);
	feed->piece = NULL;
	return r;
}

/* Packs the archive to fd. */
static int pack(struct feed *feed, int fd, struct story *s, struct fail *f)
{
	const struct payload_settings settings = { .threads = 1, .block_size = 65536 };
	struct payload_writer *w;
	int r;

	promise(payload_writer_open(fd, &settings, &w, f) == 0);
	r = pass(feed, w, s, f);
	if (r == 0)
		r = payload_writer_finish(w, f);
	payload_writer_free(w);
	return r;
}

/* What was packed to fd, which is good xz. */
static size_t unpack(int fd, uint8_t *tar, size_t room)
{
	struct payload p = { .name = "payload" };
	struct block_list l;
	void *d;
	size_t used = 0, got;
	struct fail f;
	int r;

	promise(payload_add(&p, dup(fd), 0, (uint64_t)lseek(fd, 0, SEEK_END)) == 0);
	promise(block_list_read(&p, &l, &f) == 0 && codec_xz.decoder_new(&p, &d) == 0);
	for (size_t i = 0; i < l.n; i++) {
		promise(codec_xz.start(d, &l.blocks[i], &f) == 0);
		do {
			r = codec_xz.read(d, tar + used, room - used, &got, &f);
			promise(r >= 0);
			used += got;
		} while (r > 0);
	}
	codec_xz.decoder_free(d);
	block_list_free(&l);
	payload_close(&p);
	return used;
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	setlocale(LC_CTYPE, "C.UTF-8"); /* as the programs do */
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint8_t tar[4 * SIZE_ALL_MAX];
	struct feed feed, whole;
	struct story before, packed, after;
	struct fail f;
	int fd, r;

	if (size < OWN_BYTES)
		return 0;
	feed = whole = (struct feed){ .at = data + OWN_BYTES, .left = size - OWN_BYTES };
	r = pass(&feed, NULL, &before, &f);
	free(before.text);
	if (r < 0 || before.size >= SIZE_ALL_MAX)
		return 0;
	fd = memory_file(data, 0, 0);
	feed = whole;
	if (pack(&feed, fd, &packed, &f) == 0) {
		fuzz_accepted++;
		feed = (struct feed){ .at = tar, .left = unpack(fd, tar, sizeof(tar)) };
		r = pass(&feed, NULL, &after, &f);
		if (r < 0 || strcmp(packed.text, after.text) != 0)
			fprintf(stderr, "before:%s\nafter:%s\n%s\n", packed.text, after.text,
				r < 0 ? f.why : "");
		promise(r == 0 && strcmp(packed.text, after.text) == 0);
		free(after.text);
	}
	free(packed.text);
	close(fd);
	return 0;
}
