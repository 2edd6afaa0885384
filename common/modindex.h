/*
 * The texts that depmod and admins write about modules: which module fits a device, what it needs,
 * which options it gets. Pure: it searches in texts that it is given and loads nothing.
 *
 * Names of modules are compared as the kernel does, with - and _ alike.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define MODULE_NAME_MAX 64         /* with NUL; the kernel's is 56 */
#define MODULE_SIZE_MAX (64 << 20) /* bytes of one that is unpacked here */

struct modindex {
	const char *dep;     /* modules.dep; "" where there is none, as for all */
	const char *alias;   /* modules.alias */
	const char *config;  /* modules.softdep and those of modprobe.d, one after the other */
	const char *cmdline; /* the kernel's: modprobe.blacklist=A,B and MODULE.OPTION=VALUE */
};

/* Writes the name of a module in a path or a word ("kernel/a/b-c.ko.xz" gives "b_c"), which ends at a blank,
 * a colon or the end. False when it is too long or empty. */
bool modindex_name(const char *path, char ret[MODULE_NAME_MAX]);

/* Calls found for each module whose alias fits modalias and that is not blacklisted. */
void modindex_match(const struct modindex *m, const char *modalias,
		    void (*found)(const char *name, void *arg), void *arg);

/* The line of modules.dep about name: its path and, behind a colon, the paths of all that it needs, the
 * last of which is to be loaded first. NULL: there is none. It ends at a newline or NUL. */
const char *modindex_dependencies(const struct modindex *m, const char *name);

/* Calls found for each module that shall be loaded before, or after, this one. */
void modindex_soft(const struct modindex *m, const char *name, bool after,
		   void (*found)(const char *name, void *arg), void *arg);

/* Brings all options for a module together, with blanks between; what does not fit into size bytes is
 * left out. Returns their length. */
size_t modindex_options(const struct modindex *m, const char *name, char *ret, size_t size);
