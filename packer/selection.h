/*
 * Which members go into an image, as layers go by: first the root, through the sieve, then each overlay. Counts
 * what it keeps back and says so.
 */
#pragma once

#include "overlay.h"
#include "pack_kernel.h"
#include "pack_options.h"
#include "sieve.h"
#include "source.h"

struct selection {
	struct sieve sieve;
	struct overlay *overlays; /* owned */
	size_t n_overlays;
	size_t layer;      /* 0 = the root, else the overlay of that number, from 1 */
	uint64_t replaced; /* members that gave way to an overlay's */
	const struct pack_kernel *kernel; /* the caller's; NULL = kernels are files as others */
	struct sieve_rule *rule; /* for the member that was asked about last; NULL = none */
	const char *explain;     /* the path to tell about; NULL = none */
	bool explained, list;    /* list: say each member that is kept back */
	int drawn_fd;            /* what was packed so far, as sketch.h draws it; -1 = not drawn */
	struct fail broken;      /* error != 0: a hard link to what is not packed */
	bool explain_later;      /* when the data of the member, or every kernel, has been seen */
	struct path_map
		dropped; /* what was left out because of its data; the values are numbers of rules */
	struct path_map mapped;   /* names of /dev/mapper that etc/crypttab and its kin make */
	struct path_map swap;     /* files that etc/fstab or etc/crypttab calls swap */
	struct path_map not_swap; /* that went by before these did, without the signature of swap */
	bool knows_swap, has_systemd, has_machine_id;
};

int selection_open(struct selection *s, const struct pack_options *o, struct fail *f);
void selection_close(struct selection *s);

/* For source_filter: is a member of the current layer to be packed? */
bool selection_wants(const struct member *m, void *selection);

/* What is to be done about the data of the member that was wanted last; NULL = nothing. Whoever does it then says so by
 * one of the three below. */
const struct sieve_rule *selection_rule(const struct selection *s);

/* Its data stays as it is. 0 or -ENOMEM. */
int selection_keep(struct selection *s, const struct member *m);

/* Its data goes, or lines of it become comments. */
void selection_empty(struct selection *s, const struct member *m);
void selection_comment(struct selection *s, const struct member *m, int lines);

/* It is left out, and every other name of it that comes later. 0 or -ENOMEM. */
int selection_drop(struct selection *s, const struct member *m);

/* Is this hard link another name of what was dropped? Then it is, too. */
bool selection_drops_name(struct selection *s, const struct member *m);

/* From the text of an etc/fstab (SIEVE_FSTAB), etc/crypttab or etc/veritytab: takes the names of swap files, warns of those
 * that have been packed, and takes those of devices that need no disk. Nothing from other texts. 0 or -ENOMEM. */
int selection_note_table(struct selection *s, enum sieve_action table, const char *text,
			 size_t size);

/* Lacks the root a machine-id that systemd would have to make at every boot, as if that were the first? Says so when it is
 * the root's turn to be explained. */
bool selection_lacks_machine_id(struct selection *s);

/* A kernel of that path and size that was taken, and the one that the image is booted with (NULL: none). Says what becomes
 * of it. */
void selection_tell_kernel(struct selection *s, const struct member *m, const char *booted);

/* Makes a member of an overlay one of the root. */
void selection_adopt(const struct selection *s, struct member *m);

/* Warns of file systems that are mounted in the source of the current layer, unless what is in them would be left out
 * anyhow. */
void selection_warn_of_mounts(const struct selection *s, const struct source *source);

/* What each rule kept back, on stdout; warns of patterns that name nothing. */
void selection_print(const struct selection *s);
