/*
 * The directories from the root to where the last member was, kept open: members of one directory
 * mostly follow each other, so the next one's is already here or one step away. Only what is a real
 * directory under its plain name is kept; paths with links or ".." are walked by inroot every time.
 *
 * A directory is entered (dirstate.h) while it is in the cache, or is the last one elsewhere. None is
 * entered twice: before the walk goes elsewhere, all in the cache are left.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>

#include "tree/dirstate.h"

#define DIR_CACHE_MAX 32 /* open directories; deeper ones are walked to */

struct dir_cache {
	int root_fd; /* borrowed */
	struct dirstate_rules rules;
	int (*made)(void *arg, int dir_fd,
		    const char *name); /* told of directories that were missing; may be NULL */
	void *made_arg;
	struct dirstate states[DIR_CACHE_MAX + 1]; /* of root_fd, then of fds */
	int fds[DIR_CACHE_MAX];     /* of the first components of path, from the root down */
	size_t ends[DIR_CACHE_MAX]; /* bytes of path up to the end of each */
	unsigned n;                 /* of them are open */
	unsigned at;                /* the last directory is the one after so many; see elsewhere */
	bool stale;                 /* what is open may be gone from its place */
	int elsewhere;              /* the last directory when it is not in the cache; else -1 */
	char path[PATH_MAX];        /* of what is open, components joined by '/', without links */
	char elsewhere_path[PATH_MAX];
	struct dirstate elsewhere_state;
};

void dir_cache_init(struct dir_cache *t, int root_fd);

/* Opens (O_PATH) and enters the directory that holds the last component of path, as inroot_open_parent does,
 * whose rules for path, create and name hold. The descriptor stays t's and open until the next call.
 * Returns it or -errno. */
int dir_cache_open_parent(struct dir_cache *t, const char *path, bool create,
			  char name[NAME_MAX + 1]);

/* Leaves what lies below that directory, and with parent_too itself: what is set there now stays. 0 or
 * -errno. */
int dir_cache_leave(struct dir_cache *t, bool parent_too);

/* A directory got a default ACL. */
void dir_cache_look_for_acls(struct dir_cache *t);

/* Where that directory is, without links, as *ret_length bytes (not terminated); 0 = the root. */
const char *dir_cache_path(const struct dir_cache *t, size_t *ret_length);

/* Something that may be in the cache is gone. What is open stays open until the next call. */
void dir_cache_forget(struct dir_cache *t);

/* Leaves all directories. 0 or -errno. */
int dir_cache_finish(struct dir_cache *t);

/* Closes all, without leaving them. */
void dir_cache_close(struct dir_cache *t);
