/*
 * Archives made from a table, and the tree that each must become, as the text that listing.h makes of
 * it. Owner, mode, time and content of a member follow from its place in the table, so that no two are
 * alike; what is to be left of it stands beside it.
 */
#pragma once

#include <stdint.h>
#include <sys/sysmacros.h>

#include "tar/aclnames.h"
#include "listing.h"
#include "tar/member.h"
#include "tar_bytes.h"
#include "tar/tar_write.h"

enum made_extra {
	MADE_PLAIN,
	MADE_XATTRS,     /* user.one, user.two */
	MADE_CAPABILITY, /* security.capability */
	MADE_ACL,
	MADE_DEFAULT_ACL,
	MADE_NAMED_ACL, /* with a name that only MADE_PASSWD explains */
	MADE_PASSWD,    /* its content is an etc/passwd */
	MADE_SPARSE,
	MADE_NOISE,  /* content that takes its time to decode */
	MADE_UNTOLD, /* no member: a directory that the names of others imply */
};

struct made {
	enum member_type type;
	const char *path, *target;
	size_t size; /* of a file */
	enum made_extra extra;
	const char
		*then; /* where it is in the end: NULL = at path, else paths with spaces between */
};

/* One row of a table: type, path and what else there is, in the form .size = 1. */
#define MADE(member_type, member_path, ...)                                      \
	{                                                                        \
		.type = MEMBER_##member_type, .path = member_path, ##__VA_ARGS__ \
	}

#define MADE_GONE "" /* for then */
#define MADE_ALICE 1234

static const char made_passwd[] = "root:x:0:0:root:/root:/bin/sh\nalice:x:1234:1234::/:/bin/sh\n";

static const struct tar_extent made_extents[] = { { 0, 5000 }, { 1 << 20, 100 } };

static inline size_t made_size(const struct made *m)
{
	if (m->type != MEMBER_FILE)
		return 0;
	return m->extra == MADE_SPARSE   ? 3 << 19
	       : m->extra == MADE_PASSWD ? sizeof(made_passwd) - 1
					 : m->size;
}

/* A line of its own, then runs of equal bytes, which every build decodes in little time. */
static inline uint8_t *made_content(const struct made *m, size_t i)
{
	size_t size = made_size(m);
	uint8_t *content = calloc(size + 64, 1);

	if (!content)
		scratch_die("calloc");
	for (size_t at = 0; m->extra != MADE_SPARSE && at < size; at++)
		content[at] = (uint8_t)(at / 700 + at / 65536 + i * 7);
	for (size_t e = 0; m->extra == MADE_SPARSE && e < ARRAY_SIZE(made_extents); e++)
		memset(content + made_extents[e].offset, 'x', made_extents[e].size);
	if (m->extra == MADE_NOISE)
		fill_pattern(content, size);
	snprintf((char *)content, 64, "member %zu: %.30s\n", i, m->path);
	if (m->extra == MADE_PASSWD)
		memcpy(content, made_passwd, size);
	return content;
}

static inline void made_acl(const struct made *m, bool resolved, struct xattrs *x)
{
	struct acl_named list[] = { { { 0x01, 6, ACL_UNDEFINED_ID }, "" },
				    { { 0x02, 4, MADE_ALICE }, "" },
				    { { 0x04, 4, ACL_UNDEFINED_ID }, "" },
				    { { 0x10, 4, ACL_UNDEFINED_ID }, "" },
				    { { 0x20, 0, ACL_UNDEFINED_ID }, "" } };
	const char *name = m->extra == MADE_DEFAULT_ACL ? ACL_XATTR_DEFAULT : ACL_XATTR_ACCESS;
	struct acl_entry entries[ARRAY_SIZE(list)];

	if (m->extra == MADE_NAMED_ACL && !resolved) {
		list[1].entry.id = ACL_UNDEFINED_ID;
		list[1].name = "alice";
		must(aclnames_add(x, name, list, ARRAY_SIZE(list)));
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(list); i++)
		entries[i] = list[i].entry;
	must(xattrs_add_acl(x, name, entries, ARRAY_SIZE(list)));
}

/* In the order of their names. resolved: as they are in the tree. */
static inline void made_xattrs(const struct made *m, bool resolved, struct xattrs *x)
{
	static const uint8_t capability[20] = { 1, 0, 0, 2, 0, 0x20 }; /* cap_net_raw=ep */

	if (m->extra == MADE_XATTRS) {
		must(xattrs_add(x, "user.one", m->path, strlen(m->path)));
		must(xattrs_add(x, "user.two", "\0\xff", 2));
	}
	if (m->extra == MADE_CAPABILITY)
		must(xattrs_add(x, "security.capability", capability, sizeof(capability)));
	if (m->extra == MADE_ACL || m->extra == MADE_DEFAULT_ACL || m->extra == MADE_NAMED_ACL)
		made_acl(m, resolved, x);
}

/* The caller ends with member_free. */
static inline void made_describe(const struct made *m, size_t i, bool resolved, struct member *ret)
{
	*ret = (struct member){
		.type = m->type,
		.path = m->path,
		.target = m->target,
		.size = made_size(m),
		.uid = (uid_t)(i % 5 * 1000),
		.gid = (gid_t)(i % 3 * 100),
		.mtime = { i % 7 == 3 ? -1000 - (time_t)i : 1000000000 + (time_t)i,
			   (long)(i * 10000019 % 1000000000) },
		.mode = i % 2 ? 0640 : 0755,
	};
	if (m->extra == MADE_ACL || m->extra == MADE_NAMED_ACL)
		ret->mode = 0640;
	else if (m->type == MEMBER_SYMLINK)
		ret->mode = 0777;
	else if (m->extra == MADE_PLAIN && i % 6 == 0)
		ret->mode = 06755;
	if (m->type == MEMBER_CHAR || m->type == MEMBER_BLOCK)
		ret->rdev = makedev(1, (unsigned)i);
	made_xattrs(m, resolved, &ret->xattrs);
}

static inline void made_check(int r, const struct fail *f)
{
	if (r == 0)
		return;
	printf("Bail out! cannot make the archive: %s: %s\n", f->what, f->why);
	exit(EXIT_FAILURE);
}

static inline void make_tar(struct bytes *ret, const struct made *members, size_t n)
{
	struct tar_writer *w;
	struct member m;
	struct fail f;
	uint8_t *content;
	size_t n_extents;

	must(tar_writer_open(bytes_sink, ret, &w));
	for (size_t i = 0; i < n; i++) {
		if (members[i].extra == MADE_UNTOLD)
			continue;
		made_describe(&members[i], i, false, &m);
		content = made_content(&members[i], i);
		n_extents = members[i].extra == MADE_SPARSE ? ARRAY_SIZE(made_extents) : 0;
		made_check(tar_writer_add(w, &m, made_extents, n_extents, &f), &f);
		if (m.size > 0)
			made_check(tar_writer_data(w, content, m.size, 0, &f), &f);
		free(content);
		member_free(&m);
	}
	made_check(tar_writer_finish(w, &f), &f);
	tar_writer_free(w);
}

/* ---- the tree ---- */

struct made_line {
	char path[4096];
	size_t member;
};

static inline int made_compare_lines(const void *a, const void *b)
{
	return strcmp(((const struct made_line *)a)->path, ((const struct made_line *)b)->path);
}

/* Every path of the tree, sorted, and which member stands there. */
static inline size_t made_lines(const struct made *members, size_t n, struct made_line **ret)
{
	struct made_line *lines = NULL;
	size_t n_lines = 0, length;

	for (size_t i = 0; i < n; i++) {
		const char *at = members[i].then ? members[i].then : members[i].path;

		if (members[i].type == MEMBER_HARDLINK)
			continue; /* its target's member tells */
		for (; *at; at += length + strspn(at + length, " ")) {
			length = strcspn(at, " ");
			lines = listing_check(realloc(lines, (n_lines + 1) * sizeof(*lines)));
			snprintf(lines[n_lines].path, sizeof(lines->path), "%.*s", (int)length, at);
			lines[n_lines++].member = i;
		}
	}
	qsort(lines, n_lines, sizeof(*lines), made_compare_lines);
	*ret = lines;
	return n_lines;
}

static inline void made_put_line(FILE *out, const struct made *members,
				 const struct made_line *lines, size_t n_lines, size_t at,
				 bool no_xattrs)
{
	static const char letters[] = {
		[MEMBER_FILE] = 'f', [MEMBER_DIRECTORY] = 'd', [MEMBER_SYMLINK] = 'l',
		[MEMBER_CHAR] = 'c', [MEMBER_BLOCK] = 'b',     [MEMBER_FIFO] = 'p',
	};
	size_t i = lines[at].member, nlink = 0, first = n_lines, cursor = 0, size;
	const struct made *made = &members[i];
	struct member m;
	uint8_t *content;
	const char *key;
	const void *value;

	for (size_t l = n_lines; l-- > 0;) {
		if (lines[l].member == i) {
			nlink++;
			first = l;
		}
	}
	listing_put_escaped(out, lines[at].path);
	if (made->extra == MADE_UNTOLD) {
		fputs(" d 0755 0 0 *\n", out);
		return;
	}
	made_describe(made, i, true, &m);
	fprintf(out, " %c %04o %u %u %jd.%09ld", letters[m.type], m.mode, m.uid, m.gid,
		(intmax_t)m.mtime.tv_sec, m.mtime.tv_nsec);
	if (m.type != MEMBER_DIRECTORY)
		fprintf(out, " nlink=%zu", nlink);
	if (m.type == MEMBER_FILE) {
		content = made_content(made, i);
		fprintf(out, " size=%zu crc64=%016jx%s", (size_t)m.size,
			(uintmax_t)lzma_crc64(content, m.size, 0),
			made->extra == MADE_SPARSE ? " sparse" : "");
		free(content);
	}
	if (m.type == MEMBER_CHAR || m.type == MEMBER_BLOCK)
		fprintf(out, " rdev=%u:%u", major(m.rdev), minor(m.rdev));
	if (m.type == MEMBER_SYMLINK) {
		fputs(" -> ", out);
		listing_put_escaped(out, m.target);
	}
	while (!no_xattrs && xattrs_next(&m.xattrs, &cursor, &key, &value, &size))
		listing_put_xattr(out, key, value, size);
	if (nlink > 1) {
		fputs(" inode=", out);
		listing_put_escaped(out, lines[first].path);
	}
	fputc('\n', out);
	member_free(&m);
}

/* What listing_text must give; the caller frees it. */
static inline char *made_listing(const struct made *members, size_t n, bool no_xattrs)
{
	struct made_line *lines;
	size_t n_lines = made_lines(members, n, &lines), size;
	char *text = NULL;
	FILE *f = listing_check(open_memstream(&text, &size));

	for (size_t at = 0; at < n_lines; at++)
		made_put_line(f, members, lines, n_lines, at, no_xattrs);
	fclose(f);
	free(lines);
	return text;
}

/* Blots the times of directories that no member is about: they are those of the extraction. */
static inline void made_blot(char *text, const struct made *members, size_t n)
{
	static const char rest[] = " d 0755 0 0 ";
	char start[4200], *at, *time;

	for (size_t i = 0; i < n; i++) {
		if (members[i].extra != MADE_UNTOLD)
			continue;
		snprintf(start, sizeof(start), "\n%s%s", members[i].path, rest);
		at = strstr(text, start);
		if (!at)
			continue;
		time = at + strlen(start);
		*time = '*';
		memmove(time + 1, time + strcspn(time, "\n "),
			strlen(time + strcspn(time, "\n ")) + 1);
	}
}
