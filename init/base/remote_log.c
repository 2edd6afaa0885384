/* A pair of sockets. */
#include "base/remote_log.h"

#include <stddef.h>
#include <string.h>
#include <sys/socket.h>

#include "base/util.h"

static int ends[2] = { -1, -1 }; /* to write to, to read from */

void remote_log_open(void)
{
	if (ends[0] < 0 && socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
		ends[0] = ends[1] = -1;
}

void remote_log_put(enum log_level level, enum remote_kind kind, const char *text)
{
	size_t n = strnlen(text, REMOTE_LINE_MAX);
	struct remote_line line;

	line.level = (uint8_t)level;
	line.kind = (uint8_t)kind;
	memcpy(line.text, text, n);
	(void)send(ends[0], &line, offsetof(struct remote_line, text) + n,
		   MSG_DONTWAIT | MSG_NOSIGNAL);
}

int remote_log_reader(void)
{
	return ends[1];
}

/* Children have copies of both ends, so closing alone would end nothing. */
void remote_log_close(void)
{
	if (ends[0] < 0)
		return;
	(void)shutdown(ends[0], SHUT_WR);
	close(ends[0]);
	close(ends[1]);
	ends[0] = ends[1] = -1;
}
