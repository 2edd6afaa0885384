/*
 * Members become files below a root directory, exactly as the archive describes them and nowhere
 * else: names resolve inside the root (inroot.h), a later member of the same name wins.
 *
 * A layer is a further archive over what is there (tree_begin_layer). Its files take the place of what is there, a directory
 * with all that is in it, too; its directories join those that are there, also where a link leads to one, and leave them as
 * they are; its whiteouts (whiteout.h) delete what lower layers have.
 *
 * What it remembers is bounded, whatever the number of members: directories get their metadata when
 * they are made, and get it back when the members have gone on to others (dirstate.h). So a directory
 * that was there before and that no member describes keeps its time, too.
 *
 * Names are created by the one thread that calls tree_add, in archive order, so that hard links,
 * duplicates and symlinks on the path are right by construction. A regular file then lives on by
 * itself as a tree_file: any one thread may fill and close it later.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/fail.h"
#include "tar/member.h"

struct tree;

/* A regular file that still gets its data. It has holders; whoever releases it last completes it. */
struct tree_file;

/* Starts to fill the directory root_fd, which stays the caller's and open until tree_free.
 * Owners are set when the process is root, else left as they come: then what the archive gives to another has no setuid or setgid
 * bit. 0 or -ENOMEM. */
int tree_new(int root_fd, struct tree **ret);

/* From now on members are those of another layer, when all files of the one before are released. */
void tree_begin_layer(struct tree *t);

/* Creates what m says, or in a layer deletes it. For MEMBER_FILE *ret_file is set to the new file, held once by the caller;
 * otherwise to NULL. m's strings and xattrs are copied where they are still needed. */
int tree_add(struct tree *t, const struct member *m, struct tree_file **ret_file, struct fail *f);

/* Writes size bytes at offset; what is never written stays a hole. */
int tree_file_write(struct tree_file *file, const void *data, size_t size, uint64_t offset,
		    struct fail *f);

/* One holder more. */
void tree_file_hold(struct tree_file *file);

/* One holder less. The last one gives the file its size, owner, mode, xattrs and time, unless some
 * holder was not good, and frees it whatever happens. */
int tree_file_release(struct tree_file *file, bool good, struct fail *f);

/* Do files that are not yet released for the last time keep so many attributes that they must be
 * completed before another is added? */
bool tree_must_wait(struct tree *t);

/* Sets what waited for the whole tree; call it once after every file is released. */
int tree_finish(struct tree *t, struct fail *f);

/* Attributes that this kernel or user could not store (never security.capability, which is an
 * error), and the name of the first one, "" if none. ACLs whose users or groups the tree does not know, and the path of the first one.
 * Inodes that have not the owner and group of the archive, and those of them that lost their set-id bits. */
#define TREE_LOSS_MAX 96

struct tree_losses {
	uint64_t count, unknown, owners, set_id;
	char first[TREE_LOSS_MAX], first_unknown[TREE_LOSS_MAX];
};
void tree_losses(struct tree *t, struct tree_losses *ret);

void tree_free(struct tree *t);
