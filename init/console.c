/* Consoles, log file, kernel log. */
#include "console.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "boot.h"
#include "message.h"
#include "size.h"

#define PATIENCE_MS 200 /* for a console that takes no more bytes */
#define BAR_WIDTH 30
#define WARNINGS_MAX 16

struct console {
	int fd;
	bool is_screen; /* a terminal that can redraw a line: a VT */
};

static struct console consoles[CONSOLES_MAX];
static size_t n_consoles;
static int log_fd = -1;
static int kmsg_fd = -1;
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

/* "ttyS0                -W- (EC p a)    4:64": name, flags, device number. Without devtmpfs there is
 * no node, so one is made from the number. */
static int open_console(const char *name, unsigned major, unsigned minor)
{
	const int flags = O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, flags);
	if (fd < 0 && errno == ENOENT && mknod(path, S_IFCHR | 0600, makedev(major, minor)) == 0)
		fd = open(path, flags);
	return fd;
}

static void add_console(int fd, bool is_screen)
{
	if (fd >= 0 && n_consoles < CONSOLES_MAX)
		consoles[n_consoles++] = (struct console){ fd, is_screen };
	else if (fd >= 0)
		close(fd);
}

void console_open(void)
{
	FILE *list = fopen("/proc/consoles", "re");
	char line[128], name[32];
	unsigned major, minor;
	const char *colon;

	while (n_consoles > 0)
		close(consoles[--n_consoles].fd);
	while (list && fgets(line, sizeof(line), list)) {
		colon = strrchr(line, ':');
		if (!colon || sscanf(line, "%31s", name) != 1)
			continue; /* netconsole and the like: the kernel log reaches them */
		while (colon > line && colon[-1] != ' ')
			colon--;
		if (sscanf(colon, "%u:%u", &major, &minor) == 2)
			add_console(open_console(name, major, minor),
				    strncmp(name, "tty", 3) == 0 && name[3] >= '0' &&
					    name[3] <= '9');
	}
	if (list)
		fclose(list);
	if (n_consoles == 0)
		add_console(open("/dev/console", O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC),
			    false);
	if (kmsg_fd < 0)
		kmsg_fd = open("/dev/kmsg", O_WRONLY | O_NOCTTY | O_CLOEXEC);
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

static void write_patiently(int fd, const char *text, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	ssize_t n;

	while (size > 0) {
		n = write(fd, text, size);
		if (n > 0) {
			text += n;
			size -= (size_t)n;
		} else if (n == 0 || (errno != EINTR && errno != EAGAIN) ||
			   poll(&p, 1, PATIENCE_MS) <= 0) {
			return;
		}
	}
}

static void print_where(const char *text, bool screens, bool others)
{
	for (size_t i = 0; i < n_consoles; i++)
		if (consoles[i].is_screen ? screens : others)
			write_patiently(consoles[i].fd, text, strlen(text));
}

void console_print(const char *text)
{
	if (n_consoles == 0)
		write_patiently(STDERR_FILENO, text, strlen(text));
	print_where(text, true, true);
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
	char line[640], record[660];
	va_list ap;
	int n;

	n = snprintf(line, sizeof(line), "tarboot: ");
	va_start(ap, text);
	vsnprintf(line + n, sizeof(line) - (size_t)n - 1, text, ap);
	va_end(ap);
	if (parent_fd >= 0) {
		message_send_line(parent_fd, level, line + n);
		return;
	}
	if (level == LOG_WARNING || level == LOG_ERROR)
		keep_warning(line + strlen("tarboot: "));
	n = snprintf(record, sizeof(record), "<%d>%s", priorities[level], line);
	if (kmsg_fd >= 0)
		(void)!write(kmsg_fd, record, (size_t)n);
	strcat(line, "\n");
	if (log_fd >= 0)
		(void)!write(log_fd, line, strlen(line));
	console_progress_end();
	if (level == LOG_FAILURE)
		return;
	if (!is_verbosity_known && level == LOG_NOTICE)
		strncat(held, line, sizeof(held) - strlen(held) - 1);
	else if (level <= LOG_WARNING || (level == LOG_NOTICE && !is_quiet) || is_debug)
		console_print(line);
}

/* ---- progress ---- */

static void draw_bar(uint64_t done, uint64_t total, uint64_t elapsed)
{
	unsigned filled = (unsigned)(done * BAR_WIDTH / total);
	char line[128], bar[BAR_WIDTH + 1], a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];
	uint64_t left = done ? elapsed * (total - done) / done / 1000000 : 0;

	memset(bar, '.', BAR_WIDTH);
	memset(bar, '#', filled);
	bar[BAR_WIDTH] = '\0';
	snprintf(line, sizeof(line), "\r  [%s] %s of %s, %llu s left \033[K", bar,
		 size_format(a, done), size_format(b, total), (unsigned long long)left);
	print_where(line, true, false);
	progress.on_screen = true;
}

static void print_tenths(uint64_t done, uint64_t total, uint64_t now)
{
	unsigned tenth = (unsigned)(done * 10 / total);
	char line[96], a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

	if (tenth == progress.last_tenth && now - progress.last_line < 5000000)
		return;
	progress.last_tenth = tenth;
	progress.last_line = now;
	snprintf(line, sizeof(line), "tarboot: unpack root: %3u %%, %s of %s\n",
		 (unsigned)(done * 100 / total), size_format(a, done), size_format(b, total));
	print_where(line, false, true);
}

void console_progress(uint64_t done, uint64_t total)
{
	uint64_t now = now_usec();

	if (is_quiet || total == 0)
		return;
	if (done > total)
		done = total;
	if (progress.first == 0)
		progress.first = progress.last_line = now;
	draw_bar(done, total, now - progress.first);
	print_tenths(done, total, now);
}

void console_progress_end(void)
{
	if (progress.on_screen)
		print_where("\r\033[K", true, false);
	progress.on_screen = false;
}

void console_countdown(const char *doing, long seconds)
{
	char line[64];

	snprintf(line, sizeof(line), "\r  %s in %ld s \033[K", doing, seconds);
	print_where(line, true, false);
	snprintf(line, sizeof(line), "  %s in %ld s\n", doing, seconds);
	if (seconds % 10 == 0)
		print_where(line, false, true);
}

/* tcdrain would wait for ever on a line with its flow stopped, so the output queues are watched. */
void console_drain(void)
{
	int queued;

	for (size_t i = 0; i < n_consoles; i++)
		for (int tries = 0; tries < 50; tries++) {
			if (ioctl(consoles[i].fd, TIOCOUTQ, &queued) < 0 || queued == 0)
				break;
			usleep(20000);
		}
	usleep(20000); /* the hardware's own buffer */
}

/* ---- keys ---- */

bool console_wait_enter(int milliseconds)
{
	struct pollfd fds[CONSOLES_MAX];
	char keys[64];
	ssize_t n;

	for (size_t i = 0; i < n_consoles; i++)
		fds[i] = (struct pollfd){ .fd = consoles[i].fd, .events = POLLIN };
	if (poll(fds, n_consoles, milliseconds) <= 0)
		return false;
	for (size_t i = 0; i < n_consoles; i++) {
		n = read(consoles[i].fd, keys, sizeof(keys));
		if (n > 0 && memchr(keys, '\n', (size_t)n))
			return true;
		if (n == 0 || (n < 0 && errno != EAGAIN))
			usleep(50000); /* hung up: poll would return at once, again and again */
	}
	return false;
}

/* Reads the last word of a sysfs file. */
static int read_last_word(const char *path, char word[32])
{
	FILE *file = fopen(path, "re");
	int r = -ENOENT;

	while (file && fscanf(file, "%31s", word) == 1)
		r = 0;
	if (file)
		fclose(file);
	return r;
}

int console_open_terminal(void)
{
	char name[32], path[64];
	int fd;

	/* /dev/console itself can control no session: the last active console stands behind it, and
	 * behind tty0 the VT that is in front. */
	if (read_last_word("/sys/class/tty/console/active", name) < 0)
		strcpy(name, "console");
	if (strcmp(name, "tty0") == 0 && read_last_word("/sys/class/tty/tty0/active", name) < 0)
		strcpy(name, "tty1");
	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, O_RDWR | O_NOCTTY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}
