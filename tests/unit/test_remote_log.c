/* What init keeps for a log server while there is no network: it may be too much, and then a failure is still there. */
#include "base/remote_log.h"

#include <stddef.h>
#include <sys/socket.h>

#include "tap.h"

#define MANY 100000

/* The next line; its kind, or -1: there is none. */
static int take(char ret[REMOTE_LINE_MAX + 1])
{
	struct remote_line line;
	ssize_t n = recv(remote_log_reader(), &line, sizeof(line), MSG_DONTWAIT);

	*ret = '\0';
	if (n < (ssize_t)offsetof(struct remote_line, text))
		return -1;
	n -= (ssize_t)offsetof(struct remote_line, text);
	memcpy(ret, line.text, (size_t)n);
	ret[n] = '\0';
	return line.kind;
}

static void put_many(void)
{
	for (unsigned i = 0; i < MANY; i++)
		remote_log_put(LOG_DEBUG, REMOTE_LINE, "a line of an ordinary length, as they are");
}

static void test_order(void)
{
	char text[REMOTE_LINE_MAX + 1], longest[2 * REMOTE_LINE_MAX];

	remote_log_put(LOG_NOTICE, REMOTE_LINE, "before it is open");
	is_int(remote_log_reader(), -1, "nothing is kept");
	remote_log_open();
	remote_log_put(LOG_NOTICE, REMOTE_LINE, "one");
	remote_log_put(LOG_NOTICE, REMOTE_PROGRESS, "two");
	memset(longest, 'x', sizeof(longest));
	longest[sizeof(longest) - 1] = '\0';
	remote_log_put(LOG_NOTICE, REMOTE_LINE, longest);
	ok(take(text) == REMOTE_LINE && strcmp(text, "one") == 0, "one");
	ok(take(text) == REMOTE_PROGRESS && strcmp(text, "two") == 0, "two");
	ok(take(text) == REMOTE_LINE && strlen(text) == REMOTE_LINE_MAX, "a long one is cut");
	is_int(take(text), -1, "no more");
}

static void test_full(void)
{
	char text[REMOTE_LINE_MAX + 1], want[100];
	unsigned lines = 0, failures = 0;
	int kind;

	put_many();
	remote_log_put(LOG_FAILURE, REMOTE_FAILURE, "unpack root failed");
	remote_log_put(LOG_FAILURE, REMOTE_FAILURE, "to do: that");
	while ((kind = take(text)) >= 0) {
		lines += kind == REMOTE_LINE;
		failures += kind == REMOTE_FAILURE;
	}
	ok(lines > 100 && lines < MANY, "it keeps %u lines", lines);
	is_int(failures, 2, "and both of a failure that comes after them");
	is_str(text, "", "the end");
	remote_log_put(LOG_NOTICE, REMOTE_LINE, "now there is room");
	snprintf(want, sizeof(want), "%u lines are missing here: there was no room", MANY - lines);
	ok(take(text) == REMOTE_LINE && strcmp(text, want) == 0, "how many were lost: %s", text);
	ok(take(text) == REMOTE_LINE && strcmp(text, "now there is room") == 0, "then it goes on");
}

static void test_end(void)
{
	char text[REMOTE_LINE_MAX + 1];

	remote_log_close();
	is_int(remote_log_reader(), -1, "it is closed");
	remote_log_put(LOG_NOTICE, REMOTE_LINE, "into nothing");
	remote_log_close();
	remote_log_open();
	is_int(take(text), -1, "opened again it is empty");
	remote_log_put(LOG_NOTICE, REMOTE_LINE, "again");
	ok(take(text) == REMOTE_LINE && strcmp(text, "again") == 0, "and keeps lines");
}

int main(void)
{
	test_order();
	test_full();
	test_end();
	return done_testing();
}
