/* The child that tries to connect, and its result. */
#include "net/probe.h"

#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "base/child.h"
#include "base/util.h"

#define CONNECT_MS 5000
#define NAME_MS 12000 /* musl asks for 5 s, twice */

/* ---- in the child ---- */

/* What a failed connection says about the network. */
static enum network_reason reason_of(int error)
{
	switch (error) {
	case 0:
		return NETWORK_REACHED;
	case ECONNREFUSED:
		return NETWORK_REFUSED;
	case ENETUNREACH:
	case EADDRNOTAVAIL:
	case EAFNOSUPPORT:
		return NETWORK_NO_ROUTE;
	default: /* EHOSTUNREACH: nobody has that address */
		return NETWORK_NO_ANSWER;
	}
}

static enum network_reason try_address(const struct addrinfo *a, const char *nic)
{
	_cleanup_close_ int fd = socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
					0);
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	socklen_t size = sizeof(int);
	int error = 0;

	if (fd < 0)
		return reason_of(errno);
	/* Routers give all cards IPv6 addresses, but one at a time has one for IPv4; and where there is no route, the kernel takes
	 * an IPv4 address for one on the link, if the card is named. */
	if (a->ai_family == AF_INET6)
		(void)setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, nic, (socklen_t)strlen(nic));
	if (connect(fd, a->ai_addr, a->ai_addrlen) == 0)
		return NETWORK_REACHED;
	if (errno != EINPROGRESS)
		return reason_of(errno);
	if (poll(&p, 1, CONNECT_MS) <= 0)
		return NETWORK_NO_ANSWER;
	(void)getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size);
	return reason_of(error);
}

/* The best that one of its addresses of that family gives: no answer says more than no route. */
static enum network_reason try_family(const struct url *u, int family, const char *nic)
{
	const struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_STREAM };
	enum network_reason reason = NETWORK_NO_ROUTE, one;
	struct addrinfo *addresses;
	char port[8];

	snprintf(port, sizeof(port), "%u", u->port);
	if (getaddrinfo(u->host, port, &hints, &addresses) != 0)
		return NETWORK_NO_NAME;
	for (const struct addrinfo *a = addresses; a && reason != NETWORK_REACHED; a = a->ai_next) {
		one = try_address(a, nic);
		if (one > reason)
			reason = one;
	}
	freeaddrinfo(addresses);
	return reason;
}

/* One family at a time: dnsmasq without servers above it refuses to say whether its names have IPv6 addresses, and a refusal
 * is an error to musl, even if the other question was answered. */
static enum network_reason try_server(const struct url *u, const char *nic)
{
	enum network_reason reason = NETWORK_NO_NAME, one;

	if (!u->is_ipv6)
		reason = try_family(u, AF_INET, nic);
	if (u->is_ipv4 || reason == NETWORK_REACHED)
		return reason;
	one = try_family(u, AF_INET6, nic);
	if (one == NETWORK_NO_NAME)
		return reason;
	return reason == NETWORK_NO_NAME || one > reason ? one : reason;
}

/* A server is asked by a process of its own, so that one that is silent delays no other. Its exit status is the reason. */
static void start_children(const struct url *servers, size_t n, const char *nic, pid_t *ret)
{
	for (size_t i = 0; i < n; i++) {
		ret[i] = fork();
		if (ret[i] == 0) {
			(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
			_exit((int)try_server(&servers[i], nic));
		}
	}
}

/* The first one that is reached; else the best of all. The others end with this process. */
static _Noreturn void run(int fd, const struct url *servers, size_t n, const char *nic)
{
	struct probe_result best = { 0 };
	pid_t children[URLS_MAX], pid;
	int status;

	n = n < URLS_MAX ? n : URLS_MAX;
	start_children(servers, n, nic, children);
	while (best.reason != NETWORK_REACHED && (pid = wait(&status)) > 0)
		for (size_t i = 0; i < n && WIFEXITED(status); i++)
			if (children[i] == pid && (uint32_t)WEXITSTATUS(status) > best.reason)
				best = (struct probe_result){ (uint32_t)WEXITSTATUS(status),
							      (uint32_t)i };
	_exit(write(fd, &best, sizeof(best)) != sizeof(best));
}

/* ---- in the network process ---- */

int probe_start(struct probe *p, const struct url *servers, size_t n, const char *nic)
{
	int ends[2];
	pid_t pid;

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(ends[1], servers, n, nic);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return -EAGAIN;
	}
	*p = (struct probe){ pid, ends[0], now_usec() + 1000ULL * (2 * NAME_MS + 3 * CONNECT_MS) };
	return 0;
}

void probe_stop(struct probe *p)
{
	if (!p->pid)
		return;
	(void)kill(p->pid, SIGKILL);
	(void)waitpid(p->pid, NULL, 0);
	close(p->fd);
	*p = (struct probe){ .fd = -1 };
}

struct probe_result probe_finish(struct probe *p)
{
	struct pollfd ready = { .fd = p->fd, .events = POLLIN };
	struct probe_result result;

	if (poll(&ready, 1, 0) <= 0 || read(p->fd, &result, sizeof(result)) != sizeof(result))
		result = (struct probe_result){ NETWORK_NO_ANSWER, 0 };
	probe_stop(p);
	return result;
}
