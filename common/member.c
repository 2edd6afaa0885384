/* libarchive entries to members and back. */
#include "member.h"

#include <archive_entry.h>
#include <ctype.h>
#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "aclnames.h"

static const struct {
	uint16_t kernel;
	int archive;
} acl_tags[] = {
	{ 0x01, ARCHIVE_ENTRY_ACL_USER_OBJ },  { 0x02, ARCHIVE_ENTRY_ACL_USER },
	{ 0x04, ARCHIVE_ENTRY_ACL_GROUP_OBJ }, { 0x08, ARCHIVE_ENTRY_ACL_GROUP },
	{ 0x10, ARCHIVE_ENTRY_ACL_MASK },      { 0x20, ARCHIVE_ENTRY_ACL_OTHER },
};

static const struct {
	mode_t format;
	enum member_type type;
} formats[] = {
	{ S_IFREG, MEMBER_FILE }, { S_IFDIR, MEMBER_DIRECTORY }, { S_IFLNK, MEMBER_SYMLINK },
	{ S_IFCHR, MEMBER_CHAR }, { S_IFBLK, MEMBER_BLOCK },     { S_IFIFO, MEMBER_FIFO },
};

bool member_type_of_mode(mode_t mode, enum member_type *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++) {
		if (formats[i].format == (mode & S_IFMT)) {
			*ret = formats[i].type;
			return true;
		}
	}
	return false;
}

/* libarchive reads and writes the text "-S.N" of a time before 1970 as S seconds before and then N after. What lies less than
 * a second before 1970 has no sign that it could keep: its fraction is lost. */
static struct timespec time_to_archive(struct timespec t)
{
	if (t.tv_sec < -1 && t.tv_nsec > 0)
		return (struct timespec){ t.tv_sec + 1, 1000000000 - t.tv_nsec };
	return (struct timespec){ t.tv_sec, t.tv_sec == -1 ? 0 : t.tv_nsec };
}

static void put_acl_entry(struct archive_entry *e, int type, const struct acl_entry *entry,
			  const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(acl_tags); i++)
		if (acl_tags[i].kernel == entry->tag)
			archive_entry_acl_add_entry(e, type, entry->perm, acl_tags[i].archive,
						    (int)entry->id, name);
}

static int put_acl(struct archive_entry *e, int type, const void *value, size_t size)
{
	_cleanup_free_ struct acl_entry *entries = calloc(size / sizeof(*entries) + 1,
							  sizeof(*entries));
	int n = entries ? acl_parse(value, size, entries, size / sizeof(*entries)) : -ENOMEM;

	for (int i = 0; i < n; i++)
		put_acl_entry(e, type, &entries[i], NULL);
	return n < 0 ? n : 0;
}

/* libarchive's ids are ints. An ACL with larger ones goes as the xattr that it is, which this program
 * and `tar --xattrs-include='*'` restore. */
static bool fits_archive(const void *value, size_t size)
{
	struct acl_entry entries[64];
	int n = acl_parse(value, size, entries, ARRAY_SIZE(entries));

	for (int i = 0; i < n; i++)
		if (entries[i].id != ACL_UNDEFINED_ID && entries[i].id >= INT_MAX)
			return false;
	return n != -E2BIG;
}

static int put_xattr(struct archive_entry *e, const char *name, const void *value, size_t size)
{
	const char *meant = aclnames_meant(name), *acl = meant ? meant : name;
	int type = strcmp(acl, ACL_XATTR_ACCESS) == 0    ? ARCHIVE_ENTRY_ACL_TYPE_ACCESS
		   : strcmp(acl, ACL_XATTR_DEFAULT) == 0 ? ARCHIVE_ENTRY_ACL_TYPE_DEFAULT
							 : 0;
	struct acl_named entry;
	size_t cursor = 0;

	if (meant) {
		while (aclnames_next(value, size, &cursor, &entry))
			put_acl_entry(e, type, &entry.entry, *entry.name ? entry.name : NULL);
		return 0;
	}
	if (type && fits_archive(value, size))
		return put_acl(e, type, value, size);
	archive_entry_xattr_add_entry(e, name, value, size);
	return 0;
}

int member_to_entry(const struct member *m, struct archive_entry *e, struct fail *f)
{
	struct timespec mtime = time_to_archive(m->mtime);
	const char *name;
	const void *value;
	size_t cursor = 0, size;

	archive_entry_set_pathname(e, m->path);
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		if (formats[i].type == m->type)
			archive_entry_set_filetype(e, formats[i].format);
	if (m->type == MEMBER_HARDLINK) {
		archive_entry_set_filetype(e, S_IFREG);
		archive_entry_set_hardlink(e, m->target);
	}
	if (m->type == MEMBER_SYMLINK)
		archive_entry_set_symlink(e, m->target);
	archive_entry_set_size(e, m->type == MEMBER_FILE ? (int64_t)m->size : 0);
	archive_entry_set_perm(e, m->mode);
	archive_entry_set_uid(e, m->uid);
	archive_entry_set_gid(e, m->gid);
	archive_entry_set_mtime(e, mtime.tv_sec, mtime.tv_nsec);
	if (m->type == MEMBER_CHAR || m->type == MEMBER_BLOCK) {
		archive_entry_set_rdevmajor(e, major(m->rdev));
		archive_entry_set_rdevminor(e, minor(m->rdev));
	}
	while (xattrs_next(&m->xattrs, &cursor, &name, &value, &size)) {
		int r = put_xattr(e, name, value, size);

		if (r < 0)
			return fail_errno(f, r, m->path, "cannot understand its ACL");
	}
	return 0;
}

void member_free(struct member *m)
{
	xattrs_free(&m->xattrs);
}
