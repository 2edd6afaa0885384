/* Checks of the new init. */
#include "image/initcheck.h"

#include <errno.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/elfinfo.h"

#define INTERPRETERS_MAX 5 /* scripts run by scripts, as the kernel */

const char *const initcheck_defaults[] = {
	"/sbin/init", "/usr/lib/systemd/systemd", "/lib/systemd/systemd", "/etc/init", "/bin/init",
	NULL
};

static int read_head(int fd, char head[PROGRAM_HEAD_SIZE], size_t *ret_size)
{
	size_t have = 0;
	ssize_t n;

	while (have < PROGRAM_HEAD_SIZE) {
		n = pread(fd, head + have, PROGRAM_HEAD_SIZE - have, (off_t)have);
		if (n < 0 && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		if (n > 0)
			have += (size_t)n;
	}
	*ret_size = have;
	return 0;
}

/* Reads what path is. Only a file is opened for that: a device may do something at once. */
static int read_program(const struct root_files *root, const char *path, struct program *ret,
			struct fail *f)
{
	char head[PROGRAM_HEAD_SIZE];
	_cleanup_close_ int fd = -1;
	struct stat st;
	size_t size = 0;
	int r = root->stat(root, path, &st);

	if (r == -ENOENT)
		return fail_set(
			f, ENOENT, path,
			"Pack a root that has it, or boot with tarboot.init= or init= and another "
			"path.",
			"it is not in the root");
	if (r < 0)
		return fail_errno(f, r, path, "cannot open it in the root");
	if (!S_ISREG(st.st_mode))
		return fail_set(f, EACCES, path,
				"Pack a root where this is a program, or boot with "
				"tarboot.init=PATH.",
				"it is %s, not a program",
				S_ISDIR(st.st_mode) ? "a directory" : "no regular file");
	if (!(st.st_mode & 0111))
		return fail_set(f, EACCES, path,
				"Make it executable in the root and pack it again.",
				"it is not executable (mode %04o)", (unsigned)(st.st_mode & 07777));
	fd = root->open(root, path, PROGRAM_HEAD_SIZE);
	r = fd < 0 ? fd : read_head(fd, head, &size);
	if (r < 0)
		return fail_errno(f, r, path, "cannot read it");
	r = program_parse(head, size, ret);
	if (r < 0)
		return fail_set(f, ENOEXEC, path,
				"Pack a whole root, or boot with tarboot.init=PATH.",
				"it is neither an ELF program nor a script");
	return 0;
}

int initcheck_program(const struct root_files *root, const char *path, uint16_t machine,
		      struct fail *f)
{
	struct program p;
	struct fail inner;
	char name[sizeof(p.interpreter)];
	int r = read_program(root, path, &p, f);

	for (unsigned depth = 0; r == 0; depth++) {
		if (p.kind == PROGRAM_ELF && !program_may_run(machine, p.machine))
			return fail_set(f, ENOEXEC, path, "Pack a root of this machine's kind.",
					"it is for %s, this machine is %s",
					program_machine_name(p.machine),
					program_machine_name(machine));
		if (!*p.interpreter)
			return 0;
		if (depth == INTERPRETERS_MAX)
			return fail_set(f, ELOOP, path,
					"Pack a root whose init ends at an ELF file, or boot with "
					"tarboot.init=PATH.",
					"its interpreters are nested too deep");
		strcpy(name, p.interpreter);
		if (read_program(root, name, &p, &inner) < 0)
			return fail_set(f, inner.error, path,
					"Pack a root that holds the interpreter or libraries too.",
					"its interpreter %s: %s", name, inner.why);
	}
	return r;
}

/* Of a script, that of its interpreter. */
static uint16_t machine_of(const struct root_files *root, const char *path)
{
	struct program p;
	struct fail ignored;
	char name[sizeof(p.interpreter)];
	int r = read_program(root, path, &p, &ignored);

	for (unsigned depth = 0; r == 0 && p.kind != PROGRAM_ELF && depth < INTERPRETERS_MAX;
	     depth++) {
		strcpy(name, p.interpreter);
		r = read_program(root, name, &p, &ignored);
	}
	return r == 0 && p.kind == PROGRAM_ELF ? p.machine : 0;
}

uint16_t initcheck_machine(const struct root_files *root, const char *wanted)
{
	uint16_t machine = 0;

	if (wanted)
		return machine_of(root, wanted);
	for (size_t i = 0; machine == 0 && initcheck_defaults[i]; i++)
		machine = machine_of(root, initcheck_defaults[i]);
	return machine;
}

const char *initcheck_find(const struct root_files *root, const char *wanted, const char *preferred,
			   uint16_t machine, struct fail *f)
{
	struct fail why;
	bool found = false;

	if (wanted && *wanted)
		return initcheck_program(root, wanted, machine, f) == 0 ? wanted : NULL;
	if (preferred && *preferred) {
		if (initcheck_program(root, preferred, machine, f) == 0)
			return preferred;
		found = root_files_has(root, preferred);
	}
	for (size_t i = 0; initcheck_defaults[i]; i++) {
		if (initcheck_program(root, initcheck_defaults[i], machine, &why) == 0)
			return initcheck_defaults[i];
		/* One that is there but cannot run says more than those that are not. */
		if (!found && root_files_has(root, initcheck_defaults[i])) {
			found = true;
			*f = why;
		}
	}
	if (!found)
		fail_set(f, ENOENT, "the new init",
			 "Install an init in the root (systemd-sysv or another one), or tell where "
			 "it is: with `tarboot pack --init PATH`, or at boot with "
			 "tarboot.init=PATH.",
			 "none of /sbin/init, /usr/lib/systemd/systemd, /lib/systemd/systemd, "
			 "/etc/init, /bin/init is in the root, as a file or a link to one");
	return NULL;
}
