/* Starting udhcpc, and hearing it. */
#include "net/dhcp.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"

#define NOBODY 65534

/* ---- in the child ---- */

/* The messages go to standard output, which udhcpc's own words do not use. */
static void connect_streams(int messages)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	(void)dup2(null, STDIN_FILENO);
	(void)dup2(messages, STDOUT_FILENO);
	(void)dup2(null, STDERR_FILENO);
}

/* The pause between two packets, in seconds: not the same on a room full of machines that are switched on at once. */
static char random_pause(void)
{
	uint8_t byte = 0;

	(void)getrandom(&byte, 1, GRND_NONBLOCK);
	return (char)('1' + (byte ^ getpid()) % 3);
}

/* Capabilities, a bit for each: packets of any kind, and its port. */
#define KEPT (1U << CAP_NET_RAW | 1U << CAP_NET_BIND_SERVICE)
#define CAPABILITIES_MAX 64 /* that a kernel may have */

static bool is_kept(unsigned long capability)
{
	return capability < 32 && KEPT >> capability & 1;
}

/* Nobody who has these capabilities, also after exec. Kernels before 4.3 and those without users cannot do that: there it stays
 * root, and only the capabilities go. */
static void become_nobody(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3] = { { KEPT, KEPT, KEPT } };

	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_NET_RAW, 0, 0) < 0 ||
	    prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) < 0)
		return;
	if (setgroups(0, NULL) < 0 || setgid(NOBODY) < 0 || setuid(NOBODY) < 0)
		return;
	if (syscall(SYS_capset, &header, data) < 0)
		_exit(126);
	for (unsigned long i = 0; i < CAPABILITIES_MAX; i++)
		if (is_kept(i))
			(void)prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, i, 0, 0);
}

/* What it hears comes from whoever is on the network. */
static void confine(void)
{
	for (unsigned long i = 0; i < CAPABILITIES_MAX; i++)
		if (!is_kept(i))
			(void)prctl(PR_CAPBSET_DROP, i); /* EINVAL: this kernel has no such one */
	become_nobody();
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL); /* at the end: a change of the user takes it back */
}

/* The client id is as of the firmware, type 1 and the MAC, or else the server would give the machine two addresses. udhcpc
 * asks for mask, router, DNS and domain by itself; 121 are static routes, 26 is the MTU, 7 log servers. */
static _Noreturn void run(int messages, const char *nic)
{
	char script[PATH_MAX], pause[2] = { random_pause() };
	ssize_t n = readlink("/proc/self/exe", script, sizeof(script) - 1);

	connect_streams(messages);
	confine();
	if (n > 0) {
		script[n] = '\0';
		execl(DHCP_CLIENT, "busybox", "udhcpc", "-f", "-i", nic, "-s", script, "-t", "3",
		      "-T", pause, "-A", pause, "-O", "12", "-O", "121", "-O", "26", "-O", "7",
		      (char *)NULL);
	}
	_exit(127);
}

/* ---- in the network process ---- */

int dhcp_start(struct dhcp *d, const char *nic)
{
	int ends[2];
	pid_t pid;

	if (access(DHCP_CLIENT, X_OK) < 0 ||
	    socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) < 0)
		return -errno;
	pid = fork();
	if (pid == 0)
		run(ends[1], nic);
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -EAGAIN;
	}
	*d = (struct dhcp){ pid, ends[0] };
	return 0;
}

void dhcp_stop(struct dhcp *d)
{
	if (!d->pid)
		return;
	(void)kill(d->pid, SIGKILL);
	(void)waitpid(d->pid, NULL, 0);
	close(d->fd);
	*d = (struct dhcp){ .fd = -1 };
}

enum lease_event dhcp_read(struct dhcp *d, struct net_config *ret)
{
	static char text[LEASE_MESSAGE_MAX];
	struct iovec part = { text, sizeof(text) };
	struct msghdr m = { .msg_iov = &part, .msg_iovlen = 1 };
	ssize_t n = recvmsg(d->fd, &m, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return LEASE_NONE;
	if (n <= 0) {
		dhcp_stop(d);
		return LEASE_NONE;
	}
	return m.msg_flags & MSG_TRUNC ? LEASE_FAILED : lease_parse(text, (size_t)n, ret);
}
