/* What `tarboot serve` prints waits for nobody: into a pipe, and on a terminal, that are not read. */
#include "command/serve_output.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>

#include "tap.h"

#define MANY 20000

static struct serve_output out;
static struct machines room;

/* All that is there, with what comes while it is read. Lines, and the last one. */
static unsigned read_lines(int fd, char ret_last[256], unsigned *ret_told)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };
	unsigned lines = 0, told;
	size_t used = 0;
	char c;

	*ret_told = 0;
	while (serve_output_flush(&out), poll(&p, 1, 100) > 0 && read(fd, &c, 1) == 1) {
		if (c != '\n') {
			ret_last[used] = c;
			used += used < 254;
			continue;
		}
		ret_last[used] = '\0';
		used = 0;
		if (sscanf(ret_last, "(%u lines could not be printed)", &told) == 1)
			*ret_told += told;
		else
			lines++;
	}
	return lines;
}

static void test_pipe(void)
{
	int ends[2];
	char line[64], last[256] = "";
	unsigned lines, told;
	uint64_t start = now_usec();

	if (pipe(ends) < 0)
		return;
	serve_output_open(&out, ends[1], "title");
	ok(!out.is_table, "a pipe has no table");
	for (unsigned i = 1; i <= MANY; i++) {
		snprintf(line, sizeof(line), "line %u", i);
		serve_output_line(&out, line);
	}
	ok(now_usec() - start < 20000000, "nobody reads, nothing waits");
	ok(!serve_output_flush(&out), "something is left");
	ok(out.waiting.used < 100 << 10, "not too much");
	lines = read_lines(ends[0], last, &told);
	serve_output_line(&out, "the \033last");
	lines += read_lines(ends[0], last, &told) - 1;
	ok(lines > 100 && lines + told == MANY, "%u lines, and %u that are told of", lines, told);
	ok(strlen(last) > 10 && strcmp(last + 10, "the \\033last") == 0, "the last: %s", last);
	is_int(fcntl(ends[1], F_GETFL) & O_NONBLOCK, 0, "others still have a pipe that blocks");
	close(ends[0]);
	serve_output_close(&out, &room, 1000);
	close(ends[1]);
}

static void test_terminal(void)
{
	int master = posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC), slave;
	struct winsize size = { .ws_row = 50, .ws_col = 200 };
	char text[4096];
	uint64_t start;

	if (master < 0 || grantpt(master) < 0 || unlockpt(master) < 0) {
		skip(1, "no terminals here");
		return;
	}
	slave = open(ptsname(master), O_RDWR | O_NOCTTY | O_CLOEXEC);
	(void)ioctl(slave, TIOCSWINSZ, &size);
	setenv("TERM", "xterm", 1);
	serve_output_open(&out, slave, "title");
	ok(out.is_table, "a terminal has a table");
	start = now_usec();
	for (unsigned i = 0; i < 1000; i++) {
		serve_output_line(&out, "a line");
		serve_output_draw(&out, &room, 1000);
	}
	ok(now_usec() - start < 20000000, "nobody reads, nothing waits");
	ok(out.waiting.used < 100 << 10, "only one table waits");
	(void)fcntl(master, F_SETFL, O_NONBLOCK);
	do {
		(void)!read(master, text, sizeof(text));
	} while (!serve_output_flush(&out));
	is_int(fcntl(slave, F_GETFL) & O_NONBLOCK, 0, "others still have one that blocks");
	start = now_usec();
	serve_output_close(&out, &room, 1000);
	ok(now_usec() - start < 5000000, "nor does the end");
	close(slave);
	close(master);
}

int main(void)
{
	test_pipe();
	test_terminal();
	return done_testing();
}
