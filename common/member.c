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

/* One entry of libarchive's, into the kernel's terms. False for a tag that the kernel has not. */
static bool convert_acl_entry(int tag, int perm, int id, const char *name, struct acl_named *ret)
{
	for (size_t i = 0; i < ARRAY_SIZE(acl_tags); i++) {
		if (acl_tags[i].archive != tag)
			continue;
		ret->entry = (struct acl_entry){ acl_tags[i].kernel, (uint16_t)(perm & 7),
						 ACL_UNDEFINED_ID };
		ret->name = "";
		if (tag == ARCHIVE_ENTRY_ACL_USER || tag == ARCHIVE_ENTRY_ACL_GROUP) {
			ret->entry.id = (uint32_t)id;
			if (id == -1) /* libarchive drops a name that is not UTF-8 */
				ret->name = name && *name ? name : "?";
		}
		return true;
	}
	return false;
}

static int add_acl(struct xattrs *xattrs, const char *xattr_name, const struct acl_named *list,
		   size_t n)
{
	_cleanup_free_ struct acl_entry *entries = calloc(n, sizeof(*entries));

	if (!entries)
		return -ENOMEM;
	for (size_t i = 0; i < n; i++) {
		if (*list[i].name)
			return aclnames_add(xattrs, xattr_name, list, n);
		entries[i] = list[i].entry;
	}
	return xattrs_add_acl(xattrs, xattr_name, entries, n);
}

static int collect_acl(struct archive_entry *e, int type, const char *xattr_name,
		       struct xattrs *xattrs)
{
	_cleanup_free_ struct acl_named *list = NULL;
	int n = archive_entry_acl_reset(e, type), entry_type, perm, tag, id;
	const char *name;
	size_t used = 0;

	if (n <= 0)
		return 0;
	list = calloc((size_t)n, sizeof(*list));
	if (!list)
		return -ENOMEM;
	while (used < (size_t)n &&
	       archive_entry_acl_next(e, type, &entry_type, &perm, &tag, &id, &name) == 0) {
		if (id == INT_MAX)
			return -EOVERFLOW; /* what libarchive makes of a larger number */
		used += convert_acl_entry(tag, perm, id, name, &list[used]);
	}
	return used ? add_acl(xattrs, xattr_name, list, used) : 0;
}

/* Undoes what writers do to bytes of an attribute's name that a pax keyword may not have: GNU tar to
 * '=' and '%', libarchive to all that is no ASCII too. libarchive's reader leaves it so. Returns a
 * copy, NULL without memory. */
static char *decode_name(const char *name)
{
	char *copy = malloc(strlen(name) + 1), *to = copy;
	char digits[3] = "";

	for (; copy && *name; name++) {
		if (name[0] == '%' && isxdigit((unsigned char)name[1]) &&
		    isxdigit((unsigned char)name[2]) && strncmp(name, "%00", 3) != 0) {
			memcpy(digits, name + 1, 2);
			*to++ = (char)strtoul(digits, NULL, 16);
			name += 2;
		} else {
			*to++ = *name;
		}
	}
	if (copy)
		*to = '\0';
	return copy;
}

/* An archive may hold an ACL twice, as text and as the xattr that it is (GNU tar with both --acls and
 * --xattrs-include='*'): the xattr is exact. */
static int collect_xattrs(struct archive_entry *e, struct xattrs *xattrs)
{
	bool has_access = false, has_default = false;
	const char *name;
	const void *value;
	size_t size;
	int r = 0;

	archive_entry_xattr_reset(e);
	while (r == 0 && archive_entry_xattr_next(e, &name, &value, &size) == 0) {
		_cleanup_free_ char *plain = decode_name(name);

		if (!plain)
			return -ENOMEM;
		if (aclnames_meant(plain))
			continue; /* no kernel has such names; here they mean something */
		has_access = has_access || strcmp(plain, ACL_XATTR_ACCESS) == 0;
		has_default = has_default || strcmp(plain, ACL_XATTR_DEFAULT) == 0;
		r = xattrs_add(xattrs, plain, value, size);
	}
	if (r == 0 && !has_access)
		r = collect_acl(e, ARCHIVE_ENTRY_ACL_TYPE_ACCESS, ACL_XATTR_ACCESS, xattrs);
	if (r == 0 && !has_default)
		r = collect_acl(e, ARCHIVE_ENTRY_ACL_TYPE_DEFAULT, ACL_XATTR_DEFAULT, xattrs);
	return r;
}

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

static int find_type(struct archive_entry *e, struct member *m)
{
	if (archive_entry_hardlink(e)) {
		m->type = MEMBER_HARDLINK;
		m->target = archive_entry_hardlink(e);
		return *m->target ? 0 : -EINVAL;
	}
	if (!member_type_of_mode(archive_entry_filetype(e), &m->type))
		return -EINVAL;
	m->target = archive_entry_symlink(e);
	return m->type == MEMBER_SYMLINK && !(m->target && *m->target) ? -EINVAL : 0;
}

/* (uid_t)-1 means "leave it" to chown. */
static bool is_id(int64_t id)
{
	return id >= 0 && id < UINT32_MAX;
}

/* libarchive reads and writes the text "-S.N" of a time before 1970 as S seconds before and then N after,
 * where pax and GNU tar mean both before: -1.25 comes as { -1, .25 } and is { -2, .75 }. What lies less
 * than a second before 1970 has no sign that libarchive could keep: its fraction is lost. */
static struct timespec time_from_archive(int64_t seconds, long ns)
{
	if (seconds < 0 && ns > 0)
		return (struct timespec){ seconds - 1, 1000000000 - ns };
	return (struct timespec){ seconds, ns };
}

static struct timespec time_to_archive(struct timespec t)
{
	if (t.tv_sec < -1 && t.tv_nsec > 0)
		return (struct timespec){ t.tv_sec + 1, 1000000000 - t.tv_nsec };
	return (struct timespec){ t.tv_sec, t.tv_sec == -1 ? 0 : t.tv_nsec };
}

int member_from_entry(struct archive_entry *e, struct member *ret, struct fail *f)
{
	struct member m = {
		.path = archive_entry_pathname(e),
		.size = (uint64_t)archive_entry_size(e),
		.mode = archive_entry_perm(e) & 07777, /* the header has room for more */
		.uid = (uid_t)archive_entry_uid(e),
		.gid = (gid_t)archive_entry_gid(e),
		.mtime = time_from_archive(archive_entry_mtime(e), archive_entry_mtime_nsec(e)),
		.rdev = makedev(archive_entry_rdevmajor(e), archive_entry_rdevminor(e)),
	};
	int r;

	if (!m.path || !*m.path)
		return fail_set(f, EINVAL, "the root archive", NULL, "a member has no name");
	if (find_type(e, &m) < 0)
		return fail_set(f, EINVAL, m.path, "Pack the root again without this file.",
				"it is of a type that a root file system cannot hold");
	if (!is_id(archive_entry_uid(e)) || !is_id(archive_entry_gid(e)))
		return fail_set(f, EINVAL, m.path,
				"Give the file another owner and pack the root again.",
				"Linux knows no owner %lld:%lld", (long long)archive_entry_uid(e),
				(long long)archive_entry_gid(e));
	r = collect_xattrs(e, &m.xattrs);
	if (r < 0) {
		member_free(&m);
		return fail_errno(f, r, m.path, "cannot read its extended attributes");
	}
	*ret = m;
	return 0;
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
