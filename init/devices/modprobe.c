/* /proc/sys/kernel/modprobe, and what it starts. */
#include "devices/modprobe.h"

#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#include "base/console.h"
#include "base/util.h"
#include "devices/modules.h"

#define PROGRAM "/proc/sys/kernel/modprobe"

static char before[256]; /* what was there; "" = nothing is to be given back */

static void set_program(const char *path)
{
	_cleanup_close_ int fd = open(PROGRAM, O_WRONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)!write(fd, path, strlen(path));
}

void modprobe_take_over(void)
{
	_cleanup_close_ int fd = open(PROGRAM, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, before, sizeof(before) - 1) : 0;

	before[n > 0 ? n : 0] = '\0';
	before[strcspn(before, "\n")] = '\0';
	if (*before)
		set_program("/init");
}

void modprobe_give_back(void)
{
	if (*before)
		set_program(before);
	*before = '\0';
}

/* As kernel/kmod.c and kernel/module/kmod.c have it: modprobe -q -- NAME. */
bool modprobe_is_call(int argc, char **argv)
{
	return argc == 4 && strcmp(argv[1], "-q") == 0 && strcmp(argv[2], "--") == 0;
}

/* PID 1 hears nothing of it: warnings are in the kernel's log. */
int modprobe_run(char **argv)
{
	struct modules *m;
	bool is_there;

	console_open_kernel_log();
	m = modules_open("/");
	if (!m)
		return 1;
	modules_load(m, argv[3]);
	is_there = modules_are_there(m);
	modules_close(m);
	return !is_there;
}
