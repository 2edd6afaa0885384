/* Starting udhcpc, and hearing it. */
#include "net/dhcp.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/util.h"

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

/* What it hears comes from whoever is on the network: it keeps the right to packets of any kind and to its port. */
static void drop_capabilities(void)
{
	for (int i = 0; i < 64; i++)
		if (i != CAP_NET_RAW && i != CAP_NET_BIND_SERVICE)
			(void)prctl(PR_CAPBSET_DROP, i); /* EINVAL: this kernel has no such one */
	(void)prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

/* The client id is as of the firmware, type 1 and the MAC, or else the server would give the machine two addresses. udhcpc
 * asks for mask, router, DNS and domain by itself; 121 are static routes, 26 is the MTU. */
static _Noreturn void run(int messages, const char *nic)
{
	char script[PATH_MAX], pause[2] = { random_pause() };
	ssize_t n = readlink("/proc/self/exe", script, sizeof(script) - 1);

	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	connect_streams(messages);
	drop_capabilities();
	if (n > 0) {
		script[n] = '\0';
		execl(DHCP_CLIENT, "busybox", "udhcpc", "-f", "-i", nic, "-s", script, "-t", "3",
		      "-T", pause, "-A", pause, "-O", "121", "-O", "26", (char *)NULL);
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
