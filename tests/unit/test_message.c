/* Messages of children: in order, whole, never waited for, and counted when they are dropped. */
#include "base/message.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <sys/socket.h>

#include "tap.h"
#include "wrap.h"

#define MANY 10000

static char printed[2000]; /* "LEVEL TEXT\n" of each line, as far as there is room */
static unsigned n_printed, n_told_lost;

static void print(const struct message *m)
{
	size_t n = strlen(printed);

	n_told_lost += m->lost;
	if (m->kind != MESSAGE_LINE)
		return;
	snprintf(printed + n, sizeof(printed) - n, "%u %s\n", m->level, m->line);
	n_printed++;
}

static bool has_sockets = true;

WRAP(int, socketpair, (int domain, int type, int protocol, int ends[2]))
{
	if (has_sockets)
		return REAL(socketpair)(domain, type, protocol, ends);
	errno = ENOSYS;
	return -1;
}

static void forget(void)
{
	*printed = '\0';
	n_printed = n_told_lost = 0;
}

static int receive(int fd, struct message *m)
{
	return message_receive(fd, print, m);
}

static void test_lines(int ends[2])
{
	struct message m = { .kind = MESSAGE_DEVICES_SEEN, .seen = { 12345678901, 7 } };

	is_int(receive(ends[0], &m), -EAGAIN, "nothing was said yet");
	message_send_line(ends[1], LOG_WARNING, "module a: the file is damaged");
	message_send_line(ends[1], LOG_DEBUG, "100%s");
	message_send_line(ends[1], 99, "");
	message_send(ends[1], &m);
	message_send_line(ends[1], LOG_NOTICE, "after it");
	memset(&m, 0, sizeof(m));
	is_int(receive(ends[0], &m), 0, "a message that is no line");
	is_str(printed, "2 module a: the file is damaged\n4 100%s\n4 \n",
	       "the lines before it are printed");
	is_int(m.kind, MESSAGE_DEVICES_SEEN, "its kind");
	ok(m.seen.time == 12345678901 && m.seen.modules == 7, "what it says");
	forget();
	is_int(receive(ends[0], &m), -EAGAIN, "no other");
	is_str(printed, "3 after it\n", "but the line behind it");
	forget();
}

static void test_long_line(int ends[2])
{
	char line[2 * MESSAGE_LINE_MAX];
	struct message m;

	memset(line, 'x', sizeof(line));
	line[sizeof(line) - 1] = '\0';
	message_send_line(ends[1], LOG_ERROR, line);
	(void)receive(ends[0], &m);
	is_int((long long)strlen(printed), 2 + MESSAGE_LINE_MAX - 1 + 1, "a long line is cut");
	forget();
}

/* Other messages than lines may have any byte where a line ends. */
static void test_whole(int ends[2])
{
	struct message sent, m;

	memset(&sent, 'x', sizeof(sent));
	sent.kind = MESSAGE_NETWORK_SEEN;
	message_send(ends[1], &sent);
	is_int(receive(ends[0], &m), 0, "a message full of text");
	ok(memcmp(&m.network, &sent.network, sizeof(m.network)) == 0, "arrives as it was sent");
	ok(sizeof(m.network) <= MESSAGE_LINE_MAX, "and makes no line take more room");
}

static void test_no_message(int ends[2])
{
	struct message m;

	is_int(send(ends[1], "short", 5, 0), 5, "something that is no message");
	is_int(receive(ends[0], &m), -EAGAIN, "is passed over");
	is_int(n_printed, 0, "and prints nothing");
}

/* Nobody reads: the child must come to its end all the same. */
static void test_flood(int ends[2])
{
	unsigned n_received = 0, turns = 0;
	char line[32];
	struct message m;

	for (int i = 0; i < MANY; i++) {
		snprintf(line, sizeof(line), "line %d", i);
		message_send_line(ends[1], LOG_DEBUG, line);
	}
	ok(true, "%d lines are sent though nobody reads", MANY);
	is_int(receive(ends[0], &m), -EAGAIN, "the first turn ends");
	is_int(n_printed, 64, "after as many lines as PID 1 takes at a time");
	ok(strncmp(printed, "4 line 0\n4 line 1\n4 line 2\n", 27) == 0, "which are the first");
	for (unsigned before = 0; n_printed != before; turns++) {
		before = n_printed;
		(void)receive(ends[0], &m);
	}
	n_received = n_printed;
	ok(n_received >= 64 && n_received < MANY, "%u found room", n_received);
	is_int(n_told_lost, 0, "no word of those that did not, yet");
	forget();
	message_send_line(ends[1], LOG_DEBUG, "there is room again");
	(void)receive(ends[0], &m);
	is_int(n_told_lost, MANY - (long long)n_received, "the next one brings their number");
	is_str(printed, "4 there is room again\n", "beside its line");
	forget();
}

/* Dropped at the very end: told before it. */
static void test_end(void)
{
	unsigned n_received;
	int ends[2];
	struct message m;

	is_int(message_open(ends), 0, "another channel");
	for (int i = 0; i < MANY; i++)
		message_send_line(ends[1], LOG_DEBUG, "x");
	for (unsigned before = 1; n_printed != before;) {
		before = n_printed;
		(void)receive(ends[0], &m);
	}
	n_received = n_printed;
	message_send_lost(ends[1]);
	message_send_lost(ends[1]);
	close(ends[1]);
	is_int(receive(ends[0], &m), 0, "the last message");
	is_int(m.kind, MESSAGE_LOST, "is about those that are missing");
	is_int(n_told_lost, MANY - (long long)n_received, "how many");
	is_int(receive(ends[0], &m), -EPIPE, "then the child has ended");
	forget();
	close(ends[0]);

	is_int(message_open(ends), 0, "a third channel");
	message_send_line(ends[1], LOG_DEBUG, "last words");
	close(ends[1]);
	is_int(receive(ends[0], &m), -EPIPE, "the end");
	is_str(printed, "4 last words\n", "comes behind the last words");
	close(ends[0]);
	forget();
}

/* PID 1 has closed its end: no signal, no waiting. */
static void test_nobody(void)
{
	struct message m = { .kind = MESSAGE_DEVICES_SEEN };
	int ends[2];

	is_int(message_open(ends), 0, "a fourth channel");
	close(ends[0]);
	message_send_line(ends[1], LOG_DEBUG, "to nobody");
	message_send(ends[1], &m);
	message_send_lost(ends[1]);
	ok(true, "a child that PID 1 does not hear any more goes on");
	close(ends[1]);
}

static void test_channel(void)
{
	struct pollfd p = { .events = POLLIN };
	int ends[2];

	is_int(message_open(ends), 0, "a channel%s", has_sockets ? "" : " without sockets");
	test_lines(ends);
	test_long_line(ends);
	test_whole(ends);
	if (has_sockets)
		test_no_message(ends);
	test_flood(ends);
	p.fd = ends[1];
	is_int(poll(&p, 1, 0), 0, "the child is not told to end");
	is_int(message_shut_down(ends[0]), has_sockets, "it can be, if there are sockets");
	is_int(poll(&p, 1, 0), has_sockets, "and is");
	close(ends[0]);
	close(ends[1]);
	test_end();
}

int main(void)
{
	test_channel();
	has_sockets = false;
	test_channel();
	has_sockets = true;
	test_nobody();
	return done_testing();
}
