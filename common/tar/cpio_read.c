/* The sequence of members; headers are cpio.c's, files with several names cpio_links.c's. */
#include "tar/cpio_read.h"

#include <errno.h>
#include <limits.h>
#include <lzma.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "tar/cpio.h"
#include "tar/cpio_links.h"
#include "tar/input.h"
#include "base/size.h"

static const char todo_remake[] =
	"Make the archive again with cpio -o -H newc, or pack the root with `tarboot pack`.";

struct cpio_reader {
	struct input in;
	const struct cpio_format *format; /* of all members; NULL before the first */
	struct cpio_links *links;
	size_t memory;

	/* The data that follows, of the last member or of one that is passed over. */
	uint64_t data_left, offset;
	unsigned padding;
	bool is_given; /* the caller gets it */
	bool has_sum;  /* it must have this one */
	uint32_t sum, sum_wanted;
	struct cpio_inode *inode; /* whose data it is, when that has several names */
	bool is_repeated;         /* that had its data before */
	uint64_t digest;

	struct cpio_inode *linking; /* its waiting names are the next members */
	bool at_trailer;
	uint64_t header_at; /* of the header that was read last */
	char member[PATH_MAX], target[PATH_MAX];
};

int cpio_reader_open(tar_source_fn *source, void *arg, const char *name, size_t memory,
		     struct cpio_reader **ret, struct fail *f)
{
	struct cpio_reader *c = calloc(1, sizeof(*c));

	if (c)
		c->links = cpio_links_new(memory);
	if (!c || !c->links) {
		free(c);
		return fail_errno(f, ENOMEM, name, "cannot read it");
	}
	c->in = (struct input){ .source = source, .arg = arg, .name = name };
	c->memory = memory;
	*ret = c;
	return 0;
}

void cpio_reader_close(struct cpio_reader *c)
{
	if (!c)
		return;
	cpio_links_free(c->links);
	free(c);
}

/* ---- data ---- */

static unsigned padding_of(const struct cpio_reader *c, uint64_t size)
{
	return (unsigned)(-size & (c->format->alignment - 1));
}

/* A piece of the data, where it is: 1 or -errno. */
static int take_data(struct cpio_reader *c, const uint8_t **ret_data, size_t *ret_size,
		     struct fail *f)
{
	int r = input_take_piece(&c->in, c->data_left, ret_data, ret_size, f);

	if (r < 0)
		return r;
	if (c->has_sum)
		for (size_t i = 0; i < *ret_size; i++)
			c->sum += (*ret_data)[i];
	if (c->inode)
		c->digest = lzma_crc64(*ret_data, *ret_size, c->digest);
	c->offset += *ret_size;
	c->data_left -= *ret_size;
	return 1;
}

/* An inode number that two files share would make one of them out of both. */
static int check_repeated(struct cpio_reader *c, struct fail *f)
{
	if (c->inode->size == c->offset && c->inode->digest == c->digest)
		return 0;
	return fail_set(f, EBADMSG, c->member,
			"Make the archive again with cpio -o -H newc, which cuts no inode numbers.",
			"it has the same inode number as %s, but different content",
			c->inode->first);
}

/* Passes over what is left of the data and its padding, and checks what can be known now. */
static int end_data(struct cpio_reader *c, struct fail *f)
{
	const uint8_t *data;
	size_t size;
	int r = 0;

	while (r >= 0 && c->data_left > 0)
		r = take_data(c, &data, &size, f);
	r = r < 0 ? r : 0;
	if (r == 0 && c->has_sum && c->sum != c->sum_wanted)
		r = fail_set(f, EBADMSG, c->member, todo_remake,
			     "its data has the checksum %08x, but its cpio header says %08x",
			     c->sum, c->sum_wanted);
	if (r == 0 && c->inode && c->is_repeated)
		r = check_repeated(c, f);
	if (r == 0)
		r = input_skip(&c->in, c->padding, f);
	if (r == 0 && c->inode && !c->is_repeated) {
		c->inode->size = c->offset;
		c->inode->digest = c->digest;
	}
	c->padding = 0;
	c->inode = NULL;
	c->is_given = c->has_sum = false;
	if (r == 0)
		input_end_member(&c->in);
	return r;
}

static void start_data(struct cpio_reader *c, const struct cpio_header *h)
{
	c->data_left = h->size;
	c->padding = padding_of(c, h->size);
	c->offset = c->digest = c->sum = 0;
	c->sum_wanted = h->check;
	c->has_sum = c->format->has_checksum && S_ISREG(h->mode) && h->size > 0;
}

int cpio_reader_data(struct cpio_reader *c, const void **ret_data, size_t *ret_size,
		     uint64_t *ret_offset, struct fail *f)
{
	const uint8_t *data;
	int r;

	if (!c->is_given)
		return 0;
	if (c->data_left == 0)
		return end_data(c, f);
	*ret_offset = c->offset;
	r = take_data(c, &data, ret_size, f);
	if (r > 0)
		*ret_data = data;
	return r;
}

/* ---- headers ---- */

static int fail_field(const struct cpio_bad_field *bad, const char *what, struct fail *f)
{
	return fail_set(f, EBADMSG, what, todo_remake,
			"the %s in its cpio header is not a number: '%s'", bad->name, bad->text);
}

static int read_fixed(struct cpio_reader *c, char *buf, struct fail *f)
{
	const struct cpio_format *format;
	int r = input_fill(&c->in, f);

	if (r == 0)
		return input_fail_no_end(&c->in, f);
	if (r > 0)
		r = input_take(&c->in, buf, CPIO_MAGIC_SIZE, f);
	if (r < 0)
		return r;
	format = cpio_format_of(buf);
	if (!format || (c->format && format != c->format))
		return fail_set(
			f, EBADMSG, c->in.name, todo_remake,
			"it is damaged: there is no cpio header at byte %llu (members read: %llu)",
			(unsigned long long)c->header_at, (unsigned long long)c->in.members);
	c->format = format;
	return input_take(&c->in, buf + CPIO_MAGIC_SIZE, format->header_size - CPIO_MAGIC_SIZE, f);
}

/* NULs may follow, by which gen_init_cpio moves data to a page of its own, and nothing else. */
static bool is_text(const char *bytes, size_t size)
{
	size_t length = strnlen(bytes, size);

	for (size_t i = length; i < size; i++)
		if (bytes[i] != '\0')
			return false;
	return true;
}

static int read_name(struct cpio_reader *c, const char *fixed, struct fail *f)
{
	struct cpio_bad_field bad;
	uint32_t size;
	int r;

	if (cpio_name_size_read(c->format, fixed, &size, &bad) < 0)
		return fail_field(&bad, c->in.name, f);
	if (size > sizeof(c->member))
		return fail_set(f, EBADMSG, c->in.name, todo_remake,
				"the name of member %llu is longer than %d bytes",
				(unsigned long long)c->in.members + 1, PATH_MAX - 1);
	r = size > 0 ? input_take(&c->in, c->member, size, f) : 0;
	if (r < 0)
		return r;
	if (size == 0 || !*c->member)
		return fail_set(f, EBADMSG, c->in.name, todo_remake, "member %llu has no name",
				(unsigned long long)c->in.members + 1);
	if (c->member[size - 1] != '\0' || !is_text(c->member, size))
		return fail_set(f, EBADMSG, c->in.name, todo_remake,
				"the name of member %llu does not end where its "
				"header says",
				(unsigned long long)c->in.members + 1);
	return input_skip(&c->in, padding_of(c, c->format->header_size + size), f);
}

/* A header and its name, the latter to c->member. */
static int read_head(struct cpio_reader *c, struct cpio_header *ret, struct fail *f)
{
	char fixed[CPIO_HEADER_SIZE];
	struct cpio_bad_field bad;
	int r;

	c->header_at = input_position(&c->in);
	r = read_fixed(c, fixed, f);
	if (r == 0)
		r = read_name(c, fixed, f);
	if (r < 0)
		return r;
	return cpio_header_read(c->format, fixed, ret, &bad) < 0 ? fail_field(&bad, c->member, f)
								 : 0;
}

/* ---- members ---- */

static int check_type(const struct cpio_reader *c, const struct cpio_header *h, struct fail *f)
{
	enum member_type type;
	int r = 0;

	if (h->mode >> 16)
		return fail_set(f, EBADMSG, c->member, todo_remake,
				"the mode in its cpio header is out of range: %o", h->mode);
	if (!S_ISSOCK(h->mode) && !member_type_of_mode(h->mode, &type))
		return fail_set(f, EINVAL, c->member, "Pack the root again without this file.",
				"its cpio header gives it an unknown file type");
	if (h->size > 0 && !S_ISREG(h->mode) && !S_ISLNK(h->mode))
		return fail_set(f, EBADMSG, c->member, todo_remake,
				"its cpio header says that it is not a regular file, but has %llu "
				"bytes of data",
				(unsigned long long)h->size);
	if (S_ISCHR(h->mode) || S_ISBLK(h->mode))
		r = member_check_device(c->member, h->rdev_major, h->rdev_minor, f);
	return r < 0 ? r : member_check_owner(c->member, h->uid, h->gid, f);
}

static void describe(struct cpio_reader *c, const struct cpio_header *h, struct member *ret)
{
	*ret = (struct member){
		.path = c->member,
		.mode = h->mode & 07777,
		.uid = h->uid,
		.gid = h->gid,
		.mtime = { .tv_sec = (time_t)h->mtime },
	};
	(void)member_type_of_mode(h->mode, &ret->type);
	if (ret->type == MEMBER_FILE)
		ret->size = h->size;
	if (ret->type == MEMBER_CHAR || ret->type == MEMBER_BLOCK)
		ret->rdev = makedev(h->rdev_major, h->rdev_minor);
}

static int fail_links(const struct cpio_reader *c, int r, struct fail *f)
{
	char most[SIZE_TEXT_MAX];

	if (r != -E2BIG)
		return fail_errno(f, r, c->in.name, "cannot read it");
	return fail_set(f, E2BIG, c->member,
			"Pack the root with `tarboot pack`, or make a tar archive of it.",
			"the names of the hard links before it take more than %s of memory",
			size_format(most, c->memory));
}

static int fail_long_target(const struct cpio_reader *c, struct fail *f)
{
	return fail_set(f, EBADMSG, c->member, todo_remake,
			"its link target is longer than %d bytes", PATH_MAX - 1);
}

/* gen_init_cpio ends the text of a link with a NUL. */
static int read_target(struct cpio_reader *c, const struct cpio_header *h, struct member *ret,
		       struct fail *f)
{
	size_t size = (size_t)h->size;
	int r;

	if (h->size > sizeof(c->target))
		return fail_long_target(c, f);
	r = input_take(&c->in, c->target, size, f);
	if (r < 0)
		return r;
	c->data_left = 0;
	if (size == 0 || !*c->target)
		return fail_set(f, EBADMSG, c->member, todo_remake,
				"it is a link without a target");
	if (size < sizeof(c->target))
		c->target[size] = '\0';
	else if (c->target[size - 1] != '\0')
		return fail_long_target(c, f);
	if (!is_text(c->target, size))
		return fail_set(f, EBADMSG, c->member, todo_remake,
				"its link target contains a NUL byte");
	ret->target = c->target;
	return 1;
}

static void make_hardlink(const struct cpio_inode *inode, struct member *m)
{
	m->type = MEMBER_HARDLINK;
	m->target = inode->first;
	m->size = 0;
	m->rdev = 0;
}

/* One of the names of a file, device or fifo: 1; 0: it waits. */
static int take_linked(struct cpio_reader *c, const struct cpio_header *h, struct member *ret,
		       struct fail *f)
{
	struct cpio_inode *inode;
	int r = cpio_links_find(c->links, h, c->format->repeats_data, &inode);

	if (r < 0)
		return fail_links(c, r, f);
	if (inode->first)
		make_hardlink(inode, ret);
	else if (S_ISREG(h->mode) && h->size == 0 && !c->format->repeats_data)
		r = cpio_links_add_name(c->links, inode, c->member);
	else
		r = cpio_links_set_first(c->links, inode, c->member);
	if (r < 0)
		return fail_links(c, r, f);
	if (!inode->first)
		return 0;
	c->inode = h->size > 0 ? inode : NULL;
	c->is_repeated = ret->type == MEMBER_HARDLINK;
	c->is_given = ret->type == MEMBER_FILE;
	if (!c->is_repeated && inode->names)
		c->linking = inode;
	return 1;
}

/* What the header in c->member is about: 1; 0: nothing that can be told now. */
static int take_member(struct cpio_reader *c, const struct cpio_header *h, struct member *ret,
		       struct fail *f)
{
	int r = check_type(c, h, f);

	if (r < 0)
		return r;
	start_data(c, h);
	if (S_ISSOCK(h->mode))
		return 0; /* it means nothing to another system */
	describe(c, h, ret);
	if (ret->type == MEMBER_SYMLINK)
		return read_target(c, h, ret, f);
	if (h->nlink > 1 && ret->type != MEMBER_DIRECTORY)
		return take_linked(c, h, ret, f);
	c->is_given = ret->type == MEMBER_FILE;
	return 1;
}

/* The next of the names that waited: 1; 0: there is none left. */
static int take_waiting(struct cpio_reader *c, struct member *ret)
{
	struct cpio_name *name = c->linking ? cpio_links_take_name(c->linking) : NULL;

	if (!name) {
		c->linking = NULL;
		return 0;
	}
	strcpy(c->member, name->path);
	c->header_at = input_position(&c->in); /* it takes no bytes here */
	cpio_links_drop_name(c->links, name);
	describe(c, &c->linking->header, ret);
	if (c->linking->first)
		make_hardlink(c->linking, ret);
	return 1;
}

/* Behind the trailer: a file whose data never came is empty. */
static int take_empty(struct cpio_reader *c, struct member *ret, struct fail *f)
{
	int r;

	c->linking = cpio_links_waiting(c->links);
	if (!c->linking || !take_waiting(c, ret))
		return 0;
	r = cpio_links_set_first(c->links, c->linking, c->member);
	return r < 0 ? fail_links(c, r, f) : 1;
}

/* Reads on to the next member or the trailer: 1; 0. */
static int read_member(struct cpio_reader *c, struct member *ret, struct fail *f)
{
	struct cpio_header h;
	int r = 0;

	while (r == 0 && !c->at_trailer) {
		r = end_data(c, f); /* of what was passed over */
		if (r == 0)
			r = read_head(c, &h, f);
		if (r < 0)
			return r;
		if (strcmp(c->member, CPIO_TRAILER) == 0) {
			c->at_trailer = true;
			start_data(c, &h);
			return end_data(c, f);
		}
		r = take_member(c, &h, ret, f);
	}
	return r;
}

int cpio_reader_next(struct cpio_reader *c, struct member *ret, struct fail *f)
{
	int r = end_data(c, f);

	if (r == 0)
		r = take_waiting(c, ret);
	if (r == 0)
		r = read_member(c, ret, f);
	if (r == 0)
		r = take_empty(c, ret, f);
	if (r == 0)
		return input_check_end(&c->in, f);
	if (r > 0)
		input_add_member(&c->in, c->header_at, c->member);
	return r;
}

uint64_t cpio_reader_bytes(const struct cpio_reader *c)
{
	return c->in.taken;
}

uint64_t cpio_reader_members(const struct cpio_reader *c)
{
	return c->in.members;
}

uint64_t cpio_reader_offset(const struct cpio_reader *c)
{
	return input_position(&c->in);
}

uint64_t cpio_reader_position(const struct cpio_reader *c)
{
	return c->in.position;
}

const char *cpio_reader_path(const struct cpio_reader *c)
{
	return c->in.path;
}
