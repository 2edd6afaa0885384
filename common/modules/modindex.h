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
	const char *dep;   /* modules.dep; "" where there is none, as for all */
	const char *alias; /* modules.alias */
	const char *
		config; /* modules.softdep, modules.weakdep and those of modprobe.d, one after the other */
	const char *
		cmdline; /* the kernel's: modprobe.blacklist=A,B, module_blacklist=A,B, MODULE.OPTION=VALUE */
};

/* Makes a file of modprobe.d ready for modindex.config, in place: lines that end in a backslash are joined with the
 * next, other backslashes are left out, as modprobe does it; a NUL ends a line. Returns the new size. */
size_t modindex_join_lines(char *text, size_t size);

/* Writes the name of a module in a path or a word ("kernel/a/b-c.ko.xz" gives "b_c"), which ends at a blank,
 * a colon or the end. False when it is too long or empty. */
bool modindex_name(const char *path, char ret[MODULE_NAME_MAX]);

/* Calls found for each module whose alias fits modalias, which may be a plain alias, too, and that is not
 * blacklisted. Aliases of modprobe.d replace those of the modules. */
void modindex_match(const struct modindex *m, const char *modalias,
		    void (*found)(const char *name, void *arg), void *arg);

/* The line of modules.dep about name: its path and, behind a colon, the paths of all that it needs, the
 * last of which is to be loaded first. NULL: there is none. It ends at a newline or NUL. */
const char *modindex_dependencies(const struct modindex *m, const char *name);

/* Of a line of modules.dep. Is the module below drivers/net/, in whatever directory? And was it not built with the kernel? Those lie in
 * updates/dkms, extra and the like, whatever they are for. */
bool modindex_is_in_net(const char *line);
bool modindex_is_foreign(const char *line);

/* Kinds of modules that are named for another one. */
enum modindex_tie {
	MODINDEX_BEFORE, /* softdep pre: to be loaded before it */
	MODINDEX_AFTER,  /* softdep post: to be loaded after it */
	MODINDEX_WEAK,   /* weakdep: the kernel may ask for it later, so it should be there */
};

/* Calls found for each module, or alias of one, that is tied to this one in this way. */
void modindex_tied(const struct modindex *m, const char *name, enum modindex_tie tie,
		   void (*found)(const char *name, void *arg), void *arg);

/* Must this module never be loaded, not even where another needs it? So say "install NAME /bin/false" (or true) of
 * modprobe.d, and module_blacklist= of the kernel command line. */
bool modindex_is_forbidden(const struct modindex *m, const char *name);

/* The command that modprobe.d has in place of loading this module, up to its end of line or NUL. NULL: there is none,
 * or softdeps say the same. */
const char *modindex_install_command(const struct modindex *m, const char *name);

/* Does that command begin with loading this very module, as "modprobe --ignore-install NAME && ..." does? */
bool modindex_command_loads(const char *command, const char *name);

/* All options for a module, with blanks between; "" = none. The caller frees it. NULL: no memory. */
char *modindex_options(const struct modindex *m, const char *name);
