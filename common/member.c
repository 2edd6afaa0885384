/* Types of members, and the end of their life. */
#include "member.h"

#include <sys/stat.h>

#include "util.h"

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

void member_free(struct member *m)
{
	xattrs_free(&m->xattrs);
}
