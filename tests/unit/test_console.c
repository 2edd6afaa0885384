/* What becomes of a line: which consoles get it and when, the warnings that the report has, the bar. The terminals are
 * this file; the kernel log is not opened. */
#include "base/console.h"

#include <stdarg.h>

#include "base/message.h"
#include "tap.h"
#include "base/terminals.h"
#include "wrap.h"

#define MIB (1ULL << 20)

static char screens[4096], others[4096]; /* what they got since the last look */
static char sent[MESSAGE_LINE_MAX];      /* through the channel, behind its level */
static uint64_t now;                     /* microseconds */

WRAP(void, terminals_print, (const char *text, unsigned where, uint64_t deadline))
{
	(void)deadline;
	if (where & ON_SCREENS)
		strncat(screens, text, sizeof(screens) - strlen(screens) - 1);
	if (where & ON_OTHERS)
		strncat(others, text, sizeof(others) - strlen(others) - 1);
}

WRAP(void, message_send_line, (int fd, unsigned level, const char *line))
{
	snprintf(sent, sizeof(sent), "%d %u %.600s", fd, level, line);
}

WRAP(int, clock_gettime, (clockid_t id, struct timespec *ts))
{
	(void)id;
	*ts = (struct timespec){ .tv_sec = (time_t)(now / 1000000),
				 .tv_nsec = (long)(now % 1000000 * 1000) };
	return 0;
}

static void is_shown(const char *on_screens, const char *on_others, const char *name)
{
	is_str(screens, on_screens, "%s: screens", name);
	is_str(others, on_others, "%s: serial lines", name);
	*screens = *others = '\0';
}

static void log_all(void)
{
	for (int level = LOG_FAILURE; level <= LOG_DEBUG; level++)
		console_log((enum log_level)level, "level %d", level);
}

static void test_levels(void)
{
	const char *const usual = "tarboot: level 1\ntarboot: level 2\ntarboot: level 3\n";

	console_log(LOG_NOTICE, "early");
	console_log(LOG_DEBUG, "early, and not asked for");
	is_shown("", "", "notices wait until it is known who wants them");
	console_log(LOG_WARNING, "early warning");
	is_shown("tarboot: early warning\n", "tarboot: early warning\n", "warnings do not");
	console_set_verbosity(false, false);
	is_shown("tarboot: early\n", "tarboot: early\n", "then they are printed");
	log_all();
	is_shown(usual, usual, "usually");
	console_set_verbosity(true, false);
	log_all();
	is_shown("tarboot: level 1\ntarboot: level 2\n", "tarboot: level 1\ntarboot: level 2\n",
		 "with quiet");
	console_set_verbosity(true, true);
	log_all();
	ok(strstr(screens, "level 3\ntarboot: level 4\n"), "debug is stronger than quiet");
	*screens = *others = '\0';
	console_set_verbosity(false, false);
}

/* One event is one line, whatever a name in it holds. */
static void test_names(void)
{
	const char *const want = "tarboot: a\\012b\\033[31m \303\244\n";
	char name[2 * MESSAGE_LINE_MAX];

	console_log(LOG_NOTICE, "a\nb\033[31m %s", "\303\244");
	is_shown(want, want, "what could steer a terminal");
	memset(name, '\033', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	console_log(LOG_NOTICE, "%s", name);
	ok(strlen(others) < MESSAGE_LINE_MAX && strncmp(others, "tarboot: \\033", 13) == 0,
	   "a long name is cut");
	is_str(others + strlen(others) - 8, "\\033...\n", "and its line has an end");
	*screens = *others = '\0';
}

static void test_warnings(void)
{
	is_str(console_warning(0), "early warning", "the first warning is kept");
	is_str(console_warning(1), "level 1", "an error, too");
	ok(!console_warning(7), "but no failure, notice or debug line");
	for (int i = 0; i < 30; i++)
		console_log(LOG_WARNING, "one of many");
	ok(console_warning(15) && !console_warning(16), "so many of them");
	*screens = *others = '\0';
}

static void test_progress(void)
{
	for (int try = 0; try < 2; try++) {
		now += 900000000;
		console_progress("unpack root", 0, 100 * MIB, "");
		*screens = *others = '\0';
		now += 10000000;
		console_progress("unpack root", 50 * MIB, 100 * MIB, "");
		is_shown("\r  [###############...............] 50.0 MiB of 100.0 MiB, 10 s left "
			 "\033[K",
			 "tarboot: unpack root:  50 %, 50.0 MiB of 100.0 MiB\n", "half way");
		console_log(LOG_NOTICE, "in between");
		is_shown("\r\033[Ktarboot: in between\n", "tarboot: in between\n",
			 "a line takes the place of the bar");
		console_progress("unpack root", 200 * MIB, 100 * MIB, "");
		ok(strstr(screens, "] 100.0 MiB of 100.0 MiB, 0 s left"), "more than all is all");
		*screens = *others = '\0';
		console_progress_end();
		is_shown("\r\033[K", "", "the end takes the bar away");
	}
	console_set_verbosity(true, false);
	console_progress("unpack root", 1, 2, "");
	is_shown("", "", "none with quiet");
}

/* In a child, from then on: its names are PID 1's to escape. */
static void test_channel(void)
{
	console_send_to(42);
	console_log(LOG_WARNING, "module %s", "a\nb");
	is_str(sent, "42 2 module a\nb", "a line goes through the channel");
	is_shown("", "", "and nowhere else");
}

int main(void)
{
	test_levels();
	test_names();
	test_warnings();
	test_progress();
	test_channel();
	return done_testing();
}
