/*
 * The packer's way with a tar: what it writes of an archive reads as the archive did. Each reading is
 * told in a line for each member, so that two of them can be compared, and read.
 */
#define OWN_BYTES 3

#include "codec/codec.h"
#include "feed.h"
#include "fuzz.h"
#include "limits.h"
#include "mutate_tar.h"
#include "image/payload_write.h"
#include "tar/tar_read.h"

#define SIZE_ALL_MAX (1 << 20) /* bytes of all files, holes included */

struct story {
	FILE *file;
	char *text;
	size_t text_size;
	uint64_t size; /* bytes of all files */
};

/* As the kernel takes it: in order, and only users and groups have numbers. */
static void tell_acl(struct story *s, const void *value, size_t size)
{
	struct acl_entry *entries = calloc(size / sizeof(*entries) + 1, sizeof(*entries));
	int n = acl_parse(value, size, entries, size / sizeof(*entries) + 1);
	struct xattrs sorted = { 0 };
	size_t cursor = 0;
	const char *name;

	for (int i = 0; i < n; i++)
		if (entries[i].tag != 0x02 && entries[i].tag != 0x08)
			entries[i].id = ACL_UNDEFINED_ID;
	if (n > 0) {
		promise(xattrs_add_acl(&sorted, "acl", entries, (size_t)n) == 0);
		xattrs_next(&sorted, &cursor, &name, &value, &size);
		for (size_t i = 0; i < size; i++)
			fprintf(s->file, "%02x", ((const uint8_t *)value)[i]);
	}
	xattrs_free(&sorted);
	free(entries);
}

/* In the order of their names; of two with one name the last. */
static void tell_xattrs(struct story *s, const struct xattrs *xattrs)
{
	const char *told = "", *next, *name;
	const void *value, *last = NULL;
	size_t size, last_size = 0;

	do {
		next = NULL;
		for (size_t at = 0; xattrs_next(xattrs, &at, &name, &value, &size);) {
			if (strcmp(name, told) <= 0 || (next && strcmp(name, next) > 0))
				continue;
			next = name;
			last = value;
			last_size = size;
		}
		if (next && strncmp(next, "system.posix_acl_", strlen("system.posix_acl_")) == 0) {
			fprintf(s->file, " %s=", next);
			tell_acl(s, last, last_size);
		} else if (next) {
			fprintf(s->file, " %s=", next);
			for (size_t i = 0; i < last_size; i++)
				fprintf(s->file, "%02x", ((const uint8_t *)last)[i]);
		}
		told = next;
	} while (next);
}

/* A directory may get a slash. */
static void tell_member(struct story *s, const struct member *m)
{
	size_t length = strlen(m->path);

	while (m->type == MEMBER_DIRECTORY && length > 0 && m->path[length - 1] == '/')
		length--;
	fprintf(s->file, "\n%.*s type %d mode %o owner %u:%u mtime %lld.%ld", (int)length, m->path,
		m->type, m->mode, m->uid, m->gid, (long long)m->mtime.tv_sec, m->mtime.tv_nsec);
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

/* The map of the last member, which is the caller's. A map of all is none. */
static struct tar_extent *take_map(struct tar_reader *t, const struct member *m, struct story *s,
				   size_t *ret_n)
{
	const struct tar_extent *map = tar_reader_extents(t, ret_n);
	struct tar_extent *copy = calloc(*ret_n + 1, sizeof(*copy));

	promise(copy);
	for (size_t i = 0; i < *ret_n; i++) {
		copy[i] = map[i];
		if (map[i].size < m->size)
			fprintf(s->file, " %llu+%llu", (unsigned long long)map[i].offset,
				(unsigned long long)map[i].size);
	}
	return copy;
}

/* Reads the archive to w, if any, and tells it. */
static int pass(struct feed *feed, struct payload_writer *w, struct story *s, struct fail *f)
{
	struct tar_extent *extents;
	struct tar_reader *t;
	struct member m;
	size_t n;
	int r = tar_reader_open(feed_piece, feed, "archive", TAR_MEMORY_MAX, &t, f);

	*s = (struct story){ 0 };
	s->file = open_memstream(&s->text, &s->text_size);
	promise(s->file);
	if (r < 0)
		t = NULL;
	while (r >= 0 && (r = tar_reader_next(t, &m, f)) > 0) {
		tell_member(s, &m);
		extents = take_map(t, &m, s, &n);
		r = w ? payload_writer_add(w, &m, extents, n, f) : 0;
		if (r == 0 && m.type == MEMBER_FILE)
			r = pass_data(t, &m, s, w, f);
		free(extents);
		member_free(&m);
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
	const struct encode_settings settings = { .threads = 1, .block_size = 65536 };
	struct payload_writer *w;
	int r;

	promise(payload_writer_open(fd, "image", &encode_xz, &settings, &w, f) == 0);
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
	promise(block_list_read(&p, &l, &f) == 0 && codec_xz.decoder_new(&p, &l, &d) == 0);
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
