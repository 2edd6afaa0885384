/*
 * refuse: stands for /init in an image and becomes /init.real with some system calls refused, by what the
 * file /refuse names: move (MS_MOVE and pivot_root), thread, punch (hole punching), module, reboot,
 * socket (a kernel without CONFIG_NET).
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"

/* A call fails with error when one of the bits is set in an argument; no bits: always. Without an error it
 * ends the caller, as reboot() does where the firmware does not switch the machine off. */
static const struct rule {
	const char *name;
	unsigned call, argument, bits;
	int error;
} rules[] = {
	{ "move", SYS_mount, 3, MS_MOVE, EINVAL },
	{ "move", SYS_pivot_root, 0, 0, EINVAL },
	{ "thread", SYS_clone, 0, CLONE_THREAD, EAGAIN },
	{ "punch", SYS_fallocate, 0, 0, EOPNOTSUPP },
	{ "module", SYS_finit_module, 0, 0, EPERM },
	{ "reboot", SYS_reboot, 0, 0, 0 },
	{ "socket", SYS_socket, 0, 0, ENOSYS },
	{ "socket", SYS_socketpair, 0, 0, ENOSYS },
	{ "socket", SYS_sendto, 0, 0, ENOSYS },
	{ "socket", SYS_recvfrom, 0, 0, ENOSYS },
	{ "socket", SYS_shutdown, 0, 0, ENOSYS },
};

static int refuse(const struct rule *r)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, r->call, 0, 3),
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS,
			 (unsigned)offsetof(struct seccomp_data, args) + 8 * r->argument),
		r->bits ? (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, r->bits, 0, 1)
			: (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, 0, 0, 0),
		BPF_STMT(BPF_RET | BPF_K,
			 r->error ? SECCOMP_RET_ERRNO | (unsigned)r->error : SECCOMP_RET_KILL),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { ARRAY_SIZE(code), code };

	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program);
}

int main(int argc, char **argv)
{
	int fd = open("/refuse", O_RDONLY | O_CLOEXEC);
	char names[64] = "";

	(void)argc;
	if (fd >= 0)
		(void)!read(fd, names, sizeof(names) - 1);
	for (size_t i = 0; i < ARRAY_SIZE(rules); i++)
		if (strstr(names, rules[i].name) && refuse(&rules[i]) < 0)
			fprintf(stderr, "refuse: %s: %s\n", rules[i].name, strerror(errno));
	execv("/init.real", argv);
	return 1;
}
