/*
 * The directories from the root to where the last member was, kept open: members of one directory
 * mostly follow each other, so the next one's is already here or one step away. Only what is a real
 * directory under its plain name is kept; paths with links or ".." are walked by inroot every time.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#define TRAIL_MAX 32 /* open directories; deeper ones are walked to */

struct trail {
	int root_fd;            /* borrowed */
	int fds[TRAIL_MAX];     /* of the first components of path, from the root down */
	size_t ends[TRAIL_MAX]; /* bytes of path up to the end of each */
	unsigned n;             /* of them are open */
	unsigned at;            /* the last directory is the one after so many; see elsewhere */
	bool stale;             /* what is open may be gone from its place */
	int elsewhere;          /* the last directory when it is not on the trail; else -1 */
	char path[PATH_MAX];    /* of what is open, components joined by '/', without links */
	char elsewhere_path[PATH_MAX];
};

void trail_init(struct trail *t, int root_fd);

/* Opens (O_PATH) the directory that holds the last component of path, as inroot_open_parent does,
 * whose rules for path, create and name hold. The descriptor stays t's and open until the next call.
 * Returns it or -errno. */
int trail_open_parent(struct trail *t, const char *path, bool create, char name[NAME_MAX + 1]);

/* Where that directory is, without links, as *ret_length bytes (not terminated); 0 = the root. */
const char *trail_path(const struct trail *t, size_t *ret_length);

/* Something that may lie on the trail is gone. What is open stays open until the next call. */
void trail_forget(struct trail *t);

void trail_close(struct trail *t);
