/*
 * Which members go into an image, as layers go by: first the root, through the sieve, then each overlay. Counts
 * what it keeps back and says so.
 */
#pragma once

#include "overlay.h"
#include "pack_options.h"
#include "sieve.h"
#include "source.h"

struct selection {
	struct sieve sieve;
	struct overlay *overlays; /* owned */
	size_t n_overlays;
	size_t layer;            /* 0 = the root, else the overlay of that number, from 1 */
	uint64_t replaced;       /* members that gave way to an overlay's */
	struct sieve_rule *rule; /* for the member that was asked about last; NULL = none */
	const char *explain;     /* the path to tell about; NULL = none */
	bool explained, list;    /* list: say each member that is kept back */
	int drawn_fd;            /* what was packed so far, as sketch.h draws it; -1 = not drawn */
	struct fail broken;      /* error != 0: a hard link to what is not packed */
};

int selection_open(struct selection *s, const struct pack_options *o, struct fail *f);
void selection_close(struct selection *s);

/* For source_filter: is a member of the current layer to be packed? */
bool selection_wants(const struct member *m, void *selection);

/* The rule that changes the data of the member that was wanted last, counted; NULL = it stays as it is. */
const struct sieve_rule *selection_change(struct selection *s, const struct member *m);

/* Makes a member of an overlay one of the root. */
void selection_adopt(const struct selection *s, struct member *m);

/* Warns of file systems that are mounted in the source of the current layer, unless what is in them would be left out
 * anyhow. */
void selection_warn_of_mounts(const struct selection *s, const struct source *source);

/* What each rule kept back, on stdout. */
void selection_print(const struct selection *s);
