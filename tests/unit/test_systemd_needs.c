/* What systemd needs, asked on kernels from which a seccomp filter takes one system call each. */
#include "root/systemd_needs.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/filter.h>
#include <linux/futex.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"
#include "wrap.h"

static const struct {
	const char *symbol;
	long call;
} calls[] = {
	{ "CONFIG_FUTEX", SYS_futex },
	{ "CONFIG_EPOLL", SYS_epoll_create1 },
	{ "CONFIG_EVENTFD", SYS_eventfd2 },
	{ "CONFIG_SIGNALFD", SYS_signalfd4 },
	{ "CONFIG_TIMERFD", SYS_timerfd_create },
	{ "CONFIG_POSIX_TIMERS", SYS_timer_getoverrun },
	{ "CONFIG_INOTIFY_USER", SYS_inotify_init1 },
	{ "CONFIG_FHANDLE", SYS_name_to_handle_at },
	{ "CONFIG_NET, CONFIG_UNIX", SYS_socket },
};

/* From here on this process has no such system call. Of futex only the operation that is tried goes: glibc, which needs
 * its own ones as soon as there are threads, as TSan has one, aborts without them. */
static bool take_away(long call)
{
	struct sock_filter filter[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (unsigned)call, 0, 4),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_futex, 0, 2),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[1])),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, FUTEX_WAKE, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOSYS),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(filter), filter };

	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	       prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

/* The failure on a kernel without the call, which a child leaves in a pipe. */
static struct fail fail_without(int root, const char *path, long call)
{
	struct fail f = { 0 };
	int fds[2];
	pid_t pid;

	if (pipe(fds) < 0)
		return f;
	pid = fork();
	if (pid == 0) {
		if (take_away(call))
			(void)systemd_needs_check(root, path, &f);
		(void)!write(fds[1], &f, sizeof(f));
		_exit(0);
	}
	close(fds[1]);
	(void)!read(fds[0], &f, sizeof(f));
	close(fds[0]);
	waitpid(pid, NULL, 0);
	return f;
}

static bool lacks_setgroups;

/* Of the two setgroups of a 32-bit machine the C library takes the right one: it must be asked. No filter takes this
 * call away, since glibc with threads, as TSan has one, aborts then. */
WRAP(int, setgroups, (size_t n, const gid_t *groups))
{
	errno = ENOSYS;
	return lacks_setgroups ? -1 : REAL(setgroups)(n, groups);
}

int main(void)
{
	int root = scratch_dir("root");
	struct fail f = { 0 };
	char want[160];

	mkdirat(root, "sbin", 0755);
	mkdirat(root, "lib", 0755);
	mkdirat(root, "lib/systemd", 0755);
	close(openat(root, "lib/systemd/systemd", O_WRONLY | O_CREAT, 0755));
	close(openat(root, "sbin/other", O_WRONLY | O_CREAT, 0755));
	symlinkat("/lib/systemd/systemd", root, "sbin/init");

	is_int(systemd_needs_check(root, "/sbin/init", &f), 0, "this kernel has all");
	for (size_t i = 0; i < ARRAY_SIZE(calls); i++) {
		f = fail_without(root, "/sbin/init", calls[i].call);
		snprintf(want, sizeof(want), "systemd cannot run on this kernel, which lacks %s",
			 calls[i].symbol);
		is_str(f.why, want, "without %s", calls[i].symbol);
		is_str(f.what, "/sbin/init", "it is about the init");
		f = fail_without(root, "/sbin/other", calls[i].call);
		is_int(f.error, 0, "another init may do without");
	}
	lacks_setgroups = true;
	is_int(systemd_needs_check(root, "/sbin/init", &f), -ENOSYS,
	       "the C library's setgroups is asked");
	is_str(f.why, "systemd cannot run on this kernel, which lacks CONFIG_MULTIUSER",
	       "and its answer counts");
	return done_testing();
}
