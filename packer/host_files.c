/* Files of the packing machine. */
#include "host_files.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "elfinfo.h"
#include "say.h"
#include "util.h"

int host_find_init(char ret[256], struct fail *f)
{
	char self[256], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 8);

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			strcpy(slash, "/init");
			if (access(self, R_OK) == 0) {
				strcpy(ret, self);
				return 0;
			}
		}
	}
	strcpy(ret, TARBOOT_LIBDIR "/init");
	if (access(ret, R_OK) == 0)
		return 0;
	return fail_errno(f, errno, ret, "the /init that belongs into the image is not installed");
}

static bool is_static_program(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[PROGRAM_HEAD_SIZE];
	struct program program;
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	return n > 0 && program_parse(head, (size_t)n, &program) == 0 &&
	       program.kind == PROGRAM_ELF && program.machine == program_own_machine() &&
	       !*program.interpreter;
}

int host_find_shell(const char *setting, const char **ret, struct fail *f)
{
	static const char *const places[] = { "/bin/busybox", "/usr/bin/busybox",
					      "/usr/lib/initramfs-tools/bin/busybox" };

	*ret = NULL;
	if (!setting)
		return 0;
	if (strcmp(setting, "auto") != 0) {
		*ret = setting;
		return is_static_program(setting)
			       ? 0
			       : fail_set(f, ENOEXEC, setting,
					  "Give a static busybox (Debian: busybox-static).",
					  "it is not a static program of this machine's kind");
	}
	for (size_t i = 0; !*ret && i < ARRAY_SIZE(places); i++)
		if (is_static_program(places[i]))
			*ret = places[i];
	if (!*ret)
		say_warning("no static busybox here (Debian: busybox-static): the image has no "
			    "debug shell");
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
