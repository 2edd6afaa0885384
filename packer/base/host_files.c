/* Files of the packing machine. */
#include "base/host_files.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "base/elfinfo.h"
#include "base/print.h"
#include "base/util.h"

/* Reads what is at path. False when that is no program, or there is nothing. */
static bool read_program(const char *path, struct program *ret)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[PROGRAM_HEAD_SIZE];
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	return n > 0 && program_parse(head, (size_t)n, ret) == 0 && ret->kind == PROGRAM_ELF;
}

static bool is_static_program(const char *path, uint16_t machine)
{
	struct program program;

	return read_program(path, &program) && program.machine == machine && !*program.interpreter;
}

/* The directory of this program. */
static void find_own_directory(char ret[256])
{
	ssize_t n = readlink("/proc/self/exe", ret, 255);
	char *slash;

	ret[n > 0 ? n : 0] = '\0';
	slash = strrchr(ret, '/');
	if (slash)
		*slash = '\0';
}

/* That of another machine lies in a directory of its name. */
int host_find_init(uint16_t machine, char ret[256], struct fail *f)
{
	bool is_own = machine == program_own_machine();
	const char *name = machine == EM_AARCH64 ? "aarch64" : "x86_64";
	char own[256], what[32], todo[64];

	find_own_directory(own);
	for (int installed = 0; installed < 2; installed++) {
		snprintf(ret, 256, "%.200s/%s%sinit", installed ? TARBOOT_LIBDIR : own,
			 is_own ? "" : name, is_own ? "" : "/");
		if (is_static_program(ret, machine))
			return 0;
	}
	snprintf(what, sizeof(what), "/init for %s", program_machine_name(machine));
	snprintf(todo, sizeof(todo), "In tarboot's source: make ARCH=%s install", name);
	return fail_set(f, ENOENT, what, todo, "the root needs it, but it is not installed");
}

int host_find_shell(const char *setting, uint16_t machine, const char **ret, struct fail *f)
{
	static const char *const places[] = { "/bin/busybox", "/usr/bin/busybox",
					      "/usr/lib/initramfs-tools/bin/busybox" };

	*ret = NULL;
	if (!setting)
		return 0;
	if (strcmp(setting, "auto") != 0) {
		*ret = setting;
		if (access(setting, R_OK) < 0)
			return fail_errno(f, errno, setting, "cannot read this busybox");
		return is_static_program(setting, machine)
			       ? 0
			       : fail_set(f, ENOEXEC, setting,
					  "Give a static busybox (Debian: busybox-static).",
					  "it is not a static program for %s, the architecture of "
					  "the root",
					  program_machine_name(machine));
	}
	for (size_t i = 0; !*ret && i < ARRAY_SIZE(places); i++)
		if (is_static_program(places[i], machine))
			*ret = places[i];
	if (!*ret)
		print_warning(
			"no static busybox for %s here (Debian: busybox-static): the image has "
			"no debug shell",
			program_machine_name(machine));
	return 0;
}

static int first_error; /* nftw gives its function no argument */

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *where)
{
	(void)st;
	(void)type;
	(void)where;
	if (remove(path) < 0 && first_error == 0)
		first_error = -errno;
	return 0;
}

int host_remove_tree(const char *path)
{
	first_error = 0;
	if (nftw(path, remove_one, 64, FTW_DEPTH | FTW_PHYS | FTW_MOUNT) < 0)
		return errno == ENOENT ? 0 : -errno;
	return first_error;
}
