/*
 * The cpio reader: what it makes of each format, whatever the pieces in which the bytes come; the names of files with
 * several; every cut, every field that holds junk, every limit, with the sentence that tells of it.
 */
#include "tar/cpio_read.h"

#include <errno.h>
#include <limits.h>
#include <stdarg.h>
#include <sys/sysmacros.h>

#include "feed.h"
#include "scratch.h"
#include "tap.h"

#define MEMORY (1 << 20)
#define REMAKE "Make the archive again with cpio -o -H newc, or pack the root with `tarboot pack`."

enum format { NEWC, CRC, ODC };
static const char *const format_names[] = { "newc", "crc", "odc" };

/* ---- archives ---- */

static char archive[32768];
static size_t archive_size;
static enum format format;

static void add_bytes(const void *bytes, size_t size)
{
	if (size)
		memcpy(archive + archive_size, bytes, size);
	archive_size += size;
}

static void pad(void)
{
	while (format != ODC && archive_size % 4 != 0)
		archive[archive_size++] = '\0';
}

/* What a test says of a member; zeros stand for what most have. */
struct entry {
	const char *name;
	unsigned mode, uid, gid, nlink, ino, major, minor;
	uint64_t mtime;
	const char *data;
	size_t size, name_size; /* 0: of data and name */
	unsigned check;         /* 0: the right one */
};

static unsigned sum_of(const struct entry *e, size_t size)
{
	unsigned sum = 0;

	for (size_t i = 0; i < size; i++)
		sum += (unsigned char)e->data[i];
	return e->check ? e->check : sum;
}

static void add(struct entry e)
{
	size_t size = e.size || !e.data ? e.size : strlen(e.data);
	unsigned nlink = e.nlink ? e.nlink : 1;
	size_t name_size = e.name_size ? e.name_size : strlen(e.name) + 1;
	char head[128];

	if (format == ODC)
		snprintf(head, sizeof(head), "070707%06o%06o%06o%06o%06o%06o%06o%011llo%06zo%011zo",
			 7U, e.ino, e.mode, e.uid, e.gid, nlink, e.major << 8 | e.minor,
			 (unsigned long long)e.mtime, name_size, size);
	else
		snprintf(head, sizeof(head),
			 "07070%d%08x%08X%08x%08x%08x%08X%08x%08x%08x%08x%08x%08x%08x",
			 format == CRC ? 2 : 1, e.ino, e.mode, e.uid, e.gid, nlink,
			 (unsigned)e.mtime, (unsigned)size, 0U, 7U, e.major, e.minor,
			 (unsigned)name_size, format == CRC ? sum_of(&e, size) : 0);
	add_bytes(head, strlen(head));
	add_bytes(e.name, name_size);
	pad();
	add_bytes(e.data, size);
	pad();
}

static void start(enum format f)
{
	format = f;
	archive_size = 0;
	memset(archive, 0, sizeof(archive));
}

#define ADD(entry_name, entry_mode, ...) \
	add((struct entry){ .name = entry_name, .mode = entry_mode, ##__VA_ARGS__ })

static void end(void)
{
	ADD("TRAILER!!!", 0);
}

/* ---- reading ---- */

/* What was read, one line for each member. */
static char story[65536];
static size_t story_size;

static void tell(const char *text, ...) _printf_(1, 2);
static void tell(const char *text, ...)
{
	va_list ap;

	va_start(ap, text);
	story_size += (size_t)vsnprintf(story + story_size, sizeof(story) - story_size, text, ap);
	va_end(ap);
}

static void tell_member(const struct member *m)
{
	static const char letters[] = "fdlhcbp";

	tell("%c %s %04o %u:%u @%lld", letters[m->type], m->path, (unsigned)m->mode, m->uid, m->gid,
	     (long long)m->mtime.tv_sec);
	if (m->type == MEMBER_SYMLINK || m->type == MEMBER_HARDLINK)
		tell(" -> %s", m->target);
	if (m->type == MEMBER_CHAR || m->type == MEMBER_BLOCK)
		tell(" %u,%u", major(m->rdev), minor(m->rdev));
}

/* skips: the data of files is not asked for. */
static int read_members(struct cpio_reader *c, bool skips, struct fail *f)
{
	const void *data;
	struct member m;
	uint64_t offset;
	size_t n;
	int r;

	while ((r = cpio_reader_next(c, &m, f)) > 0) {
		uint64_t want = 0;

		tell_member(&m);
		if (m.type == MEMBER_FILE)
			tell(" %llu ", (unsigned long long)m.size);
		while (!skips && (r = cpio_reader_data(c, &data, &n, &offset, f)) > 0) {
			tell("%.*s%s", (int)n, (const char *)data, offset == want ? "" : "?");
			want += n;
		}
		tell("\n");
		member_free(&m);
		if (r < 0)
			return r;
	}
	return r;
}

static int read_part(size_t size, size_t step, bool skips, size_t memory, struct fail *f)
{
	struct feed feed = { .at = archive, .left = size, .step = step };
	struct cpio_reader *c;
	int r;

	story_size = 0;
	*story = '\0';
	must(cpio_reader_open(feed_piece, &feed, "the archive", memory, &c, f));
	r = read_members(c, skips, f);
	if (r == 0)
		tell("%llu members, %llu bytes\n", (unsigned long long)cpio_reader_members(c),
		     (unsigned long long)cpio_reader_bytes(c));
	cpio_reader_close(c);
	free(feed.piece);
	return r;
}

/* The whole archive becomes this; in every way that it can be read. */
static void becomes(const char *want, const char *name)
{
	static const size_t steps[] = { 1, 2, 3, 7, 100, 511, 512, 513, sizeof(archive) };
	char whole[65536];
	struct fail f = { 0 };

	snprintf(whole, sizeof(whole), "%s, %zu bytes\n", want, archive_size);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (read_part(archive_size, steps[i], false, MEMORY, &f) < 0)
			tell("%s: %s", f.what, f.why);
		if (strcmp(story, whole) != 0)
			break;
	}
	is_str(story, whole, "%s: %s", format_names[format], name);
}

/* It is refused with this sentence, also when nobody wants its data. */
static void refused(int error, const char *what, const char *why, const char *todo)
{
	struct fail f = { 0 };

	for (int skips = 0; skips < 2; skips++)
		ok(read_part(archive_size, 5, skips, MEMORY, &f) == -error && f.error == error &&
			   strcmp(f.what, what) == 0 && strcmp(f.why, why) == 0 &&
			   strcmp(f.todo, todo) == 0,
		   "%s: %s: %s", format_names[format], what, why) ||
			(diag("%s: %s (%s)", f.what, f.why, f.todo), 0);
}

/* ---- members ---- */

static void make_all_types(enum format f)
{
	start(f);
	ADD(".", 040755, .nlink = 3, .ino = 1, .mtime = 1000000000);
	ADD("./file", 0104751, .uid = 1000, .gid = 100, .ino = 2, .mtime = 0xfffffffe,
	    .data = "hello");
	ADD("empty", 0100600, .ino = 3);
	ADD("link", 0120777, .ino = 4, .data = "a/target");
	ADD("null", 020666, .ino = 5, .major = 1, .minor = 3);
	ADD("disk", 060660, .gid = 6, .ino = 6, .major = 8, .minor = 255);
	ADD("pipe", 010644, .ino = 7);
	ADD("socket", 0140755, .ino = 8);
	ADD("dir", 041777, .nlink = 2, .ino = 9);
	ADD("dir/\xff\xc3\xa9 e\xcc\x81", 0100644, .ino = 10, .data = "four");
	end();
}

static void test_types(void)
{
	for (enum format f = NEWC; f <= ODC; f++) {
		make_all_types(f);
		becomes("d . 0755 0:0 @1000000000\n"
			"f ./file 4751 1000:100 @4294967294 5 hello\n"
			"f empty 0600 0:0 @0 0 \n"
			"l link 0777 0:0 @0 -> a/target\n"
			"c null 0666 0:0 @0 1,3\n"
			"b disk 0660 0:6 @0 8,255\n"
			"p pipe 0644 0:0 @0\n"
			"d dir 1777 0:0 @0\n"
			"f dir/\xff\xc3\xa9 e\xcc\x81 0644 0:0 @0 4 four\n"
			"9 members",
			"all types");
		archive_size += 1000;
		ok(read_part(archive_size, 512, true, MEMORY, &(struct fail){ 0 }) == 0,
		   "%s: zeros behind the end", format_names[f]);
	}
}

/* gen_init_cpio ends the text of a link with NUL, and moves data by NULs behind names. */
static void test_other_writers(void)
{
	char longest[PATH_MAX + 1];

	start(NEWC);
	ADD("file\0\0\0\0", 0100644, .name_size = 9, .data = "x");
	ADD("link", 0120777, .data = "target", .size = 7);
	end();
	becomes("f file 0644 0:0 @0 1 x\nl link 0777 0:0 @0 -> target\n2 members",
		"NULs at the end");
	start(ODC);
	ADD("old", 0100644, .mtime = 077777777777);
	end();
	becomes("f old 0644 0:0 @8589934591 0 \n1 members", "the largest mtime");
	start(NEWC);
	ADD("b", 060600, .major = 0xfff, .minor = 0xfffff);
	end();
	becomes("b b 0600 0:0 @0 4095,1048575\n1 members", "the largest device");

	memset(longest, 'n', sizeof(longest));
	longest[PATH_MAX - 1] = '\0';
	for (enum format f = NEWC; f <= ODC; f++) {
		char want[3 * PATH_MAX];

		start(f);
		ADD(longest, 0120777, .data = longest);
		end();
		snprintf(want, sizeof(want), "l %s 0777 0:0 @0 -> %s\n1 members", longest, longest);
		becomes(want, "the longest name and target");
	}
}

/* ---- several names ---- */

#define LINKED(entry_name, number, ...) \
	ADD(entry_name, 0100644, .nlink = 3, .ino = number, ##__VA_ARGS__)

static void test_links(void)
{
	for (enum format f = NEWC; f <= CRC; f++) {
		start(f);
		LINKED("a", 5);
		ADD("between", 0100600, .ino = 6);
		LINKED("b", 5);
		LINKED("c", 5, .data = "data");
		ADD("behind", 0100600, .ino = 7);
		end();
		becomes("f between 0600 0:0 @0 0 \nf c 0644 0:0 @0 4 data\n"
			"h a 0644 0:0 @0 -> c\nh b 0644 0:0 @0 -> c\nf behind 0600 0:0 @0 0 \n"
			"5 members",
			"data with the last name");
		start(f);
		LINKED("a", 5);
		LINKED("b", 5, .data = "data");
		LINKED("c", 5);
		end();
		becomes("f b 0644 0:0 @0 4 data\nh a 0644 0:0 @0 -> b\nh c 0644 0:0 @0 -> b\n"
			"3 members",
			"data with a name in the middle");
		start(f);
		LINKED("a", 5);
		LINKED("other", 6);
		LINKED("b", 5);
		LINKED("last", 6);
		end();
		becomes("f a 0644 0:0 @0 0 \nh b 0644 0:0 @0 -> a\nf other 0644 0:0 @0 0 \n"
			"h last 0644 0:0 @0 -> other\n4 members",
			"no data at all");
	}
	for (enum format f = NEWC; f <= ODC; f++) {
		start(f);
		LINKED("a", 5, .data = "data");
		LINKED("b", 5, .data = "data");
		ADD("alone", 0100644, .ino = 5, .data = "x");
		LINKED("c", 5, .data = "data");
		LINKED("a", 5, .data = "data");
		end();
		becomes("f a 0644 0:0 @0 4 data\nh b 0644 0:0 @0 -> a\n"
			"f alone 0644 0:0 @0 1 x\nh c 0644 0:0 @0 -> a\nh a 0644 0:0 @0 -> a\n"
			"5 members",
			"data with each name, more names than links");
		start(f);
		ADD("p", 010600, .nlink = 2, .ino = 5);
		ADD("p2", 010600, .nlink = 2, .ino = 5);
		ADD("c", 020600, .nlink = 2, .ino = 5, .major = 1);
		ADD("c2", 020600, .nlink = 2, .ino = 5, .major = 1);
		ADD("c3", 020600, .nlink = 2, .ino = 5, .major = 2);
		ADD("s", 0120777, .nlink = 2, .ino = 5, .data = "x");
		ADD("s2", 0120777, .nlink = 2, .ino = 5, .data = "x");
		ADD("d", 040755, .nlink = 2, .ino = 5);
		end();
		becomes("p p 0600 0:0 @0\nh p2 0600 0:0 @0 -> p\n"
			"c c 0600 0:0 @0 1,0\nh c2 0600 0:0 @0 -> c\nc c3 0600 0:0 @0 2,0\n"
			"l s 0777 0:0 @0 -> x\nl s2 0777 0:0 @0 -> x\nd d 0755 0:0 @0\n8 members",
			"what is no file");
	}
	start(ODC);
	LINKED("a", 5);
	LINKED("b", 5);
	end();
	becomes("f a 0644 0:0 @0 0 \nh b 0644 0:0 @0 -> a\n2 members", "an empty file");
}

/* Numbers of 18 bits are not all of an inode number. */
static void test_cut_inodes(void)
{
	start(ODC);
	LINKED("a", 5, .data = "one");
	LINKED("b", 5, .data = "longer");
	LINKED("c", 5, .mtime = 10, .data = "two");
	LINKED("d", 5, .mtime = 10, .data = "two");
	end();
	becomes("f a 0644 0:0 @0 3 one\nf b 0644 0:0 @0 6 longer\nf c 0644 0:0 @10 3 two\n"
		"h d 0644 0:0 @10 -> c\n4 members",
		"two files with one number");
	start(ODC);
	LINKED("a", 5, .data = "one");
	LINKED("b", 5, .data = "two");
	end();
	refused(EBADMSG, "b", "it has the same inode number as a, but different content",
		"Make the archive again with cpio -o -H newc, which cuts no inode numbers.");
	start(NEWC);
	LINKED("a", 5, .data = "one");
	LINKED("b", 5, .data = "longer");
	end();
	refused(EBADMSG, "b", "it has the same inode number as a, but different content",
		"Make the archive again with cpio -o -H newc, which cuts no inode numbers.");
}

/* Many names, in the order in which each file's data comes. */
static void test_many_links(void)
{
	enum { FILES = 40, NAMES = 3 };
	char name[16], want[sizeof(story)] = "";
	size_t n = 0;

	start(NEWC);
	for (unsigned i = 0; i < NAMES * FILES; i++) {
		snprintf(name, sizeof(name), "%u", i);
		LINKED(name, i % FILES * 64, .data = i / FILES == NAMES - 1 ? "x" : NULL);
	}
	end();
	for (unsigned i = 0; i < FILES; i++) {
		unsigned last = (NAMES - 1) * FILES + i;

		n += (size_t)snprintf(want + n, sizeof(want) - n,
				      "f %u 0644 0:0 @0 1 x\nh %u 0644 0:0 @0 -> %u\n"
				      "h %u 0644 0:0 @0 -> %u\n",
				      last, i, last, i + FILES, last);
	}
	snprintf(want + n, sizeof(want) - n, "%d members", FILES * NAMES);
	becomes(want, "many names");
}

static void test_memory(void)
{
	struct fail f = { 0 };
	char name[16];
	size_t memory = 0;
	int r;

	start(NEWC);
	for (unsigned i = 0; i < 150; i++) {
		snprintf(name, sizeof(name), "%u", i);
		LINKED(name, i / 2);
	}
	end();
	is_int(read_part(archive_size, 512, true, 8192, &f), -E2BIG, "too many names");
	is_str(f.why, "the names of the hard links before it take more than 8 KiB of memory",
	       "and why");
	is_str(f.todo, "Pack the root with `tarboot pack`, or make a tar archive of it.",
	       "and advice");
	while ((r = read_part(archive_size, 512, true, memory, &f)) == -E2BIG && memory < MEMORY)
		memory += 100;
	ok(r == 0 && memory > 8192 && memory < 150 * 200, "with %zu bytes it is read", memory);
}

/* ---- what is refused ---- */

static void test_cuts(void)
{
	for (enum format f = NEWC; f <= ODC; f++) {
		struct fail fail = { 0 };
		size_t wrong = 0, middle = 0, no_end = 0;

		make_all_types(f);
		for (size_t size = 0; size < archive_size; size++) {
			for (int skips = 0; skips < 2; skips++) {
				wrong += read_part(size, 100, skips, MEMORY, &fail) != -EBADMSG ||
					 strcmp(fail.what, "the archive") != 0;
				middle += strncmp(fail.why, "it ends in the middle of ", 25) == 0;
				no_end += strncmp(fail.why, "it has no end marker (members", 29) ==
					  0;
			}
		}
		is_int((long long)wrong, 0, "%s: every cut is seen", format_names[f]);
		is_int((long long)no_end, 2 * 11, "%s: before each header", format_names[f]);
		is_int((long long)(middle + no_end), (long long)(2 * archive_size),
		       "%s: and within each member", format_names[f]);
	}
	start(NEWC);
	ADD("a", 0100644, .data = "data");
	refused(EBADMSG, "the archive", "it has no end marker (members read: 1)",
		"It was cut short: copy it again, or make it again.");
	archive_size -= 1;
	refused(EBADMSG, "the archive", "it ends in the middle of a",
		"It was cut short: copy it again, or make it again.");
	archive_size = 50;
	refused(EBADMSG, "the archive", "it ends in the middle of its first header",
		"It was cut short: copy it again, or make it again.");
	start(NEWC);
	ADD("a", 0100644, .data = "data");
	ADD("b", 0100644, .data = "data");
	archive_size -= 5;
	refused(EBADMSG, "the archive", "it ends in the middle of the header that follows a",
		"It was cut short: copy it again, or make it again.");
}

static void test_more(void)
{
	for (enum format f = NEWC; f <= ODC; f++) {
		make_all_types(f);
		archive_size += 600;
		archive[archive_size - 1] = 'x';
		refused(EBADMSG, "the archive", "more data follows its end marker",
			"Two archives were concatenated: make a single one instead.");
	}
	start(NEWC);
	ADD("a", 0100644, .data = "data");
	format = ODC;
	end();
	refused(EBADMSG, "the archive",
		"it is damaged: there is no cpio header at byte 116 (members read: 1)", REMAKE);
}

static const struct {
	const char *name;
	unsigned newc, odc; /* where it starts; 0: it is not there */
	unsigned odc_size;
} fields[] = {
	{ "inode number", 6, 12, 6 },
	{ "mode", 14, 18, 6 },
	{ "uid", 22, 24, 6 },
	{ "gid", 30, 30, 6 },
	{ "number of links", 38, 36, 6 },
	{ "mtime", 46, 48, 11 },
	{ "size", 54, 65, 11 },
	{ "major number of its file system", 62, 0, 0 },
	{ "minor number of its file system", 70, 0, 0 },
	{ "number of its file system", 0, 6, 6 },
	{ "major device number", 78, 0, 0 },
	{ "minor device number", 86, 0, 0 },
	{ "device number", 0, 42, 6 },
	{ "size of its name", 94, 59, 6 },
	{ "checksum", 102, 0, 0 },
};

/* In any digit of any field. Only who does not know how long a name is cannot tell it. */
static void test_junk(void)
{
	char why[200];

	for (enum format f = NEWC; f <= ODC; f++) {
		for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
			unsigned at = f == ODC ? fields[i].odc : fields[i].newc;
			unsigned size = f == ODC ? fields[i].odc_size : 8;
			bool nameless = strcmp(fields[i].name, "size of its name") == 0;

			for (unsigned digit = 0; at && digit < size; digit += size - 1) {
				start(f);
				ADD("some/file", 0100644, .data = "data");
				end();
				archive[at + digit] = f == ODC ? '8' : 'g';
				snprintf(why, sizeof(why),
					 "the %s in its cpio header is not a number: '%.*s'",
					 fields[i].name, (int)size, archive + at);
				refused(EBADMSG, nameless ? "the archive" : "some/file", why,
					REMAKE);
			}
		}
	}
}

static void test_values(void)
{
	char text[PATH_MAX + 2];

	memset(text, 't', sizeof(text));
	text[sizeof(text) - 1] = '\0';
	for (enum format f = NEWC; f <= ODC; f++) {
		start(f);
		ADD("d", 040755, .data = "data");
		refused(EBADMSG, "d",
			"its cpio header says that it is not a regular file, but has 4 bytes of "
			"data",
			REMAKE);
		start(f);
		ADD("x", 0644);
		refused(EINVAL, "x", "its cpio header gives it an unknown file type",
			"Pack the root again without this file.");
		start(f);
		ADD("l", 0120777);
		refused(EBADMSG, "l", "it is a link without a target", REMAKE);
		start(f);
		ADD("l", 0120777, .data = "a\0b", .size = 3);
		refused(EBADMSG, "l", "its link target contains a NUL byte", REMAKE);
		for (size_t size = PATH_MAX; size <= PATH_MAX + 1; size++) {
			start(f);
			ADD("l", 0120777, .data = text, .size = size);
			refused(EBADMSG, "l", "its link target is longer than 4095 bytes", REMAKE);
		}
		start(f);
		ADD("a", 0100644);
		ADD("", 0100644);
		refused(EBADMSG, "the archive", "member 2 has no name", REMAKE);
		start(f);
		ADD("name", 0100644, .name_size = 4);
		refused(EBADMSG, "the archive",
			"the name of member 1 does not end where its header says", REMAKE);
		start(f);
		ADD("name\0x", 0100644, .name_size = 7);
		refused(EBADMSG, "the archive",
			"the name of member 1 does not end where its header says", REMAKE);
		start(f);
		ADD(text, 0100644, .name_size = PATH_MAX + 1);
		refused(EBADMSG, "the archive", "the name of member 1 is longer than 4095 bytes",
			REMAKE);
	}
	start(NEWC);
	ADD("f", 0300644);
	refused(EBADMSG, "f", "the mode in its cpio header is out of range: 300644", REMAKE);
	start(NEWC);
	ADD("f", 0100644, .uid = UINT32_MAX, .gid = 1);
	refused(EINVAL, "f", "its owner 4294967295:1 is out of range for Linux",
		"Give the file another owner and pack the root again.");
	start(NEWC);
	ADD("f", 0100644, .gid = UINT32_MAX);
	refused(EINVAL, "f", "its owner 0:4294967295 is out of range for Linux",
		"Give the file another owner and pack the root again.");
	start(NEWC);
	ADD("c", 020644, .major = 4096, .minor = 1);
	refused(EINVAL, "c", "its device number 4096:1 is out of range for Linux",
		"Leave it out and pack the root again.");
	start(NEWC);
	ADD("c", 020644, .minor = 1 << 20);
	refused(EINVAL, "c", "its device number 0:1048576 is out of range for Linux",
		"Leave it out and pack the root again.");
	start(NEWC);
	ADD(text, 0100644, .name_size = 1);
	memset(archive + 94, '0', 8);
	refused(EBADMSG, "the archive", "member 1 has no name", REMAKE);
}

static void test_checksum(void)
{
	start(CRC);
	ADD("f", 0100644, .data = "data", .check = 0x19a);
	end();
	becomes("f f 0644 0:0 @0 4 data\n1 members", "the sum of its bytes");
	start(CRC);
	ADD("f", 0100644, .data = "data", .check = 0x19b);
	end();
	refused(EBADMSG, "f",
		"its data has the checksum 0000019a, but its cpio header says 0000019b", REMAKE);
	start(CRC);
	ADD("l", 0120777, .data = "data", .check = 1);
	LINKED("waits", 5, .check = 1);
	end();
	becomes("l l 0777 0:0 @0 -> data\nf waits 0644 0:0 @0 0 \n2 members",
		"only of files that have data");
	start(NEWC);
	ADD("f", 0100644, .data = "data");
	end();
	archive[109] = '1';
	becomes("f f 0644 0:0 @0 4 data\n1 members", "where there is none, nothing is checked");
}

/* Only that nothing is read that is not there; what becomes of it is ASan's business. */
static void test_damage(void)
{
	static const unsigned char values[] = { 0, '0', '7', '8', 'f', 'F', 'g', 0xff };
	struct fail f = { 0 };
	unsigned taken = 0;

	for (enum format f_ = NEWC; f_ <= ODC; f_++) {
		make_all_types(f_);
		for (size_t at = 0; at < archive_size; at++) {
			char before = archive[at];

			for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
				archive[at] = (char)values[i];
				taken += read_part(archive_size, 99, i & 1, MEMORY, &f) == 0;
			}
			archive[at] = before;
		}
	}
	ok(taken > 0, "bytes are damaged, %u times it is an archive yet", taken);
}

/* Where it stands, for messages. */
static void test_position(void)
{
	struct feed feed = { .at = archive, .step = 512 };
	struct cpio_reader *c;
	struct fail f = { 0 };
	struct member m;

	make_all_types(NEWC);
	feed.left = archive_size;
	must(cpio_reader_open(feed_piece, &feed, "the archive", MEMORY, &c, &f));
	is_str(cpio_reader_path(c), "", "no member yet");
	must(cpio_reader_next(c, &m, &f));
	must(cpio_reader_next(c, &m, &f));
	is_str(cpio_reader_path(c), "./file", "the last member");
	is_int((long long)cpio_reader_position(c), 112, "and its header");
	is_int((long long)cpio_reader_members(c), 2, "two by now");
	cpio_reader_close(c);
	free(feed.piece);
}

/* Names that waited stand where their file's data ends: what lies between two positions belongs to the first. */
static void test_positions(void)
{
	static const unsigned at[] = { 112, 224, 340, 340 };
	struct feed feed = { .at = archive, .step = 512 };
	struct cpio_reader *c;
	struct fail f = { 0 };
	struct member m;

	start(NEWC);
	LINKED("a", 5);
	ADD("f", 0100644);
	LINKED("b", 5, .data = "data");
	ADD("z", 0100644);
	end();
	feed.left = archive_size;
	must(cpio_reader_open(feed_piece, &feed, "the archive", MEMORY, &c, &f));
	for (unsigned i = 0; i < 4; i++) {
		is_int(cpio_reader_next(c, &m, &f), 1, "member %u", i);
		is_int((long long)cpio_reader_position(c), at[i], "stands at %u: %s", at[i],
		       m.path);
	}
	cpio_reader_close(c);
	free(feed.piece);
}

int main(void)
{
	test_types();
	test_other_writers();
	test_links();
	test_cut_inodes();
	test_many_links();
	test_memory();
	test_cuts();
	test_more();
	test_junk();
	test_values();
	test_checksum();
	test_damage();
	test_position();
	test_positions();
	return done_testing();
}
