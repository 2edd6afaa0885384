/*
 * What of a root goes into the image: rules with patterns, each with its reason, and what was kept back by
 * which. Knows paths, not files.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All but the first are for regular files. */
enum rule_action {
	RULE_LEAVE_OUT,    /* with all that lies below */
	RULE_EMPTY,        /* a file stays, its content does not */
	RULE_MACHINE_ID,   /* the same; it is made where it is not, or is a link */
	RULE_FSTAB,        /* see fstab.h */
	RULE_CRYPTTAB,     /* see crypttab.h */
	RULE_VERITYTAB,    /* see crypttab.h */
	RULE_CARD_PROFILE, /* left out if it is for one network card: card_profile.h; else: */
	RULE_NETWORK,      /* warned about; see network_check.h */
	RULE_RESOLV_CONF,  /* warned about; see root_warnings.h */
	RULE_SWAP_FILE,    /* left out if it is one; see swap_file.h */
};

struct rule {
	const char *glob; /* see glob.h */
	enum rule_action action;
	const char *why;
	uint64_t members, bytes; /* that it was applied to so far */
};

struct keep_pattern {
	const char *glob;
	bool matched; /* a path so far; see rules_note_match */
};

struct rules {
	struct rule *rules; /* owned; the strings are not */
	struct keep_pattern *keep;
	size_t n_rules, n_keep;
	size_t n_excluded; /* of the rules, the first: those that the user gave */
};

/* Adds a rule behind those that are there: the first that names a path is taken. 0 or -ENOMEM. */
int rules_add(struct rules *s, enum rule_action action, const char *glob, const char *why);

/* What a keep pattern names, and all below it, no rule is applied to. 0 or -ENOMEM. */
int rules_keep(struct rules *s, const char *glob);

/* The rule for a path; NULL = it goes in as it is. A directory of which something below may be kept goes in. */
struct rule *rules_find(const struct rules *s, const char *path, bool is_directory);

/* There is such a path, or it was looked for: keep patterns that name it, or what it lies in, have no typing error. */
void rules_note_match(struct rules *s, const char *path, bool is_directory);

void rules_free(struct rules *s);
