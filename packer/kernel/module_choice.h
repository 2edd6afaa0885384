/*
 * Which kernel modules go into an image: those that a list of words asks for, and all that they need. Pure.
 *
 * A word is `all`, `none`, which stands for no module, the name of a group (`console`, `net`, `link`, `zram`, `storage`), of a module, or a pattern as in glob.h for its
 * path below lib/modules/RELEASE without the suffix; - and _ are alike in names, as for the kernel.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "modules/modindex.h"

struct module {
	const char *line; /* of modules.dep: its path, a colon, what it needs */
	char name[MODULE_NAME_MAX];
	bool wanted, complete; /* complete: what it needs is wanted, too */
};

struct module_choice {
	struct modindex index;  /* of all modules; its texts stay the caller's */
	struct module *modules; /* owned, in the order of modules.dep */
	size_t n;
};

/* Reads the index. 0 or -ENOMEM. */
int module_choice_open(struct module_choice *c, const struct modindex *index);

/* Wants what the words (with commas between) say. builtin is modules.builtin: a name in it asks for nothing. Returns
 * NULL, or the word that names neither, which ends at a comma or NUL. */
const char *module_choice_want(struct module_choice *c, const char *words, const char *builtin);

/* Wants what the wanted ones need, with what finds their devices. */
void module_choice_complete(struct module_choice *c);

/* Is a module of this name wanted? */
bool module_choice_has(const struct module_choice *c, const char *name);

void module_choice_close(struct module_choice *c);
