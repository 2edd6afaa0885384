/* A pair of sockets. */
#include "base/remote_log.h"

#include <linux/sockios.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/util.h"

#define ROOM \
	(256 << 10) /* bytes; the kernel makes twice that of it, and counts what it takes itself */

static int ends[2] = { -1, -1 }; /* to write to, to read from */
static int room;                 /* of the first */
static unsigned n_lost;          /* since the last that was put */

void remote_log_open(void)
{
	socklen_t size = sizeof(room);
	int wanted = ROOM;

	if (ends[0] >= 0)
		return;
	n_lost = 0;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0) {
		ends[0] = ends[1] = -1;
		return;
	}
	(void)setsockopt(ends[0], SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof(wanted));
	if (getsockopt(ends[0], SOL_SOCKET, SO_SNDBUF, &room, &size) < 0)
		room = ROOM;
}

/* A quarter is for failures: they come last, and say most. */
static bool has_room(enum remote_kind kind)
{
	int used = 0;

	return kind == REMOTE_FAILURE || ioctl(ends[0], SIOCOUTQ, &used) < 0 || used < room / 4 * 3;
}

static bool put(enum log_level level, enum remote_kind kind, const char *text)
{
	size_t n = strnlen(text, REMOTE_LINE_MAX);
	struct remote_line line;

	line.level = (uint8_t)level;
	line.kind = (uint8_t)kind;
	memcpy(line.text, text, n);
	return has_room(kind) && send(ends[0], &line, offsetof(struct remote_line, text) + n,
				      MSG_DONTWAIT | MSG_NOSIGNAL) >= 0;
}

void remote_log_put(enum log_level level, enum remote_kind kind, const char *text)
{
	char gap[64];

	if (ends[0] < 0)
		return;
	if (n_lost > 0) {
		snprintf(gap, sizeof(gap), "%u lines are missing here: there was no room", n_lost);
		if (put(LOG_WARNING, REMOTE_LINE, gap))
			n_lost = 0;
	}
	n_lost += !put(level, kind, text);
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
