/*
 * The root that is packed: one tree of names in memory (root_tree.h), what each inode is, and where its data lies. Sources fill
 * it, layer over layer; decisions (decide.h, pack_kernel.h) mark names and change data; the writer (rootfs_write.h) reads the
 * data then. It takes up to 300 bytes a file, plus names, links and attributes.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>
#include <time.h>

#include "base/fail.h"
#include "source/file_data.h"
#include "tree/root_files.h"
#include "tree/root_tree.h"
#include "source/source.h"
#include "base/spool.h"
#include "tar/xattrs.h"

/* What decide.c decides about an inode, and others than decide_report.c need not know. */
struct inode_decision {
	uint16_t rule;   /* what is to be done about its data; 0 = nothing */
	bool is_kept;    /* it has a name that no rule is for, so its data stays */
	bool is_changed; /* the rule was applied */
	bool is_told;    /* its size was counted with what is left out */
	bool is_seen;    /* a name of it came by that is packed */
};

struct inode {
	struct file_data data; /* of a file of size > 0 */
	struct xattrs xattrs;  /* owned */
	struct timespec mtime;
	uint64_t size; /* bytes of a file */
	dev_t rdev;
	uid_t uid;
	gid_t gid;
	uint32_t names; /* that it has */
	uint16_t mode;  /* permission bits */
	uint16_t error; /* errno: not all of it could be read; 0 */
	uint16_t mark;  /* all its names get this mark (decide.h) */
	struct inode_decision decided;
	bool is_implied; /* a directory that no member described */
	bool is_mount;   /* of a directory: what is mounted on it was not read */
	bool is_counted; /* its size is in the sum of what is packed, whatever number of names it has */
	/* the writer's: its name that has the data; NULL = none so far */
	const struct root_name *first;
};

struct rootfs {
	struct root_tree *tree;
	struct inode *inodes; /* by number; owned */
	size_t room;
	struct source **sources; /* that hold data; owned */
	size_t n_sources;
	struct spool spool;
	const struct source *spooled; /* that was the last to write there */
	bool has_spool;
	uint16_t layer;   /* that is filled last */
	uint64_t skipped; /* sockets */
	/* files that are written: inside a directory they are passed over; NULL: none */
	const char *outputs[4];
	uint64_t held;     /* bytes in attributes and maps */
	bool holds_source; /* data lies in the source that is read */
	void (*gone)(void *arg, const struct root_name *n); /* see rootfs_watch */
	void *gone_arg;
	struct file_reader reader;
};

/* What of a source will be left out, by names alone. */
struct rootfs_filter {
	/* Is the name left out whatever is in it? Then it may be one that init could not unpack. */
	bool (*is_left_out)(void *arg, const char *path, bool is_directory);

	/* Is the data of a file of that name left out, whether the name is or not? Then it need not be held. */
	bool (*is_data_left_out)(void *arg, const char *path);

	/* The name was left out, and init could not unpack it. */
	void (*note_left_out)(void *arg, const char *path, bool is_directory);

	void *arg; /* handed to each of them */
};

/* What a member of an overlay becomes, and what else of it counts; see overlay.h. */
struct rootfs_fill {
	enum root_tree_how how;
	const struct rootfs_filter *filter; /* NULL: all is taken */

	/* Looks at each member first, and may change it: 1 = it is a name, 0 = it is none; -errno. May be NULL. */
	int (*look)(void *arg, struct rootfs *fs, struct member *m, struct fail *f);

	void *arg; /* handed to look */
};

/* 0 or -ENOMEM with *f filled. */
int rootfs_open(struct rootfs *fs, struct fail *f);
void rootfs_close(struct rootfs *fs);

/* Puts all members of a source, which is taken over, on top as a new layer: the first is 1. Those that init could not unpack
 * are refused. */
int rootfs_add_source(struct rootfs *fs, struct source *s, const struct rootfs_fill *how,
		      struct fail *f);

/* Calls gone for each name just before it gives way to a layer above; NULL: no longer. */
void rootfs_watch(struct rootfs *fs, void (*gone)(void *arg, const struct root_name *n), void *arg);

/* Adds a name that no source has: an empty file, a link or a directory, without attributes. */
int rootfs_add(struct rootfs *fs, const struct member *m, struct fail *f);

struct inode *rootfs_inode(const struct rootfs *fs, const struct root_name *n);

/* ---- data ---- */

/* Reads the whole of a file of at most max bytes; *ret is the caller's, with a NUL behind. -EFBIG. */
int rootfs_read(struct rootfs *fs, const struct root_name *n, size_t max, char **ret,
		size_t *ret_size, struct fail *f);

/* Gives a file other data, which is taken over; NULL with size 0 = none. */
void rootfs_set_data(struct rootfs *fs, const struct root_name *n, char *text, size_t size);

/* ---- as files ---- */

/* The names that are not marked, for the checks. */
struct rootfs_files {
	struct root_files files; /* first */
	struct rootfs *fs;
};

void rootfs_files(struct rootfs *fs, struct rootfs_files *ret);
