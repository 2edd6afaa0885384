/*
 * What belongs to the one machine that a root was installed on, and what is done about it where it boots on many: one
 * table, from which docs/tarboot-pack.1 gets its list (scripts/scrub-table).
 */
#pragma once

#include "base/fail.h"
#include "base/path.h"
#include "root/rules.h"

/* Adds the table's rules behind those that are there. 0 or -ENOMEM. */
int scrub_add_rules(struct rules *s);

enum scrub_result {
	SCRUB_LETS_BE,
	SCRUB_CHANGES,
	SCRUB_LEAVES_OUT,
};

struct scrubbed {
	enum scrub_result result;
	char *text; /* SCRUB_CHANGES: the caller's */
	size_t size;
	int lines; /* of it that became comments */
};

/* Does an action depend on a text? Then scrub_text() decides. */
bool scrub_reads_text(enum rule_action action);

/* Pure. mapped: see fstab.h. 0 or -ENOMEM. */
int scrub_text(enum rule_action action, const char *text, size_t size,
	       const struct path_map *mapped, struct scrubbed *ret);
