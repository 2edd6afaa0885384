/* Consoles, log file, kernel log. */
#include "base/console.h"

#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/escape.h"
#include "base/remote_log.h"
#include "base/size.h"
#include "base/terminals.h"

#define BAR_WIDTH 30
#define WARNINGS_MAX 16

static int log_fd = -1;
static int dev_fd = -1;    /* /dev, wherever its mount is moved to */
static int parent_fd = -1; /* in a child: where PID 1 reads */
static char warnings[WARNINGS_MAX][256];
static size_t n_warnings;
static bool is_quiet, is_debug, is_verbosity_known;
static char held[512]; /* notices of the time before that, for the consoles */

static struct {
	uint64_t first, last_line; /* microseconds; 0 = not begun */
	unsigned last_tenth;
	bool on_screen; /* a bar stands there */
} progress;

void console_open(void)
{
	terminals_open();
	console_open_kernel_log();
}

void console_open_kernel_log(void)
{
	int fd = open("/dev", O_PATH | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0 && dev_fd >= 0)
		close(dev_fd);
	if (fd >= 0)
		dev_fd = fd;
}

void console_open_log(void)
{
	mkdir(RUN_DIR, 0755);
	log_fd = open(RUN_DIR "/log", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
}

void console_set_verbosity(bool quiet, bool debug)
{
	is_quiet = quiet && !debug;
	is_debug = debug;
	is_verbosity_known = true;
	if (!is_quiet)
		console_print(held);
	*held = '\0';
}

static void keep_warning(const char *text)
{
	if (n_warnings < WARNINGS_MAX)
		snprintf(warnings[n_warnings++], sizeof(warnings[0]), "%.255s", text);
}

const char *console_warning(size_t number)
{
	return number < n_warnings ? warnings[number] : NULL;
}

static void end_progress(uint64_t end)
{
	if (progress.on_screen)
		terminals_print("\r\033[K", ON_SCREENS, end);
	progress.on_screen = false;
}

/* A file of its own for each line: the kernel (from 4.8 on) takes ten lines in five seconds from one, and
 * drops the others. A line without its end would be seen only when the next one comes. */
static void log_to_kernel(const char *record)
{
	_cleanup_close_ int fd = -1;

	if (dev_fd >= 0)
		fd = openat(dev_fd, "kmsg", O_WRONLY | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0)
		(void)!write(fd, record, strlen(record));
}

void console_send_to(int fd)
{
	parent_fd = fd;
}

void console_log(enum log_level level, const char *text, ...)
{
	/* The kernel log prints what is below its own level on the consoles too; notices would be
	 * there twice, so they go as debug. */
	static const int priorities[] = { 3, 3, 4, 7, 7 };
	static const char prefix[] = "tarboot: ";
	char raw[MESSAGE_LINE_MAX], line[640], record[660];
	uint64_t end = terminals_deadline();
	va_list ap;

	va_start(ap, text);
	vsnprintf(raw, sizeof(raw), text, ap);
	va_end(ap);
	if (parent_fd >= 0) {
		message_send_line(parent_fd, level, raw);
		return;
	}
	/* One event is one line, whatever the names in it hold. */
	strcpy(line, prefix);
	escape_text(raw, line + sizeof(prefix) - 1, sizeof(line) - sizeof(prefix));
	if (level == LOG_WARNING || level == LOG_ERROR)
		keep_warning(line + sizeof(prefix) - 1);
	remote_log_put(level, level == LOG_FAILURE ? REMOTE_FAILURE : REMOTE_LINE,
		       line + sizeof(prefix) - 1);
	strcat(line, "\n");
	snprintf(record, sizeof(record), "<%d>%s", priorities[level], line);
	log_to_kernel(record);
	if (log_fd >= 0)
		(void)!write(log_fd, line, strlen(line));
	end_progress(end);
	if (level == LOG_FAILURE)
		return;
	if (!is_verbosity_known && level == LOG_NOTICE)
		strncat(held, line, sizeof(held) - strlen(held) - 1);
	else if (level <= LOG_WARNING || (level == LOG_NOTICE && !is_quiet) || is_debug)
		terminals_print(line, EVERYWHERE, end);
}

void console_print(const char *text)
{
	terminals_print(text, EVERYWHERE, terminals_deadline());
}

/* ---- progress ---- */

static void draw_bar(uint64_t done, uint64_t total, uint64_t elapsed, const char *besides)
{
	unsigned filled = (unsigned)(done * BAR_WIDTH / total);
	char line[192], bar[BAR_WIDTH + 1], a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];
	uint64_t left = done ? elapsed / 1000 * (total - done) / done / 1000 : 0;

	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', filled);
	bar[BAR_WIDTH] = '\0';
	snprintf(line, sizeof(line), "\r  [%s] %s of %s%s%s, %llu s left \033[K", bar,
		 size_format(a, done), size_format(b, total), *besides ? ", " : "", besides,
		 (unsigned long long)left);
	terminals_print(line, ON_SCREENS, terminals_deadline());
	progress.on_screen = true;
}

static void print_tenths(const char *doing, uint64_t done, uint64_t total, uint64_t now,
			 const char *besides)
{
	unsigned tenth = (unsigned)(done * 10 / total);
	char line[192], a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

	if (tenth == progress.last_tenth && now - progress.last_line < 5000000)
		return;
	progress.last_tenth = tenth;
	progress.last_line = now;
	snprintf(line, sizeof(line), "tarboot: %s: %3u %%, %s of %s%s%s\n", doing,
		 (unsigned)(done * 100 / total), size_format(a, done), size_format(b, total),
		 *besides ? ", " : "", besides);
	if (!is_quiet)
		terminals_print(line, ON_OTHERS, terminals_deadline());
	line[strlen(line) - 1] = '\0';
	remote_log_put(LOG_NOTICE, REMOTE_PROGRESS, line + strlen("tarboot: "));
}

void console_progress(const char *doing, uint64_t done, uint64_t total, const char *besides)
{
	uint64_t now = now_usec();

	if (total == 0)
		return;
	if (done > total)
		done = total;
	if (progress.first == 0)
		progress.first = progress.last_line = now;
	if (!is_quiet)
		draw_bar(done, total, now - progress.first, besides);
	print_tenths(doing, done, total, now, besides);
}

void console_progress_end(void)
{
	end_progress(terminals_deadline());
	progress.first = 0; /* a second try counts from its own start */
	progress.last_tenth = 0;
}

void console_countdown(const char *doing, long seconds)
{
	char line[64];

	snprintf(line, sizeof(line), "\r  %s in %ld s \033[K", doing, seconds);
	terminals_print(line, ON_SCREENS, terminals_deadline());
	snprintf(line, sizeof(line), "  %s in %ld s\n", doing, seconds);
	if (seconds % 10 == 0)
		terminals_print(line, ON_OTHERS, terminals_deadline());
}
