/* Headers, data and padding of an archive. */
#include "tar/tar_write.h"

#include <errno.h>
#include <stdio.h>
#include <sys/sysmacros.h>

#include "tar/tar_header.h"
#include "tar/tar_write_pax.h"

/* POSIX.1-1988; numbers are octal with a NUL behind. */
struct ustar {
	char name[100], mode[8], uid[8], gid[8], size[12], mtime[12], checksum[8], type, link[100];
	char magic[6], version[2], user[32], group[32], major[8], minor[8], prefix[155], rest[12];
};
_Static_assert(sizeof(struct ustar) == TAR_BLOCK, "a header is a block");

struct tar_writer {
	tar_sink_fn *sink;
	void *arg;
	struct buffer head, records, path, map; /* of the current member; room is used again */
	char what[FAIL_WHAT_MAX];               /* its path, for messages */
	const struct tar_extent *extents;
	size_t n_extents, extent; /* extent: the first that is not yet written */
	struct tar_extent whole;  /* the map of a file without holes */
	bool sparse;
	uint64_t size, position; /* of the current file, and where its data has come to; bytes */
	uint64_t left;           /* bytes of data that are still to come */
	unsigned padding;        /* behind them */
};

static const char type_letters[] = {
	[MEMBER_FILE] = '0',     [MEMBER_DIRECTORY] = '5', [MEMBER_SYMLINK] = '2',
	[MEMBER_HARDLINK] = '1', [MEMBER_CHAR] = '3',      [MEMBER_BLOCK] = '4',
	[MEMBER_FIFO] = '6',
};

static unsigned padding_of(uint64_t size)
{
	return (unsigned)(-size % TAR_BLOCK);
}

/* ---- fields ---- */

/* Base-256, two's complement, where octal digits do not do: readers without pax understand it. Returns false then. */
static bool put_number(char *field, size_t size, uint64_t value, bool negative)
{
	if (!negative && value >> (3 * (size - 1)) == 0) {
		snprintf(field, size, "%0*llo", (int)size - 1, (unsigned long long)value);
		return true;
	}
	for (size_t i = size; i-- > 0; value = value >> 8 | (negative ? 0xffULL << 56 : 0))
		field[i] = (char)(value & 0xff);
	field[0] = (char)(field[0] | 0x80);
	return false;
}

#define PUT_NUMBER(field, value) put_number(field, sizeof(field), value, false)

/* May the name be cut at this slash? A reader may join the parts with one slash where there were two. */
static bool is_cut(const char *name, size_t slash)
{
	return name[slash] == '/' && name[slash - 1] != '/' && name[slash + 1] != '/';
}

/* Returns false when it does not fit. */
static bool put_name(struct ustar *h, const char *name, size_t size)
{
	size_t first = size > sizeof(h->name) + 1 ? size - sizeof(h->name) - 1 : 1;

	memcpy(h->name, name, size < sizeof(h->name) ? size : sizeof(h->name));
	if (size <= sizeof(h->name))
		return true;
	for (size_t slash = first; slash + 1 < size && slash <= sizeof(h->prefix); slash++) {
		if (!is_cut(name, slash))
			continue;
		memset(h->name, 0, sizeof(h->name));
		memcpy(h->prefix, name, slash);
		memcpy(h->name, name + slash + 1, size - slash - 1);
		return true;
	}
	return false;
}

/* Completes a header and adds it. */
static void add_header(struct tar_writer *w, struct ustar *h)
{
	unsigned sum = 0;

	memcpy(h->magic, "ustar", sizeof(h->magic));
	memcpy(h->version, "00", sizeof(h->version));
	memset(h->checksum, ' ', sizeof(h->checksum));
	for (size_t i = 0; i < sizeof(*h); i++)
		sum += ((const unsigned char *)h)[i];
	snprintf(h->checksum, sizeof(h->checksum), "%06o", sum);
	buffer_add(&w->head, h, sizeof(*h));
}

/* ---- the headers of a member ---- */

static void put_path(struct tar_writer *w, const struct member *m, struct ustar *h)
{
	const char *slash = strrchr(m->path, '/'), *name = slash ? slash + 1 : m->path;

	buffer_clear(&w->path);
	if (w->sparse) { /* which GNU.sparse.name gives back; who does not know it gets no broken file */
		buffer_add(&w->path, m->path, (size_t)(name - m->path));
		buffer_add_text(&w->path, "GNUSparseFile.0/");
		buffer_add_text(&w->path, name);
	} else {
		buffer_add_text(&w->path, m->path);
		if (m->type == MEMBER_DIRECTORY && !ends_with(m->path, "/"))
			buffer_add(&w->path, "/", 1);
	}
	if (!w->path.failed && !put_name(h, w->path.data, w->path.used) && !w->sparse)
		tar_pax_write(&w->records, "path", w->path.data, w->path.used);
}

static void put_link(struct tar_writer *w, const struct member *m, struct ustar *h)
{
	size_t size = strlen(m->target);

	memcpy(h->link, m->target, size < sizeof(h->link) ? size : sizeof(h->link));
	if (size > sizeof(h->link))
		tar_pax_write(&w->records, "linkpath", m->target, size);
}

static void put_time(struct tar_writer *w, const struct member *m, struct ustar *h)
{
	bool fits = put_number(h->mtime, sizeof(h->mtime), (uint64_t)m->mtime.tv_sec,
			       m->mtime.tv_sec < 0);

	if (!fits || m->mtime.tv_nsec > 0)
		tar_pax_write_time(&w->records, "mtime", m->mtime);
}

static void put_device(struct tar_writer *w, const struct member *m, struct ustar *h)
{
	bool device = m->type == MEMBER_CHAR || m->type == MEMBER_BLOCK;

	if (!PUT_NUMBER(h->major, device ? major(m->rdev) : 0))
		tar_pax_write_number(&w->records, "SCHILY.devmajor", major(m->rdev));
	if (!PUT_NUMBER(h->minor, device ? minor(m->rdev) : 0))
		tar_pax_write_number(&w->records, "SCHILY.devminor", minor(m->rdev));
}

static void put_sparse(struct tar_writer *w, const struct member *m)
{
	tar_pax_write_text(&w->records, "GNU.sparse.major", "1");
	tar_pax_write_text(&w->records, "GNU.sparse.minor", "0");
	tar_pax_write_text(&w->records, "GNU.sparse.name", m->path);
	tar_pax_write_number(&w->records, "GNU.sparse.realsize", m->size);
}

/* Fills the member's own header, and the records with what does not fit into it. stored: bytes behind it. */
static int put_member(struct tar_writer *w, const struct member *m, uint64_t stored,
		      struct ustar *h)
{
	struct buffer *records = &w->records;

	h->type = type_letters[m->type];
	PUT_NUMBER(h->mode, m->mode & 07777);
	put_path(w, m, h);
	if (m->type == MEMBER_SYMLINK || m->type == MEMBER_HARDLINK)
		put_link(w, m, h);
	if (!PUT_NUMBER(h->size, stored))
		tar_pax_write_number(records, "size", stored);
	if (!PUT_NUMBER(h->uid, m->uid))
		tar_pax_write_number(records, "uid", m->uid);
	if (!PUT_NUMBER(h->gid, m->gid))
		tar_pax_write_number(records, "gid", m->gid);
	put_time(w, m, h);
	put_device(w, m, h);
	if (w->sparse)
		put_sparse(w, m);
	return tar_pax_write_xattrs(records, &m->xattrs);
}

static void add_records(struct tar_writer *w)
{
	static const char name[] = "././@PaxHeader"; /* Python's: always the same */
	struct ustar h = { .type = 'x' };

	memcpy(h.name, name, sizeof(name));
	PUT_NUMBER(h.mode, 0644);
	PUT_NUMBER(h.uid, 0);
	PUT_NUMBER(h.gid, 0);
	PUT_NUMBER(h.mtime, 0);
	PUT_NUMBER(h.size, w->records.used);
	PUT_NUMBER(h.major, 0);
	PUT_NUMBER(h.minor, 0);
	add_header(w, &h);
	buffer_add(&w->head, w->records.data, w->records.used);
	buffer_add_zeros(&w->head, padding_of(w->records.used));
}

/* ---- maps ---- */

/* The map that stands before the data: numbers in lines, to the end of a block. A hole at the end of the file makes an
 * extent of size 0 there, as in GNU tar's. */
static void make_map(struct tar_writer *w)
{
	const struct tar_extent *last = &w->extents[w->n_extents - 1];
	bool hole = last->offset + last->size < w->size;

	buffer_printf(&w->map, "%zu\n", w->n_extents + hole);
	for (size_t i = 0; i < w->n_extents; i++)
		buffer_printf(&w->map, "%llu\n%llu\n", (unsigned long long)w->extents[i].offset,
			      (unsigned long long)w->extents[i].size);
	if (hole)
		buffer_printf(&w->map, "%llu\n0\n", (unsigned long long)w->size);
	buffer_add_zeros(&w->map, padding_of(w->map.used));
}

/* Takes over where the data is. */
static int start_file(struct tar_writer *w, const struct member *m,
		      const struct tar_extent *extents, size_t n, struct fail *f)
{
	uint64_t end = 0;

	w->size = m->type == MEMBER_FILE ? m->size : 0;
	w->whole = (struct tar_extent){ 0, w->size };
	w->sparse = m->type == MEMBER_FILE && n > 0 &&
		    (n > 1 || extents[0].offset > 0 || extents[0].size != m->size);
	w->extents = w->sparse ? extents : &w->whole;
	w->n_extents = w->sparse ? n : 1;
	w->extent = 0;
	w->position = w->left = 0;
	for (size_t i = 0; i < w->n_extents; i++) {
		const struct tar_extent *e = &w->extents[i];

		if (e->offset < end || e->offset > w->size || e->size > w->size - e->offset)
			return fail_set(
				f, EBADMSG, m->path,
				"Make the archive again with tar --sparse, or without.",
				"its map of holes has entries that overlap or are not sorted");
		end = e->offset + e->size;
		w->left += e->size;
	}
	w->padding = padding_of(w->left);
	return 0;
}

/* ---- writing ---- */

static int send(struct tar_writer *w, const void *data, size_t size, struct fail *f)
{
	return size > 0 ? w->sink(w->arg, data, size, f) : 0;
}

static int end_member(struct tar_writer *w, struct fail *f)
{
	static const char zeros[TAR_BLOCK];

	if (w->left > 0)
		return fail_set(f, EIO, w->what, "Pack a root that nobody writes to.",
				"it became shorter while it was read");
	return send(w, zeros, w->padding, f);
}

int tar_writer_open(tar_sink_fn *sink, void *arg, struct tar_writer **ret)
{
	struct tar_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return -ENOMEM;
	w->sink = sink;
	w->arg = arg;
	*ret = w;
	return 0;
}

/* Puts all that stands before the data into w->head. */
static int make_head(struct tar_writer *w, const struct member *m, struct fail *f)
{
	struct ustar h = { 0 };
	int r;

	buffer_clear(&w->head);
	buffer_clear(&w->records);
	buffer_clear(&w->map);
	if (w->sparse)
		make_map(w);
	r = put_member(w, m, add_u64(w->left, w->map.used), &h);
	if (r == -EINVAL)
		return fail_set(f, EINVAL, m->path,
				"Remove it (setfacl -b), or leave the file out with --exclude.",
				"it has an ACL that Linux would not accept");
	if (w->records.used > 0)
		add_records(w);
	add_header(w, &h);
	buffer_add(&w->head, w->map.data, w->map.used);
	if (r < 0 || w->head.failed || w->records.failed || w->path.failed || w->map.failed)
		return fail_errno(f, ENOMEM, m->path, "cannot write it to the archive");
	return 0;
}

int tar_writer_add(struct tar_writer *w, const struct member *m, const struct tar_extent *extents,
		   size_t n_extents, struct fail *f)
{
	int r = end_member(w, f);

	if (r == 0)
		r = start_file(w, m, extents, n_extents, f);
	if (r == 0)
		r = make_head(w, m, f);
	if (r == 0) {
		snprintf(w->what, sizeof(w->what), "%s", m->path);
		r = send(w, w->head.data, w->head.used, f);
	}
	return r;
}

/* ---- data ---- */

/* The extent that ends behind the position, or NULL. */
static const struct tar_extent *current_extent(struct tar_writer *w)
{
	for (; w->extent < w->n_extents; w->extent++) {
		const struct tar_extent *e = &w->extents[w->extent];

		if (w->position < e->offset + e->size)
			return e;
	}
	return NULL;
}

/* Writes what extents have before offset, which no data came for. */
static int fill(struct tar_writer *w, uint64_t offset, struct fail *f)
{
	static const char zeros[65536];
	const struct tar_extent *e;
	uint64_t end, size;
	int r = 0;

	while (r == 0 && w->position < offset && (e = current_extent(w))) {
		if (w->position < e->offset)
			w->position = min_u64(e->offset, offset);
		end = min_u64(e->offset + e->size, offset);
		size = min_u64(end - w->position, sizeof(zeros));
		r = send(w, zeros, (size_t)size, f);
		w->position += size;
		w->left -= size;
	}
	w->position = offset;
	return r;
}

/* Writes the first bytes of data at the position: those in the current extent, or those before it, which are a hole.
 * Returns their number, -errno. */
static ssize_t write_part(struct tar_writer *w, const char *data, size_t size, struct fail *f)
{
	const struct tar_extent *e = current_extent(w);
	bool hole = !e || w->position < e->offset;
	uint64_t end = !e ? w->size : hole ? e->offset : e->offset + e->size;
	size_t part = (size_t)min_u64(size, end - w->position);
	int r;

	if (hole && (part == 0 || !is_zero(data, part)))
		return fail_set(f, EIO, w->what, "Pack a root that nobody writes to.",
				"it became longer while it was read");
	if (!hole) {
		r = send(w, data, part, f);
		if (r < 0)
			return r;
		w->left -= part;
	}
	w->position += part;
	return (ssize_t)part;
}

int tar_writer_data(struct tar_writer *w, const void *data, size_t size, uint64_t offset,
		    struct fail *f)
{
	const char *at = data;
	ssize_t n;
	int r;

	if (offset < w->position || (!w->sparse && offset > w->position) || offset > w->size)
		return fail_set(f, EBADMSG, w->what,
				"Make the archive again with tar --sparse, or without.",
				"the pieces of its data overlap or are not sorted");
	r = fill(w, offset, f);
	for (; r == 0 && size > 0; at += n, size -= (size_t)n) {
		n = write_part(w, at, size, f);
		if (n < 0)
			return (int)n;
	}
	return r;
}

int tar_writer_finish(struct tar_writer *w, struct fail *f)
{
	static const char end[2 * TAR_BLOCK];
	int r = end_member(w, f);

	return r < 0 ? r : send(w, end, sizeof(end), f);
}

void tar_writer_free(struct tar_writer *w)
{
	if (!w)
		return;
	buffer_free(&w->head);
	buffer_free(&w->records);
	buffer_free(&w->path);
	buffer_free(&w->map);
	free(w);
}
