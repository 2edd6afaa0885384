/* Files of the packing machine. */
#include "base/host_files.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/elfinfo.h"
#include "base/piped_child.h"
#include "base/print.h"
#include "base/read_all.h"
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

static const char *machine_directory(uint16_t machine)
{
	return machine == EM_AARCH64 ? "aarch64" : "x86_64";
}

/* That of another machine lies in a directory of its name. */
static bool find_own_program(const char *name, uint16_t machine, char ret[256])
{
	bool is_own = machine == program_own_machine();
	char own[256];

	find_own_directory(own);
	for (int installed = 0; installed < 2; installed++) {
		snprintf(ret, 256, "%.200s/%s%s%s", installed ? TARBOOT_LIBDIR : own,
			 is_own ? "" : machine_directory(machine), is_own ? "" : "/", name);
		if (is_static_program(ret, machine))
			return true;
	}
	return false;
}

static const char *todo_install(uint16_t machine, char ret[64])
{
	snprintf(ret, 64, "In tarboot's source: make ARCH=%s install", machine_directory(machine));
	return ret;
}

/* A program that is installed with tarboot, for every machine that a root may be for. */
struct own_program {
	const char *name, *what;
};

static int find_or_fail(const struct own_program *p, uint16_t machine, const char *why,
			char ret[256], struct fail *f)
{
	char what[64], todo[64];

	if (find_own_program(p->name, machine, ret))
		return 0;
	snprintf(what, sizeof(what), "%s for %s", p->what, program_machine_name(machine));
	return fail_set(f, ENOENT, what, todo_install(machine, todo), "%s", why);
}

int host_find_init(uint16_t machine, char ret[256], struct fail *f)
{
	static const struct own_program init = { "init", "/init" };

	return find_or_fail(&init, machine, "the root needs it, but it is not installed", ret, f);
}

int host_find_fetcher(uint16_t machine, char ret[256], struct fail *f)
{
	static const struct own_program fetcher = { "fetch", "the fetcher" };

	return find_or_fail(&fetcher, machine,
			    "nothing can be fetched without it, but it is not installed", ret, f);
}

int host_find_checker(uint16_t machine, char ret[256], struct fail *f)
{
	static const struct own_program checker = { "signature", "the check of signatures" };

	return find_or_fail(&checker, machine,
			    "an image with keys needs it, but it is not installed", ret, f);
}

/* ---- busybox ---- */

static bool is_auto(const char *setting)
{
	return strcmp(setting, "auto") == 0;
}

int host_check_shell(const char *setting, struct fail *f)
{
	return setting && !is_auto(setting) && access(setting, R_OK) < 0
		       ? fail_errno(f, errno, setting, "cannot read this busybox")
		       : 0;
}

static int check_busybox(const char *path, uint16_t machine, struct fail *f)
{
	int r = host_check_shell(path, f);

	if (r < 0)
		return r;
	return is_static_program(path, machine)
		       ? 0
		       : fail_set(f, ENOEXEC, path,
				  "Give a static busybox (Debian: busybox-static).",
				  "it is not a static program for %s, the architecture of "
				  "the root",
				  program_machine_name(machine));
}

/* One that this machine has, or NULL. */
static const char *find_busybox(uint16_t machine)
{
	static const char *const places[] = { "/bin/busybox", "/usr/bin/busybox",
					      "/usr/lib/initramfs-tools/bin/busybox" };

	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (is_static_program(places[i], machine))
			return places[i];
	return NULL;
}

int host_find_shell(const char *setting, uint16_t machine, const char **ret, struct fail *f)
{
	*ret = setting && is_auto(setting) ? find_busybox(machine) : setting;
	if (setting && !is_auto(setting))
		return check_busybox(setting, machine, f);
	if (setting && !*ret)
		print_warning(
			"no static busybox for %s here (Debian: busybox-static): the image has "
			"no debug shell",
			program_machine_name(machine));
	return 0;
}

/* Reads what `busybox --list` prints. 0, or -errno. */
static int list_applets(const char *busybox, char **ret)
{
	_cleanup_close_ int fd = -1;
	pid_t pid = piped_child(&fd);
	size_t size;
	int r;

	if (pid == 0) {
		dup2(STDOUT_FILENO, STDERR_FILENO); /* another program complains */
		execl(busybox, "busybox", "--list", NULL);
		_exit(127);
	}
	if (pid < 0)
		return pid;
	r = read_all(fd, ret, &size);
	(void)waitpid(pid, NULL, 0);
	return r;
}

/* That of another machine cannot be asked. */
static int check_dhcp_client(const char *busybox, uint16_t machine, struct fail *f)
{
	_cleanup_free_ char *applets = NULL;
	int r = machine == program_own_machine() ? list_applets(busybox, &applets) : 0;

	if (r < 0)
		return fail_errno(f, r, busybox, "cannot ask which programs it has");
	if (!applets || strstr(applets, "\nudhcpc\n"))
		return 0;
	return fail_set(f, ENOTSUP, busybox,
			"Give another with --shell=PATH (Debian: busybox-static).",
			"this busybox has no udhcpc, with which a machine that fetches its root "
			"gets an address");
}

int host_find_dhcp_client(const char *setting, uint16_t machine, const char **ret, struct fail *f)
{
	bool find = !setting || is_auto(setting);
	int r;

	*ret = find ? find_busybox(machine) : setting;
	if (!*ret)
		return fail_set(f, ENOENT, "--stream",
				"Install one (Debian: busybox-static), or give it with "
				"--shell=PATH.",
				"there is no static busybox for %s here, whose udhcpc the machine "
				"gets its address with",
				program_machine_name(machine));
	r = find ? 0 : check_busybox(*ret, machine, f);
	return r == 0 ? check_dhcp_client(*ret, machine, f) : r;
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
