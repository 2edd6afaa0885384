/* A socket for sequenced packets, which keeps message boundaries and reports that the other end was closed; or a pipe
 * if the kernel has no sockets. Messages are shorter than PIPE_BUF, so a pipe delivers them whole, too. */
#include "base/message.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <sys/socket.h>
#include <unistd.h>

#define PATIENCE_MS 1000
#define LINES_AT_ONCE 64

static uint32_t n_lost; /* in a child: dropped since the last message that was sent */

int message_open(int ret_ends[2])
{
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ret_ends) == 0)
		return 0;
	if (errno != ENOSYS && errno != EAFNOSUPPORT)
		return -errno;
	return pipe2(ret_ends, O_CLOEXEC | O_NONBLOCK) < 0 ? -errno : 0;
}

bool message_shut_down(int fd)
{
	return shutdown(fd, SHUT_WR) == 0;
}

/* Errors of socket calls on a pipe, and on a kernel without sockets. */
static bool is_no_socket(void)
{
	return errno == ENOTSOCK || errno == ENOSYS;
}

static bool send_now(int fd, struct message *m)
{
	ssize_t n;

	m->lost = n_lost;
	n = send(fd, m, sizeof(*m), MSG_DONTWAIT | MSG_NOSIGNAL);
	if (n < 0 && is_no_socket())
		n = write(fd, m, sizeof(*m));
	if (n < 0)
		return false;
	n_lost = 0;
	return true;
}

void message_send_line(int fd, unsigned level, const char *line)
{
	struct message m = { .kind = MESSAGE_LINE, .level = level };

	snprintf(m.line, sizeof(m.line), "%s", line);
	n_lost += !send_now(fd, &m);
}

bool message_send(int fd, struct message *m)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };

	if (send_now(fd, m))
		return true;
	if (errno != EAGAIN)
		return false;
	if (poll(&p, 1, PATIENCE_MS) > 0 && send_now(fd, m))
		return true;
	n_lost++;
	return false;
}

void message_send_lost(int fd)
{
	struct message m = { .kind = MESSAGE_LOST };

	if (n_lost > 0)
		(void)message_send(fd, &m);
}

int message_receive(int fd, message_print_fn *print, struct message *ret)
{
	struct message m;
	ssize_t n;

	for (int i = 0; i < LINES_AT_ONCE; i++) {
		n = recv(fd, &m, sizeof(m), MSG_DONTWAIT);
		if (n < 0 && is_no_socket())
			n = read(fd, &m, sizeof(m));
		if (n < 0 && (errno == EAGAIN || errno == EINTR))
			return -EAGAIN;
		if (n <= 0)
			return -EPIPE;
		if (n != sizeof(m))
			continue;
		if (m.kind == MESSAGE_LINE)
			m.line[sizeof(m.line) - 1] = '\0';
		if (m.level > LOG_DEBUG)
			m.level = LOG_DEBUG;
		if (m.lost > 0 || m.kind == MESSAGE_LINE)
			print(&m);
		if (m.kind != MESSAGE_LINE) {
			*ret = m;
			return 0;
		}
	}
	return -EAGAIN;
}
