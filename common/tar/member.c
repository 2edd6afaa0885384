/* What members can be, and the end of their life. */
#include "tar/member.h"

#include <errno.h>
#include <sys/stat.h>

#include "base/util.h"

/* What Linux has room for in a device number, since 2.6: MKDEV() has 12 and 20 bits. */
#define MAJOR_MAX 0xfff
#define MINOR_MAX 0xfffff

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

/* (uid_t)-1 means "leave it" to chown. */
static bool is_id(int64_t id)
{
	return id >= 0 && id < UINT32_MAX;
}

int member_check_owner(const char *path, int64_t uid, int64_t gid, struct fail *f)
{
	if (is_id(uid) && is_id(gid))
		return 0;
	return fail_set(f, EINVAL, path, "Give the file another owner and pack the root again.",
			"its owner %lld:%lld is out of range for Linux", (long long)uid,
			(long long)gid);
}

int member_check_device(const char *path, int64_t major, int64_t minor, struct fail *f)
{
	if (major >= 0 && major <= MAJOR_MAX && minor >= 0 && minor <= MINOR_MAX)
		return 0;
	return fail_set(f, EINVAL, path, "Leave it out and pack the root again.",
			"its device number %lld:%lld is out of range for Linux", (long long)major,
			(long long)minor);
}

void member_free(struct member *m)
{
	xattrs_free(&m->xattrs);
}
