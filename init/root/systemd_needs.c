/* Each need is asked for by the system call that it stands for; what is there beyond that is systemd's business. */
#include "root/systemd_needs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/timerfd.h>

#include "base/inroot.h"

/* Each returns what the call did: a descriptor, 0, or -1 with errno. */

static int try_epoll(void)
{
	return epoll_create1(EPOLL_CLOEXEC);
}

static int try_eventfd(void)
{
	return eventfd(0, EFD_CLOEXEC);
}

static int try_signalfd(void)
{
	uint64_t none = 0;

	return (int)syscall(SYS_signalfd4, -1, &none, sizeof(none), SFD_CLOEXEC);
}

static int try_timerfd(void)
{
	return timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC);
}

static int try_inotify(void)
{
	return inotify_init1(IN_CLOEXEC);
}

static int try_unix(void)
{
	return socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
}

static int try_netlink(void)
{
	return socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
}

static int try_cgroups(void)
{
	return open("/proc/self/cgroup", O_RDONLY | O_CLOEXEC);
}

static int try_handles(void)
{
	return (int)syscall(SYS_name_to_handle_at, -1, "/", NULL, NULL, 0);
}

static int try_futex(void)
{
	uint32_t word = 0;

	return (int)syscall(SYS_futex, &word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

static int try_users(void)
{
	/* On 32-bit machines SYS_setgroups is the call with 16-bit ids. */
	return setgroups(0, NULL);
}

static int try_timers(void)
{
	return (int)syscall(SYS_timer_getoverrun, -1);
}

static const struct {
	const char *symbol;
	int (*try)(void);
} needs[] = {
	{ "CONFIG_FUTEX", try_futex },          { "CONFIG_MULTIUSER", try_users },
	{ "CONFIG_NET", try_netlink },          { "CONFIG_UNIX", try_unix },
	{ "CONFIG_CGROUPS", try_cgroups },      { "CONFIG_EPOLL", try_epoll },
	{ "CONFIG_EVENTFD", try_eventfd },      { "CONFIG_SIGNALFD", try_signalfd },
	{ "CONFIG_TIMERFD", try_timerfd },      { "CONFIG_POSIX_TIMERS", try_timers },
	{ "CONFIG_INOTIFY_USER", try_inotify }, { "CONFIG_FHANDLE", try_handles },
};

bool systemd_is(int root_fd, const char *path)
{
	_cleanup_close_ int fd = inroot_open(root_fd, path, O_PATH);
	char link[64], real[PATH_MAX];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = fd < 0 ? -1 : readlink(link, real, sizeof(real) - 1);
	real[n > 0 ? n : 0] = '\0';
	return ends_with(real, "/systemd");
}

/* Refusals that mean that the kernel was built without; any other answer shows that it is there. */
static bool is_missing(int error)
{
	return error == ENOSYS || error == EAFNOSUPPORT || error == ENOENT;
}

int systemd_needs_check(int root_fd, const char *path, struct fail *f)
{
	char missing[256] = "";
	int fd;

	if (!systemd_is(root_fd, path))
		return 0;
	for (size_t i = 0; i < ARRAY_SIZE(needs); i++) {
		fd = needs[i].try();
		if (fd < 0 && is_missing(errno))
			snprintf(missing + strlen(missing), sizeof(missing) - strlen(missing),
				 "%s%s", *missing ? ", " : "", needs[i].symbol);
		if (fd > STDERR_FILENO)
			close(fd);
	}
	if (!*missing)
		return 0;
	return fail_set(
		f, ENOSYS, path,
		"Boot a kernel that has them; `tarboot kernel-check` tells all that it needs.",
		"systemd cannot run on this kernel, which lacks %s", missing);
}
