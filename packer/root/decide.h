/*
 * What of a root is packed, and with what data: rules by path, then overlays, then rules by what is in a file. A decision is a
 * mark on a name, with the number of its rule; each is counted, and told where that was asked for.
 */
#pragma once

#include "root/overlay.h"
#include "root/network_check.h"
#include "base/path.h"
#include "root/rootfs.h"
#include "root/rules.h"

/* The mark of a kernel, which stays out of the root; that of a rule is its number from 1. */
#define MARK_KERNEL UINT16_MAX

struct decisions {
	struct rules rules;
	struct rootfs *fs;        /* the caller's */
	struct overlay *overlays; /* owned */
	size_t n_overlays;
	uint16_t root_layers;    /* layers of the tree that are the root's; overlays follow */
	uint64_t replaced;       /* names that gave way to an overlay's */
	const char *explain;     /* the path to tell about; NULL = none */
	bool is_explained, list; /* list: tell each that is kept back */
	bool explains_made;      /* the path to tell about is a name that was made here */
	struct path_map mapped;  /* names of /dev/mapper that etc/crypttab and its kin make */
	struct path_map swap;    /* files that etc/fstab or etc/crypttab calls swap */
	struct network_check network;
	uint64_t members, bytes; /* that are packed, after decide_totals */
};

struct decide_settings {
	const char *explain;   /* the path to tell about; NULL = none */
	bool list;             /* tell each name that is kept back */
	char *const *overlays; /* directories */
	size_t n_overlays;
};

/* rules pass to d; settings and fs stay the caller's, and outlive d. 0, or -ENOMEM with *f filled. */
int decide_open(struct decisions *d, const struct decide_settings *settings, struct rules *rules,
		struct rootfs *fs, struct fail *f);
void decide_close(struct decisions *d);

/* For rootfs_filter: is a name of the root left out whatever is in it? Or its data, if it is a file? And that the name was. */
bool decide_leaves_out(void *decisions, const char *path, bool is_directory);
bool decide_leaves_out_data(void *decisions, const char *path);
void decide_note_left_out(void *decisions, const char *path, bool is_directory);

/* 1. When the root is in the tree: marks what is left out by its path. */
int decide_by_path(struct decisions *d, struct fail *f);

/* 2. Lays the overlays over it. */
int decide_overlays(struct decisions *d, const struct decide_settings *settings, struct fail *f);

/* 3. When the kernels are marked: rules about what is in files, and what the root lacks. Counts and tells what was kept back. */
int decide_by_content(struct decisions *d, struct fail *f);

/* 4. Counts what is packed. Refuses what could not be read and is to be packed. */
int decide_totals(struct decisions *d, struct fail *f);

/* ---- for decide_report.c and decide_warn.c ---- */

bool decide_is_of_overlay(const struct decisions *d, const struct root_name *n);

/* The overlay that a name comes from, or "the root". */
const char *decide_layer_name(const struct decisions *d, const struct root_name *n);

/* What a rule does: "left out", "emptied", "changed". */
const char *decide_action_name(enum rule_action action);

/* Prints a line of the list: what was done with how many bytes, and why. */
void decide_print_name(const char *done, uint64_t bytes, const char *path, const char *why);
