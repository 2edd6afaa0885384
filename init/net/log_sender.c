/* From a socket to a socket. */
#include "net/log_sender.h"

#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/remote_log.h"
#include "base/util.h"

#define AGAIN_USEC 200000 /* twice that the next time, where a name is asked for */
#define AGAIN_MOST_USEC 800000
#define FACILITY (3 << 3) /* daemons */

static int connect_by(const struct url *u, int family)
{
	const struct addrinfo hints = { .ai_family = family, .ai_socktype = SOCK_DGRAM };
	struct addrinfo *a;
	char port[8];
	int fd;

	snprintf(port, sizeof(port), "%u", u->port);
	if (getaddrinfo(u->host, port, &hints, &a) != 0)
		return -1;
	fd = socket(a->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0 && connect(fd, a->ai_addr, a->ai_addrlen) < 0) {
		close(fd);
		fd = -1;
	}
	freeaddrinfo(a);
	return fd;
}

/* One family at a time: see probe.c. -1: there is no name server or no route yet. */
static int connect_to(const struct url *u)
{
	int fd = u->is_ipv6 ? -1 : connect_by(u, AF_INET);

	return fd >= 0 || u->is_ipv4 ? fd : connect_by(u, AF_INET6);
}

/* As soon as it can be: the last lines do not wait for long (network_log.c). But many machines with a name must not ask the name
 * server all the time. */
static int connect_at_last(const struct url *u)
{
	unsigned pause = AGAIN_USEC;
	int fd;

	while ((fd = connect_to(u)) < 0) {
		usleep(pause);
		if (!u->is_ipv4 && !u->is_ipv6 && pause < AGAIN_MOST_USEC)
			pause *= 2;
	}
	return fd;
}

void log_sender_run(void *task, int parent)
{
	const struct log_task *t = task;
	static const char *const kinds[] = { "-", "progress", "failure", "report" };
	static const uint8_t severities[] = { 3, 3, 4, 5, 7 };
	struct remote_line line;
	char datagram[REMOTE_LINE_MAX + 160];
	int fd = -1, size;
	ssize_t n;

	(void)parent;
	while ((n = recv(remote_log_reader(), &line, sizeof(line), 0)) > 0) {
		/* The machine may not know the time: the server has it. */
		size = snprintf(datagram, sizeof(datagram), "<%d>1 - %s tarboot %s %s - %.*s",
				FACILITY | severities[line.level], t->name, t->mac,
				kinds[line.kind], (int)n - (int)offsetof(struct remote_line, text),
				line.text);
		if (fd < 0)
			fd = connect_at_last(&t->server);
		/* An error may be of the datagram before: nobody listens. */
		if (send(fd, datagram, (size_t)size, 0) < 0 &&
		    send(fd, datagram, (size_t)size, 0) < 0) {
			close(fd);
			fd = -1;
		}
	}
}
