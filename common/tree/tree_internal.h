/*
 * The parts of the tree writer among themselves: tree.c makes names, tree_file.c fills regular files,
 * tree_metadata.c gives inodes what they have beside their content, tree_layer.c deletes and joins, tree_acls.c keeps the ACLs that wait
 * until the whole tree is there. Nobody else includes this.
 */
#pragma once

#include <limits.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/stat.h>

#include "tree/dir_cache.h"
#include "tree/layer_names.h"
#include "tree/tree.h"
#include "tree/tree_fail.h"

/* What an inode gets after it was created. */
struct metadata {
	mode_t mode;
	uid_t uid;
	gid_t gid;
	struct timespec mtime;
	struct xattrs xattrs; /* owned here; borrowed where noted */
};

/* A path without links, relative to the root; "" = the root. */
struct acl_path {
	struct acl_path *next;
	char text[];
};

/* ACLs that wait for the whole tree (aclnames.h); of one inode. */
struct named_acls {
	struct named_acls *next;
	/* That led to it, the last one first; owned. A later member may have deleted any of them. */
	struct acl_path *paths;
	dev_t dev;
	ino_t ino;            /* 0 = what is kept does not count any more */
	struct xattrs xattrs; /* only what was named, under the names that are meant */
};

struct tree {
	int root_fd;
	bool keep_owner;
	struct dir_cache directories; /* kept open down to that of the last member */
	bool is_layer;
	/* By the current layer, the directories on their paths, and what it joins. */
	struct layer_names made;
	struct named_acls *named_acls;
	size_t named_acls_size; /* bytes that they take */
	pthread_mutex_t lock;   /* of what follows: files are released by any thread */
	struct tree_losses losses;
	struct tree_file *spare;
	size_t waiting; /* bytes of attributes that files have which are not yet complete */
};

/* ret's own block of xattrs, if it has one, is used again. 0 or -ENOMEM. */
int tree_metadata_copy(const struct member *m, struct metadata *ret);

/* Owner, mode, xattrs, times, in the order that keeps each. have: what fd has now. 0 or -errno. */
int tree_metadata_apply(struct tree *t, int fd, const struct stat *have,
			const struct metadata *meta);

/* Sets xattrs of fd or, when fd < 0, of name in the current directory, not followed. 0 or -errno. */
int tree_metadata_apply_xattrs(struct tree *t, int fd, const char *name,
			       const struct xattrs *xattrs);

/* Counts one of t's losses, and keeps what the first one was. */
void tree_count_loss(struct tree *t, uint64_t *count, char first[TREE_LOSS_MAX], const char *what);

/* Attributes that a target may lack without harm are counted, a capability never. */
bool tree_metadata_may_lose(struct tree *t, const char *name, int error);

/* The same for what cannot be opened, or need not be: name in parent_fd, not followed. 0 or -errno; -ESTALE: another process
 * has put something else there. */
int tree_metadata_apply_by_name(struct tree *t, int parent_fd, const char *name,
				const struct member *m);

/* Removes the ACLs of a directory that a member describes anew. 0 or -errno. */
int tree_metadata_clear_acls(int parent_fd, const char *name);

/* ACLs with names in one tree, bytes. */
#define TREE_ACLS_MAX (2 << 20)

/* Keeps the ACLs of m that have names; name "" is parent_fd itself. 0, or -errno with *f filled. */
int tree_acls_add(struct tree *t, const struct member *m, int parent_fd, const char *name,
		  struct fail *f);

/* A hard link was made, name in parent_fd: the ACLs that are kept for its inode stay when the other names go. 0, or -errno with *f
 * filled. */
int tree_acls_link(struct tree *t, const struct member *m, int parent_fd, const char *name,
		   struct fail *f);

/* What was kept for this inode does not count any more: its last name goes, and its number may soon be
 * another file's, or a later member describes it anew. */
void tree_acls_forget(struct tree *t, const struct stat *st);

/* Looks the names up and sets the ACLs, when the whole tree is there. */
int tree_acls_finish(struct tree *t, struct fail *f);

void tree_acls_free(struct tree *t);

/* Did a path lead nowhere, since its directory is not there, or something else is in its place? */
bool tree_leads_nowhere(int error);

/* In a layer, notes a name that it has made. 0 or -errno. */
int tree_layer_note(struct tree *t, int parent_fd, const char *name);

/* Does what a whiteout of a layer says. 1: it is none, but a member like others; 0, or -errno with *f filled. */
int tree_layer_whiteout(struct tree *t, const struct member *m, struct fail *f);

/* Is it a directory of a layer that means one of a lower layer, which stays as it is? name "": parent_fd itself. */
bool tree_layer_joins(const struct tree *t, const struct member *m, int parent_fd,
		      const char *name);

/* Notes that the layer has this directory, so that none of its whiteouts deletes it. 0, or -errno with *f filled. */
int tree_layer_join(struct tree *t, const struct member *m, int parent_fd, const char *name,
		    struct fail *f);

/* Removes what a member of a layer takes the place of, with all below it. 0 or -errno. */
int tree_layer_replace(struct tree *t, int parent_fd, const char *name);

/* A new tree_file for fd, which is taken over. 0 or -ENOMEM. */
int tree_file_new(struct tree *t, const struct member *m, int fd, struct tree_file **ret);

/* Frees what is kept for the next files. */
void tree_file_free_spare(struct tree *t);
