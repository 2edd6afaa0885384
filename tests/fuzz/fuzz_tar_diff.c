/*
 * Our tar reader against libarchive's, on the same bytes: what one of them makes of an archive, the other must make of it,
 * too. Each member is compared in all that both can tell of it, and so is the place of the next one. Where they differ a row
 * of the table in tar_differences.h must say why, by what stands in the headers of that member; what is in no row is a bug of
 * one of them: it aborts. Behind a place that differs nothing is compared.
 *
 * The rows are counted; from time to time, and at the end, the counts go to standard error.
 */
#define OWN_BYTES 3

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "feed.h"
#include "limits.h"
#include "mutate_tar.h"
#include "tests/fuzz/tar_differences.h"
#include "tests/fuzz/tar_facts.h"
#include "tar/tar_read.h"

#define MEMBERS_MAX 80 /* more than an input of 32 KiB has */
#define READER_MEMORY (8U << 20)
#define COUNTS_EVERY 1000000

struct list {
	struct entry entries[MEMBERS_MAX];
	size_t n;
	int r; /* 0: whole; 1: more than could be compared */
	char why[404];
};

static void hash(uint64_t *digest, const void *data, size_t size)
{
	const uint8_t *at = data;

	while (size-- > 0)
		*digest = (*digest ^ *at++) * 0x100000001b3;
}

/* Zeros count like holes: what differs is only where bytes that are not zero lie. */
static void hash_data(uint64_t *digest, const uint8_t *data, size_t size, uint64_t offset)
{
	for (size_t i = 0; i < size; i++) {
		uint64_t at = offset + i;

		if (data[i] == 0)
			continue;
		hash(digest, &at, sizeof(at));
		hash(digest, data + i, 1);
	}
}

static void free_list(struct list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->entries[i].path);
		free(l->entries[i].target);
	}
}

static char *copy_text(const char *text)
{
	char *copy = strdup(text ? text : "");

	promise(copy);
	return copy;
}

/* ---- ours ---- */

static int read_ours_data(struct tar_reader *t, struct entry *e, struct fail *f)
{
	uint64_t offset;
	const void *data;
	size_t size;
	int r;

	while ((r = tar_reader_data(t, &data, &size, &offset, f)) > 0)
		hash_data(&e->digest, data, size, offset);
	return r;
}

static void read_ours(const uint8_t *data, size_t size, struct list *ret)
{
	struct feed feed = { .at = data, .left = size };
	struct tar_reader *t;
	struct member m;
	struct fail f = { 0 };

	ret->r = tar_reader_open(feed_piece, &feed, "archive", READER_MEMORY, &t, &f);
	promise(ret->r == 0);
	while (ret->n < MEMBERS_MAX && (ret->r = tar_reader_next(t, &m, &f)) > 0) {
		struct entry *e = &ret->entries[ret->n++];

		*e = (struct entry){ .start = tar_reader_position(t),
				     .type = m.type,
				     .path = copy_text(m.path),
				     .target = copy_text(m.target),
				     .size = m.type == MEMBER_FILE ? m.size : 0,
				     .mode = m.mode,
				     .uid = m.uid,
				     .gid = m.gid,
				     .mtime = m.mtime,
				     .rdev = m.rdev };
		ret->r = m.type == MEMBER_FILE ? read_ours_data(t, e, &f) : 0;
		member_free(&m);
		if (ret->r < 0)
			break;
	}
	snprintf(ret->why, sizeof(ret->why), "%.100s: %.300s", f.what, f.why);
	tar_reader_close(t);
	free(feed.piece);
}

/* ---- libarchive's ---- */

static int read_theirs_data(struct archive *a, struct entry *e)
{
	const void *data;
	la_int64_t offset;
	size_t size;
	int r;

	while ((r = archive_read_data_block(a, &data, &size, &offset)) == ARCHIVE_OK)
		hash_data(&e->digest, data, size, (uint64_t)offset);
	return r == ARCHIVE_EOF ? 0 : -1;
}

static void set_theirs(struct archive_entry *from, struct entry *e)
{
	static const struct {
		mode_t format;
		enum member_type type;
	} types[] = { { S_IFDIR, MEMBER_DIRECTORY },
		      { S_IFLNK, MEMBER_SYMLINK },
		      { S_IFCHR, MEMBER_CHAR },
		      { S_IFBLK, MEMBER_BLOCK },
		      { S_IFIFO, MEMBER_FIFO } };
	const char *hardlink = archive_entry_hardlink(from);

	*e = (struct entry){
		.type = hardlink ? MEMBER_HARDLINK : MEMBER_FILE,
		.path = copy_text(archive_entry_pathname(from)),
		.target = copy_text(hardlink ? hardlink : archive_entry_symlink(from)),
		.mode = archive_entry_perm(from) & 07777,
		.uid = (uid_t)archive_entry_uid(from),
		.gid = (gid_t)archive_entry_gid(from),
		.mtime = { archive_entry_mtime(from), archive_entry_mtime_nsec(from) },
		.rdev = makedev(archive_entry_rdevmajor(from), archive_entry_rdevminor(from)),
	};
	for (size_t i = 0; !hardlink && i < ARRAY_SIZE(types); i++)
		if (types[i].format == archive_entry_filetype(from))
			e->type = types[i].type;
	e->size = e->type == MEMBER_FILE ? (uint64_t)archive_entry_size(from) : 0;
}

static void read_theirs(const uint8_t *data, size_t size, struct list *ret)
{
	struct archive *a = archive_read_new();
	struct archive_entry *entry;
	int r;

	promise(a && archive_read_support_format_tar(a) == ARCHIVE_OK);
	r = archive_read_open_memory(a, data, size);
	while ((r == ARCHIVE_OK || r == ARCHIVE_WARN) && ret->n < MEMBERS_MAX) {
		r = archive_read_next_header(a, &entry);
		if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
			break;
		set_theirs(entry, &ret->entries[ret->n]);
		ret->entries[ret->n].start = (uint64_t)archive_read_header_position(a);
		ret->entries[ret->n].warned = r == ARCHIVE_WARN;
		if (ret->entries[ret->n].type == MEMBER_FILE)
			r = read_theirs_data(a, &ret->entries[ret->n]) < 0 ? ARCHIVE_FATAL
									   : ARCHIVE_OK;
		ret->n++;
	}
	ret->r = r == ARCHIVE_EOF ? 0 : r == ARCHIVE_OK || r == ARCHIVE_WARN ? 1 : -1;
	snprintf(ret->why, sizeof(ret->why), "%s",
		 archive_error_string(a) ? archive_error_string(a) : "no error");
	archive_read_free(a);
}

/* ---- differences ---- */

static uint64_t counts[ARRAY_SIZE(explanations)], other_headers, runs, same;

static void print_counts(void)
{
	fprintf(stderr, "%ju archives, %ju the same; other headers: %ju", (uintmax_t)runs,
		(uintmax_t)same, (uintmax_t)other_headers);
	for (size_t i = 0; i < ARRAY_SIZE(explanations); i++)
		if (counts[i])
			fprintf(stderr, "; %s: %ju", explanations[i].name, (uintmax_t)counts[i]);
	fputc('\n', stderr);
}

static void show(const char *who, const struct list *l, size_t at)
{
	const struct entry *e = &l->entries[at];

	fprintf(stderr, "%s: %zu members, result %d: %s\n", who, l->n, l->r, l->why);
	if (at < l->n)
		fprintf(stderr,
			"  %zu: type %d '%s' -> '%s' size %ju digest %jx mode %o owner %u:%u time "
			"%jd.%09ld device %jx\n",
			at, e->type, e->path, e->target, (uintmax_t)e->size, (uintmax_t)e->digest,
			e->mode, e->uid, e->gid, (intmax_t)e->mtime.tv_sec, e->mtime.tv_nsec,
			(uintmax_t)e->rdev);
}

static void explain(enum difference d, const struct list *ours, const struct list *theirs,
		    size_t at, const struct situation *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(explanations); i++) {
		const struct explanation *e = &explanations[i];

		if (e->differences & BIT(d) && e->holds(s)) {
			counts[i]++;
			return;
		}
	}
	fprintf(stderr, "%s, and no reason why: member %zu\n", difference_names[d], at);
	show("ours", ours, at);
	show("theirs", theirs, at);
	abort();
}

/* All fields of a member that both have. */
static void compare_member(const struct list *ours, const struct list *theirs, size_t at,
			   const struct facts *f)
{
	const struct situation s = { .facts = f,
				     .ours = &ours->entries[at],
				     .theirs = &theirs->entries[at] };
	bool is_cut = at + 1 == min_u64(ours->n, theirs->n) && (ours->r < 0 || theirs->r < 0);

	for (enum difference d = TYPE; d <= DEVICE; d++)
		if (!(d == DATA && is_cut) && differ(d, s.ours, s.theirs))
			explain(d, ours, theirs, at, &s);
}

/* Behind n members that both have: the one that has no more may have refused the next, or the data of the last one. */
static void compare_ends(const struct list *ours, const struct list *theirs, size_t n,
			 const struct facts *last)
{
	struct facts next;
	struct situation s = { .facts = &next,
			       .before = last,
			       .ours = &ours->entries[n - 1],
			       .theirs = &theirs->entries[n - 1] };
	enum difference d = PLACE;
	uint64_t end = facts_end(last, s.ours->type == MEMBER_DIRECTORY);

	if (ours->n == theirs->n && (ours->r < 0) == (theirs->r < 0)) {
		same++;
		return;
	}
	if (ours->n == n && ours->r < 0)
		d = OURS_REFUSES;
	else if (theirs->n == n && theirs->r < 0)
		d = THEIRS_REFUSES;
	s.theirs_refuses = d == THEIRS_REFUSES;
	facts_find(last->archive, last->size, end, last, &next);
	s.why = d == OURS_REFUSES ? ours->why : theirs->why;
	explain(d, ours, theirs, n, &s);
}

/* Our reader stands where the facts say; behind a hard link it may have passed over data. */
static void check_place(const struct facts *before, const struct entry *last, uint64_t start)
{
	if (type_of(before->own) != '1')
		promise(start == facts_end(before, last->type == MEMBER_DIRECTORY));
}

/* Up to the first place that differs. */
static void compare_lists(const uint8_t *tar, size_t size, const struct list *ours,
			  const struct list *theirs)
{
	size_t n = (size_t)min_u64(ours->n, theirs->n);
	struct facts facts[2];

	for (size_t i = 0; i < n; i++) {
		const struct facts *before = i ? &facts[(i - 1) % 2] : NULL;
		const struct situation s = { .before = before,
					     .ours = &ours->entries[i - !!i],
					     .theirs = &theirs->entries[i - !!i] };

		if (ours->entries[i].start != theirs->entries[i].start) {
			explain(PLACE, ours, theirs, i, &s);
			return;
		}
		facts_find(tar, size, ours->entries[i].start, before, &facts[i % 2]);
		promise(facts[i % 2].own);
		if (before)
			check_place(before, s.ours, ours->entries[i].start);
		if (is_read_otherwise(&facts[i % 2])) {
			other_headers++;
			return;
		}
		compare_member(ours, theirs, i, &facts[i % 2]);
	}
	if (n < MEMBERS_MAX)
		compare_ends(ours, theirs, n, &facts[(n - 1) % 2]);
}

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	atexit(print_counts);
	return 0;
}

/* An empty file before the archive: by its first header libarchive decides whether it is a tar at all. */
static uint8_t *with_first(const uint8_t *data, size_t size)
{
	uint8_t *tar = calloc(1, TAR_BLOCK + size);

	promise(tar);
	memcpy(tar, "first", 5);
	memcpy(tar + 100, "0000644\0000000000\0000000000\00000000000000\00014524770400", 47);
	memcpy(tar + 156, "0", 1);
	memcpy(tar + 257, "ustar\00000", 8);
	tar_repair(tar, TAR_BLOCK);
	memcpy(tar + TAR_BLOCK, data, size);
	return tar;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct list ours = { 0 }, theirs = { 0 };
	_cleanup_free_ uint8_t *tar = NULL;

	if (size < OWN_BYTES)
		return 0;
	size -= OWN_BYTES;
	tar = with_first(data + OWN_BYTES, size);
	size += TAR_BLOCK;
	read_ours(tar, size, &ours);
	read_theirs(tar, size, &theirs);
	promise(ours.n > 0 && theirs.n > 0);
	compare_lists(tar, size, &ours, &theirs);
	fuzz_accepted += ours.r == 0 && theirs.r == 0;
	free_list(&ours);
	free_list(&theirs);
	if (++runs % COUNTS_EVERY == 0)
		print_counts();
	return 0;
}
