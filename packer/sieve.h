/*
 * What of a root goes into the image: rules with patterns, each with its reason, and what was kept back by
 * which. Knows paths, not files.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All but the first are for regular files. */
enum sieve_action {
	SIEVE_LEAVE_OUT,    /* with all that lies below */
	SIEVE_EMPTY,        /* a file stays, its content does not */
	SIEVE_MACHINE_ID,   /* the same; it is made where it is not, or is a link */
	SIEVE_FSTAB,        /* see fstab.h */
	SIEVE_CRYPTTAB,     /* see crypttab.h */
	SIEVE_VERITYTAB,    /* see crypttab.h */
	SIEVE_CARD_PROFILE, /* left out if it is for one network card; see card_profile.h */
	SIEVE_RESOLV_CONF,  /* warned about; see root_warnings.h */
	SIEVE_SWAP_FILE,    /* left out if it is one; see swap_file.h */
};

struct sieve_rule {
	const char *glob; /* see glob.h */
	enum sieve_action action;
	const char *why;
	uint64_t members, bytes; /* that it was applied to so far */
};

struct sieve_keep {
	const char *glob;
	bool matched; /* a path so far */
};

struct sieve {
	struct sieve_rule *rules; /* owned; the strings are not */
	struct sieve_keep *keep;
	size_t n_rules, n_keep;
	size_t n_excluded; /* of the rules, the first: those that the user gave */
};

/* Adds a rule behind those that are there: the first that names a path is taken. 0 or -ENOMEM. */
int sieve_add(struct sieve *s, enum sieve_action action, const char *glob, const char *why);

/* What a keep pattern names, and all below it, no rule is applied to. 0 or -ENOMEM. */
int sieve_keep(struct sieve *s, const char *glob);

/* The rule for a path; NULL = it goes in as it is. A directory of which something below may be kept goes in. */
struct sieve_rule *sieve_judge(const struct sieve *s, const char *path, bool is_directory);

void sieve_free(struct sieve *s);
