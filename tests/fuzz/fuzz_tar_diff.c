/*
 * Our tar reader against libarchive's, on the same bytes: what one of them makes of an archive, the other
 * must make of it, too, or the difference is one of those in the table, each with its reason. What is in no
 * table is a bug of one of them: it aborts.
 *
 * The table is counted; from time to time, and at the end, the counts go to standard error.
 */
#define OWN_BYTES 3

#include <archive.h>
#include <archive_entry.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "feed.h"
#include "fuzz.h"
#include "limits.h"
#include "mutate_tar.h"
#include "tar_read.h"
#include "util.h"

#define MEMBERS_MAX 64
#define DATA_MAX \
	(1U << 20) /* of what a small archive says about holes and sizes, more is not read */
#define READER_MEMORY (8U << 20)
#define COUNTS_EVERY 1000000

enum {
	HAS_GLOBAL = 1,      /* a 'g' before it, somewhere */
	HAS_PAX = 2,         /* an 'x' or 'X' */
	HAS_LONG = 4,        /* an 'L' or 'K' */
	HAS_SPARSE = 8,      /* 'S', or records about sparse files */
	HAS_GNU_FIELDS = 16, /* those of 'S' in another type */
	HAS_NO_DATA = 32,    /* a type that has none, with a size */
	HAS_ODD_TYPE = 64,
	HAS_ACL = 128,
	HAS_HIGH = 256,       /* a byte above 127 in its headers */
	HAS_ODD_NUMBER = 512, /* a field that is not digits, then NULs or blanks */
	HAS_ODD_RECORD = 1024,
	HAS_NO_MAGIC = 2048,
	HAS_SLASH = 4096,
	HAS_EMPTY = 8192, /* a record without a value */
	HAS_LINK = 16384,
	HAS_SEVERAL = 32768, /* more than one 'x' */
};

/* What makes one of the two go on at another place: members of equal names may then be others. */
#define MOVES (HAS_ODD_TYPE | HAS_SPARSE | HAS_GNU_FIELDS | HAS_NO_DATA | HAS_GLOBAL)

/* A member as both can tell it. */
struct entry {
	enum member_type type;
	char *path, *target;
	uint64_t size, digest;
	mode_t mode;
	uid_t uid;
	gid_t gid;
	dev_t rdev;
	struct timespec mtime;
	unsigned has; /* of ours */
};

struct list {
	struct entry entries[MEMBERS_MAX];
	size_t n;
	int r; /* 0: whole; 1: more than could be compared */
	char why[400];
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

/* ---- what the headers of a member are like ---- */

static bool contains(const uint8_t *data, size_t size, const char *text)
{
	return memmem(data, size, text, strlen(text)) != NULL;
}

static bool is_odd_number(const uint8_t *field, size_t size)
{
	size_t i = 0;

	while (i < size && field[i] == ' ')
		i++;
	while (i < size && field[i] >= '0' && field[i] <= '7')
		i++;
	if (i == 0 && field[0] == '\0')
		return memcmp(field, field + 1, size - 1) != 0;
	while (i < size && (field[i] == ' ' || field[i] == '\0'))
		i++;
	return i < size;
}

static unsigned describe_records(const uint8_t *data, size_t size)
{
	unsigned has = HAS_PAX;

	if (contains(data, size, "sparse") || contains(data, size, "realsize") ||
	    contains(data, size, "holesdata"))
		has |= HAS_SPARSE;
	if (contains(data, size, ".acl."))
		has |= HAS_ACL;
	if (contains(data, size, "=\n"))
		has |= HAS_EMPTY;
	if (contains(data, size, " size="))
		has |= HAS_NO_DATA;
	if (contains(data, size, "charset") || memchr(data, '\0', size))
		has |= HAS_ODD_RECORD;
	return has;
}

static unsigned describe_header(const uint8_t *h)
{
	static const size_t numbers[][2] = { { 100, 8 },  { 108, 8 }, { 116, 8 }, { 124, 12 },
					     { 136, 12 }, { 148, 8 }, { 329, 8 }, { 337, 8 } };
	unsigned has = 0;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		has |= is_odd_number(h + numbers[i][0], numbers[i][1]) ? HAS_ODD_NUMBER : 0;
	for (size_t i = 0; i < TAR_BLOCK; i++)
		has |= h[i] >= 0x80 ? HAS_HIGH : 0;
	if (h[156] == 'S')
		has |= HAS_SPARSE;
	else if (memcmp(h + 345, (uint8_t[150]){ 0 }, 150) != 0 && memcmp(h + 257, "ustar", 6) != 0)
		has |= HAS_GNU_FIELDS;
	if (h[156] >= '1' && h[156] <= '6' && memcmp(h + 124, "00000000000", 11) != 0)
		has |= HAS_NO_DATA;
	if (h[156] == '1' || h[156] == '2')
		has |= HAS_LINK;
	if (!strchr("01234567xgLKS", h[156]))
		has |= HAS_ODD_TYPE;
	if (memcmp(h + 257, "ustar", 6) != 0 && memcmp(h + 257, "ustar  ", 8) != 0)
		has |= HAS_NO_MAGIC;
	if (h[345] || contains(h, 100, "/"))
		has |= HAS_SLASH;
	return has;
}

/* From the first header of a member to its own. global: what 'g' headers before said; is updated. */
static unsigned describe(const uint8_t *data, size_t size, size_t at, unsigned *global)
{
	unsigned has = 0;

	while (at + TAR_BLOCK <= size) {
		const uint8_t *h = data + at;
		size_t body = tar_body(h, size - at - TAR_BLOCK);

		has |= describe_header(h);
		if (!h[156] || !strchr("xXgLKV", h[156]))
			break;
		if (h[156] == 'L' || h[156] == 'K')
			has |= HAS_LONG;
		else if (h[156] == 'g')
			*global |= HAS_GLOBAL | describe_records(h + TAR_BLOCK, body);
		else if (h[156] != 'V')
			has |= (has & HAS_PAX ? HAS_SEVERAL : 0) |
			       describe_records(h + TAR_BLOCK, body);
		for (size_t i = 0; i < body; i++)
			has |= h[TAR_BLOCK + i] >= 0x80 ? HAS_HIGH : 0;
		at += TAR_BLOCK + body + -body % TAR_BLOCK;
	}
	return has | *global;
}

/* ---- ours ---- */

static int read_ours_data(struct tar_reader *t, struct entry *e, struct fail *f)
{
	uint64_t offset, sum = 0;
	const void *data;
	size_t size;
	int r;

	while ((r = tar_reader_data(t, &data, &size, &offset, f)) > 0 && sum < DATA_MAX) {
		hash_data(&e->digest, data, size, offset);
		sum += size;
	}
	return r;
}

static void read_ours(const uint8_t *data, size_t size, struct list *ret)
{
	struct feed feed = { .at = data, .left = size };
	struct tar_reader *t;
	unsigned global = 0;
	struct member m;
	struct fail f = { 0 };

	ret->r = tar_reader_open(feed_piece, &feed, "archive", READER_MEMORY, &t, &f);
	promise(ret->r == 0);
	while (ret->n < MEMBERS_MAX && (ret->r = tar_reader_next(t, &m, &f)) > 0) {
		struct entry *e = &ret->entries[ret->n++];

		*e = (struct entry){ .type = m.type,
				     .path = copy_text(m.path),
				     .target = copy_text(m.target),
				     .size = m.type == MEMBER_FILE ? m.size : 0,
				     .mode = m.mode,
				     .uid = m.uid,
				     .gid = m.gid,
				     .mtime = m.mtime,
				     .rdev = m.rdev };
		e->has = describe(data, size, tar_reader_position(t), &global);
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
	uint64_t sum = 0;
	const void *data;
	la_int64_t offset;
	size_t size;
	int r;

	while ((r = archive_read_data_block(a, &data, &size, &offset)) == ARCHIVE_OK &&
	       sum < DATA_MAX) {
		hash_data(&e->digest, data, size, (uint64_t)offset);
		sum += size;
	}
	return r == ARCHIVE_EOF || r == ARCHIVE_OK ? 0 : -1;
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

enum difference {
	OURS_REFUSES,
	OURS_ENDS, /* libarchive has more members */
	THEIRS_REFUSES,
	THEIRS_ENDS,
	TYPE,
	PATH,
	TARGET,
	SIZE,
	DATA,
	MODE,
	OWNER,
	TIME,
	DEVICE,
};
static const char *const difference_names[] = {
	"ours refuses", "ours ends", "theirs refuses", "theirs ends", "type", "path",  "target",
	"size",         "data",      "mode",           "owner",       "time", "device"
};

/* libarchive has an offset for a time before 1970 as seconds before and fraction after. */
static bool same_time(const struct timespec *ours, const struct timespec *theirs)
{
	struct timespec t = *theirs;

	if (t.tv_sec < 0 && t.tv_nsec > 0)
		t = (struct timespec){ t.tv_sec - 1, 1000000000 - t.tv_nsec };
	if (t.tv_sec == 0 && t.tv_nsec > 0 && ours->tv_sec == -1) /* and no sign without seconds */
		t = (struct timespec){ -1, 1000000000 - t.tv_nsec };
	return ours->tv_sec == t.tv_sec && ours->tv_nsec == t.tv_nsec;
}

/* A prefix may end with a slash, to which libarchive adds none. */
static bool same_path(const char *a, const char *b)
{
	while (*a == *b && *a) {
		if (*a == '/') {
			a += strspn(a, "/");
			b += strspn(b, "/");
		} else {
			a++;
			b++;
		}
	}
	return *a == *b;
}

/* The first thing that differs; -1 = nothing. */
static int compare(const struct entry *ours, const struct entry *theirs)
{
	if (ours->type != theirs->type)
		return TYPE;
	if (!same_path(ours->path, theirs->path))
		return PATH;
	if ((ours->type == MEMBER_SYMLINK || ours->type == MEMBER_HARDLINK) &&
	    strcmp(ours->target, theirs->target) != 0)
		return TARGET;
	if (ours->size != theirs->size)
		return SIZE;
	if (ours->digest != theirs->digest)
		return DATA;
	if (ours->mode != theirs->mode)
		return MODE;
	if (ours->uid != theirs->uid || ours->gid != theirs->gid)
		return OWNER;
	if (!same_time(&ours->mtime, &theirs->mtime))
		return TIME;
	if ((ours->type == MEMBER_CHAR || ours->type == MEMBER_BLOCK) && ours->rdev != theirs->rdev)
		return DEVICE;
	return -1;
}

#define ALWAYS UINT32_MAX
#define BIT(difference) (1U << (difference))
#define FIELDS                                                                                  \
	(BIT(TYPE) | BIT(PATH) | BIT(TARGET) | BIT(SIZE) | BIT(DATA) | BIT(MODE) | BIT(OWNER) | \
	 BIT(TIME) | BIT(DEVICE))
#define STRUCTURE (BIT(OURS_ENDS) | BIT(THEIRS_ENDS) | BIT(THEIRS_REFUSES))

/* What explains a difference: what the member (or, where members are missing, one before it) is like, and a part of the
 * message of the one that refuses. */
static const struct explanation {
	const char *name;
	uint32_t differences;
	unsigned has;     /* one of these; ALWAYS */
	const char *says; /* NULL: anything */
} explanations[] = {
	/* ---- what ours refuses ---- */
	{ "a number that is none", BIT(OURS_REFUSES), ALWAYS, "is no number" },
	{ "a number out of range", BIT(OURS_REFUSES), ALWAYS, "out of range" },
	{ "owners that Linux has not", BIT(OURS_REFUSES), ALWAYS, "Linux knows no" },
	{ "records that are none", BIT(OURS_REFUSES), ALWAYS, "of its extended header" },
	{ "records with other values", BIT(OURS_REFUSES), ALWAYS, "in its extended header" },
	{ "ACLs and attributes that are none", BIT(OURS_REFUSES), ALWAYS,
	  "its extended header has" },
	{ "maps that cannot be", BIT(OURS_REFUSES), ALWAYS, "its map of holes" },
	{ "sparse files without map or version", BIT(OURS_REFUSES), ALWAYS, "it is a sparse file" },
	{ "no end marker", BIT(OURS_REFUSES), ALWAYS, "no end marker" },
	{ "more behind the end", BIT(OURS_REFUSES), ALWAYS, "more data follows" },
	{ "no name", BIT(OURS_REFUSES), ALWAYS, "a member has no name" },
	{ "no target", BIT(OURS_REFUSES), ALWAYS, "a link to nothing" },
	{ "a directory with data", BIT(OURS_REFUSES), ALWAYS, "it has data" },
	{ "headers of no member", BIT(OURS_REFUSES), ALWAYS, "belongs to no member" },
	{ "a cut that libarchive does not see, in what it skips", BIT(OURS_REFUSES), ALWAYS,
	  "in the midst" },
	{ "libarchive takes data behind what has none, looks for it and for headers",
	  BIT(OURS_REFUSES), MOVES, "its checksum does not match" },
	{ "libarchive takes a checksum with junk in it", BIT(OURS_REFUSES), HAS_ODD_NUMBER,
	  "its checksum does not match" },
	{ "a long name without text and member", BIT(THEIRS_REFUSES), HAS_LONG, "Damaged" },
	{ "another volume", BIT(OURS_REFUSES), ALWAYS, "volume" },

	/* ---- what ours reads otherwise ---- */
	{ "libarchive changes the mode by the ACL, the kernel does it here", BIT(MODE), HAS_ACL,
	  NULL },
	{ "libarchive normalises names", BIT(PATH) | BIT(TARGET), HAS_HIGH, NULL },
	{ "libarchive forgets a target that is not in the header's own field", BIT(TARGET),
	  HAS_PAX | HAS_LONG, NULL },
	{ "libarchive ignores global headers", FIELDS | STRUCTURE, HAS_GLOBAL, NULL },
	{ "libarchive takes sparse fields and records otherwise", FIELDS | STRUCTURE, HAS_SPARSE,
	  NULL },
	{ "libarchive takes sparse fields of any type", FIELDS | STRUCTURE, HAS_GNU_FIELDS, NULL },
	{ "libarchive skips data of what has none", FIELDS | STRUCTURE, HAS_NO_DATA, NULL },
	{ "libarchive takes unknown types otherwise", FIELDS | STRUCTURE, HAS_ODD_TYPE, NULL },
	{ "of several pax headers before a member, libarchive (and GNU tar) take the last alone",
	  FIELDS | STRUCTURE, HAS_SEVERAL, NULL },
	{ "numbers with a NUL before them, in base 256, with signs", FIELDS | STRUCTURE,
	  HAS_ODD_NUMBER, NULL },
	{ "libarchive (and GNU tar) read no device numbers without a magic", BIT(DEVICE),
	  HAS_NO_MAGIC, NULL },
	{ "libarchive ends values at a NUL, and knows charsets", FIELDS | STRUCTURE, HAS_ODD_RECORD,
	  NULL },

};
static uint64_t counts[ARRAY_SIZE(explanations)], runs, same;

static void print_counts(void)
{
	fprintf(stderr, "%ju archives, %ju the same", (uintmax_t)runs, (uintmax_t)same);
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
			"%jd.%09ld device %jx has %x\n",
			at, e->type, e->path, e->target, (uintmax_t)e->size, (uintmax_t)e->digest,
			e->mode, e->uid, e->gid, (intmax_t)e->mtime.tv_sec, e->mtime.tv_nsec,
			(uintmax_t)e->rdev, e->has);
}

static void explain(enum difference d, const struct list *ours, const struct list *theirs,
		    size_t at, unsigned has)
{
	const char *why = d == THEIRS_REFUSES ? theirs->why : ours->why;

	for (size_t i = 0; i < ARRAY_SIZE(explanations); i++) {
		const struct explanation *e = &explanations[i];

		if (e->differences & BIT(d) && (e->has == ALWAYS || e->has & has) &&
		    (!e->says || strstr(why, e->says))) {
			counts[i]++;
			return;
		}
	}
	fprintf(stderr, "%s, and no reason why: member %zu, has %x\n", difference_names[d], at,
		has);
	show("ours", ours, at);
	show("theirs", theirs, at);
	abort();
}

/* Up to the first difference: behind it the two may be in different places. */
static void compare_lists(const struct list *ours, const struct list *theirs, unsigned tail)
{
	size_t n = ours->n < theirs->n ? ours->n : theirs->n;
	unsigned has = 0;
	int d;

	for (size_t i = 0; i < n; i++) {
		d = compare(&ours->entries[i], &theirs->entries[i]);
		has |= ours->entries[i].has;
		if (d >= 0) {
			/* cut data is no difference of data */
			if (d == DATA && (ours->r < 0 || theirs->r < 0) && i == n - 1)
				break;
			explain((enum difference)d, ours, theirs, i,
				d >= SIZE ? ours->entries[i].has | (has & MOVES) : has);
			return;
		}
	}
	if (ours->n < theirs->n || (ours->r < 0 && theirs->r >= 0))
		explain(ours->r < 0 ? OURS_REFUSES : OURS_ENDS, ours, theirs, n, has | tail);
	else if (ours->n > theirs->n || (theirs->r < 0 && ours->r >= 0))
		explain(theirs->r < 0 ? THEIRS_REFUSES : THEIRS_ENDS, ours, theirs, n,
			has | tail | (n < ours->n ? ours->entries[n].has : 0));
	else
		same++;
}

/* What the headers behind the last member of ours are like. */
static unsigned describe_tail(const uint8_t *data, size_t size)
{
	struct tar_layout map;
	unsigned has = 0, global = 0;

	tar_walk(data, size, &map);
	for (size_t i = 0; i < map.n; i++)
		has |= describe(data, size, map.at[i], &global);
	return has;
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
	compare_lists(&ours, &theirs, describe_tail(tar, size));
	fuzz_accepted += ours.r == 0 && theirs.r == 0;
	free_list(&ours);
	free_list(&theirs);
	if (++runs % COUNTS_EVERY == 0)
		print_counts();
	return 0;
}
