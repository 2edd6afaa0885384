/* One member of a root archive. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/fail.h"
#include "tar/xattrs.h"

enum member_type {
	MEMBER_FILE,
	MEMBER_DIRECTORY,
	MEMBER_SYMLINK,
	MEMBER_HARDLINK,
	MEMBER_CHAR,
	MEMBER_BLOCK,
	MEMBER_FIFO,
};

struct member {
	enum member_type type;
	const char *path;   /* as the archive has it; bytes, not necessarily UTF-8 */
	const char *target; /* symlink: its text; hard link: path of the first name */
	uint64_t size;      /* bytes of a regular file, holes included */
	bool is_hole; /* it takes no room in the directory where it lies; false: or that is not known */
	mode_t mode; /* permission bits with suid, sgid, sticky */
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
	dev_t rdev;           /* MEMBER_CHAR and MEMBER_BLOCK */
	struct xattrs xattrs; /* owned; ACLs included */
};

/* The type that goes with the S_IFMT bits of a mode; false for a socket, which no archive holds. */
bool member_type_of_mode(mode_t mode, enum member_type *ret);

/* Can Linux have such an owner, such a device? path: for messages. 0, or -EINVAL with *f filled. */
int member_check_owner(const char *path, int64_t uid, int64_t gid, struct fail *f);
int member_check_device(const char *path, int64_t major, int64_t minor, struct fail *f);

void member_free(struct member *m);
