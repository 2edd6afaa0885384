/* Terminals that are consoles; see terminals.h. */
#include "base/terminals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "base/util.h"

#define PATIENCE_MS 200 /* for consoles that take no more bytes, in one call for all of them */
#define RETRY_MS 5
#define DRAIN_MS 5000

struct console {
	int fd;
	char name[32]; /* below /dev */
	dev_t device;
	bool is_screen; /* a terminal that can redraw a line: a VT */
	bool is_stuck;  /* it took no bytes for PATIENCE_MS: nobody waits for it until it does */
	bool is_cut;    /* the last line on it has no end */
	const char *pending; /* the rest of kept_text, which it has not taken yet */
};

static struct console consoles[CONSOLES_MAX];
static size_t n_consoles;
static char kept_text[2304]; /* of terminals_print_surely() */

/* ---- opening ---- */

/* Without devtmpfs there is no node, so one is made from the device number. */
static int open_console(const char *name, dev_t device)
{
	const int flags = O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/dev/%s", name);
	fd = open(path, flags);
	if (fd < 0 && errno == ENOENT && mknod(path, S_IFCHR | 0600, device) == 0)
		fd = open(path, flags);
	return fd;
}

/* Closing a serial line waits up to 30 s until all of its text has left; one that is hung up does not wait. */
static void close_console(struct console *c)
{
	if (c->is_stuck)
		(void)ioctl(c->fd, TIOCVHANGUP);
	close(c->fd);
}

/* The end of a session hangs its terminal up, and with it every descriptor of that. */
static bool is_hung_up(const struct console *c)
{
	struct pollfd p = { .fd = c->fd };

	return poll(&p, 1, 0) > 0 && (p.revents & (POLLHUP | POLLNVAL));
}

static struct console *find_console(dev_t device)
{
	for (size_t i = 0; i < n_consoles; i++)
		if (consoles[i].device == device)
			return &consoles[i];
	return NULL;
}

static bool is_screen(const char *name)
{
	return strncmp(name, "tty", 3) == 0 && name[3] >= '0' && name[3] <= '9';
}

/* Adds a console to a new list: as it is when it was open before, for its state is worth knowing. */
static void take_console(struct console list[CONSOLES_MAX], size_t *n, const char *name,
			 dev_t device)
{
	struct console *old = find_console(device), new = { .device = device, .pending = "" };

	if (*n == CONSOLES_MAX)
		return;
	if (old && !is_hung_up(old)) {
		list[(*n)++] = *old;
		*old = consoles[--n_consoles];
		return;
	}
	snprintf(new.name, sizeof(new.name), "%s", name);
	new.fd = open_console(name, device);
	new.is_screen = is_screen(name);
	if (new.fd >= 0)
		list[(*n)++] = new;
}

/* "ttyS0                -W- (EC p a)    4:64": name, flags, device number. */
static size_t read_consoles(struct console list[CONSOLES_MAX])
{
	FILE *file = fopen("/proc/consoles", "re");
	char line[128], name[32];
	unsigned major, minor;
	const char *colon;
	size_t n = 0;

	while (file && fgets(line, sizeof(line), file)) {
		colon = strrchr(line, ':');
		if (!colon || sscanf(line, "%31s", name) != 1)
			continue; /* netconsole and the like: the kernel log reaches them */
		while (colon > line && colon[-1] != ' ')
			colon--;
		if (sscanf(colon, "%u:%u", &major, &minor) == 2)
			take_console(list, &n, name, makedev(major, minor));
	}
	if (file)
		fclose(file);
	if (n == 0)
		take_console(list, &n, "console", makedev(5, 1));
	return n;
}

void terminals_open(void)
{
	struct console list[CONSOLES_MAX];
	size_t n = read_consoles(list);

	while (n_consoles > 0)
		close_console(&consoles[--n_consoles]);
	memcpy(consoles, list, n * sizeof(list[0]));
	n_consoles = n;
}

/* ---- output ---- */

uint64_t terminals_deadline(void)
{
	return now_usec() + PATIENCE_MS * 1000;
}

/* Writes what the console takes at once, and moves *text behind that. */
static void offer(struct console *c, const char **text)
{
	ssize_t n = **text ? write(c->fd, *text, strlen(*text)) : 0;

	if (n > 0) {
		*text += n;
		c->is_cut = (*text)[-1] != '\n' && **text;
	} else if (n < 0 && errno != EAGAIN && errno != EINTR) {
		c->is_stuck = true;
	}
}

/* Ends a line that was cut off, and writes the rest of a text that was kept. False: more of it is left. */
static bool write_pending(struct console *c)
{
	const char *line_end = c->is_cut && !*c->pending ? "\n" : "";

	offer(c, &line_end);
	if (!*c->pending)
		return !*line_end;
	offer(c, &c->pending);
	if (!*c->pending)
		c->is_stuck = false;
	return !*c->pending;
}

static bool wait_until(uint64_t end)
{
	if (now_usec() >= end)
		return false;
	/* poll() would wait until the buffer of a serial line is nearly empty. */
	usleep(RETRY_MS * 1000);
	return true;
}

static bool is_meant(const struct console *c, unsigned where)
{
	return where & (c->is_screen ? ON_SCREENS : ON_OTHERS);
}

/* Before there is a console: what the kernel gave init. */
static void print_to_stderr(const char *text)
{
	struct pollfd p = { .fd = STDERR_FILENO, .events = POLLOUT };

	if (poll(&p, 1, 0) > 0)
		(void)!write(STDERR_FILENO, text, strlen(text));
}

void terminals_print(const char *text, unsigned where, uint64_t end)
{
	const char *rest[CONSOLES_MAX];
	bool is_waiting;

	if (!*text)
		return;
	if (n_consoles == 0 && where == EVERYWHERE)
		print_to_stderr(text);
	for (size_t i = 0; i < n_consoles; i++)
		rest[i] = is_meant(&consoles[i], where) ? text : "";
	do {
		is_waiting = false;
		for (size_t i = 0; i < n_consoles; i++) {
			if (*rest[i] && (rest[i] != text || write_pending(&consoles[i])))
				offer(&consoles[i], &rest[i]);
			is_waiting |= *rest[i] && !consoles[i].is_stuck;
		}
	} while (is_waiting && wait_until(end));
	for (size_t i = 0; i < n_consoles; i++)
		if (is_meant(&consoles[i], where))
			consoles[i].is_stuck = *rest[i];
}

/* True when a console that is not stuck has more of the kept text to take. */
static bool write_all_pending(void)
{
	bool is_waiting = false;

	for (size_t i = 0; i < n_consoles; i++)
		is_waiting |= *consoles[i].pending && !write_pending(&consoles[i]) &&
			      !consoles[i].is_stuck;
	return is_waiting;
}

void terminals_print_surely(const char *text)
{
	uint64_t end = terminals_deadline();

	snprintf(kept_text, sizeof(kept_text), "%s", text);
	if (n_consoles == 0)
		print_to_stderr(text);
	for (size_t i = 0; i < n_consoles; i++)
		consoles[i].pending = kept_text;
	while (write_all_pending() && wait_until(end))
		;
	for (size_t i = 0; i < n_consoles; i++)
		consoles[i].is_stuck |= *consoles[i].pending != '\0';
}

/* ---- the end ---- */

/* Bytes that have not left yet; those in the chip of a serial line count as one. */
static size_t queued(const struct console *c)
{
	int n = 0, lsr;

	if (ioctl(c->fd, TIOCOUTQ, &n) < 0 || n < 0)
		n = 0;
	if (ioctl(c->fd, TIOCSERGETLSR, &lsr) == 0 && !(lsr & TIOCSER_TEMT))
		n++;
	return (size_t)n;
}

/* tcdrain() would wait for ever on a line with its flow stopped. */
void terminals_drain(void)
{
	uint64_t end = now_usec() + DRAIN_MS * 1000, patient_until = terminals_deadline();
	size_t left, before = SIZE_MAX;

	do {
		left = 0;
		(void)write_all_pending();
		for (size_t i = 0; i < n_consoles; i++)
			left += queued(&consoles[i]) + strlen(consoles[i].pending);
		if (left < before)
			patient_until = min_u64(terminals_deadline(), end);
		before = left;
	} while (left > 0 && wait_until(patient_until));
	usleep(20000); /* the hardware's own buffer */
}

/* Leaves those marked as stuck from which nothing leaves. */
static void find_blocked(void)
{
	uint64_t end = terminals_deadline();
	size_t before[CONSOLES_MAX];
	bool is_waiting;

	for (size_t i = 0; i < n_consoles; i++)
		before[i] = queued(&consoles[i]);
	do {
		is_waiting = false;
		for (size_t i = 0; i < n_consoles; i++) {
			if (queued(&consoles[i]) < before[i])
				before[i] = 0;
			is_waiting |= before[i] > 0 && !consoles[i].is_stuck;
		}
	} while (is_waiting && wait_until(end));
	for (size_t i = 0; i < n_consoles; i++)
		consoles[i].is_stuck = before[i] > 0;
}

void terminals_close(void)
{
	unsigned kept;

	find_blocked();
	/* The new init gets the terminal of descriptor 0, so it stays open. */
	if (ioctl(STDIN_FILENO, TIOCGDEV, &kept) == 0 && find_console(kept))
		find_console(kept)->is_stuck = false;
	while (n_consoles > 0)
		close_console(&consoles[--n_consoles]);
}

/* ---- keys ---- */

void terminals_forget_keys(void)
{
	for (size_t i = 0; i < n_consoles; i++)
		(void)ioctl(consoles[i].fd, TCFLSH, TCIFLUSH);
}

bool terminals_wait_enter(int milliseconds, dev_t *ret_console)
{
	struct pollfd fds[CONSOLES_MAX];
	char keys[64];
	ssize_t n;

	for (size_t i = 0; i < n_consoles; i++)
		fds[i] = (struct pollfd){ .fd = consoles[i].fd, .events = POLLIN };
	(void)write_all_pending();
	if (poll(fds, n_consoles, milliseconds) <= 0)
		return false;
	for (size_t i = 0; i < n_consoles; i++) {
		n = read(consoles[i].fd, keys, sizeof(keys));
		if (n > 0 && memchr(keys, '\n', (size_t)n)) {
			*ret_console = consoles[i].device;
			return true;
		}
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

/* /dev/console itself can control no session: the last active console stands behind it, and behind tty0 the VT that is in front. */
static void choose_terminal(const struct console *c, char name[32])
{
	if (c && strcmp(c->name, "console") != 0)
		strcpy(name, c->name);
	else if (read_last_word("/sys/class/tty/console/active", name) < 0)
		strcpy(name, "console");
	if (strcmp(name, "tty0") == 0 && read_last_word("/sys/class/tty/tty0/active", name) < 0)
		strcpy(name, "tty1");
}

int terminals_open_controlling(dev_t console)
{
	char name[32], path[64];
	int fd;

	choose_terminal(find_console(console), name);
	snprintf(path, sizeof(path), "/dev/%s", name);
	/* A serial line without carrier would be waited for. */
	fd = open(path, O_RDWR | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	(void)fcntl(fd, F_SETFL, O_RDWR);
	return fd;
}
