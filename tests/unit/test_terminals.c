/*
 * Consoles that are full, come back, are hung up or closed: terminals.c on terminals that this file makes up, in a
 * time that only passes while somebody sleeps.
 */
#include "base/terminals.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/sysmacros.h>
#include <termios.h>

#include "tap.h"
#include "wrap.h"

#define FD_BASE 1000
#define N_DEVICES 10
#define PLENTY ((size_t)1 << 30)

static struct device {
	size_t room;       /* bytes that it takes without waiting */
	uint64_t opens_at; /* from then on it takes all; 0: never */
	bool is_hung_up;
	bool has_flow; /* what is queued leaves, a byte with each look */
	int queued;
	char keys[16];   /* that were pressed */
	char text[8192]; /* that it took, behind what was forgotten */
	unsigned n_opened, n_closed, n_hangups;
} devices[N_DEVICES];

static char list[1024];                                       /* /proc/consoles */
static char active[] = "tty0 ttyS2\n", in_front[] = "tty2\n"; /* of /sys/class/tty */
static uint64_t now;                                          /* microseconds */
static unsigned stdin_device;

static struct device *device_of(int fd)
{
	return fd >= FD_BASE && fd < FD_BASE + N_DEVICES ? &devices[fd - FD_BASE] : NULL;
}

/* ---- the calls ---- */

WRAP(FILE *, LARGE(fopen), (const char *path, const char *mode))
{
	if (strcmp(path, "/proc/consoles") == 0)
		return *list ? fmemopen(list, strlen(list), "r") : NULL;
	if (strcmp(path, "/sys/class/tty/console/active") == 0)
		return fmemopen(active, strlen(active), "r");
	if (strcmp(path, "/sys/class/tty/tty0/active") == 0)
		return fmemopen(in_front, strlen(in_front), "r");
	return REAL(LARGE(fopen))(path, mode);
}

/* /dev/ttyS0 to ttyS7 and two screens, tty1 and tty2; tty0 is in the place of ttyS7. */
WRAP(int, LARGE(open), (const char *path, int flags, mode_t mode))
{
	unsigned number;

	(void)mode;
	if (sscanf(path, "/dev/ttyS%u", &number) != 1) {
		if (sscanf(path, "/dev/tty%u", &number) != 1) {
			errno = ENODEV;
			return -1;
		}
		number += 7;
	}
	ok(flags & O_NONBLOCK && flags & O_NOCTTY && flags & O_CLOEXEC, "%s is opened without risk",
	   path);
	devices[number].n_opened++;
	devices[number].is_hung_up = false;
	return FD_BASE + (int)number;
}

WRAP(int, close, (int fd))
{
	if (!device_of(fd))
		return REAL(close)(fd);
	device_of(fd)->n_closed++;
	return 0;
}

WRAP(ssize_t, write, (int fd, const void *data, size_t size))
{
	struct device *d = device_of(fd);

	if (!d)
		return REAL(write)(fd, data, size);
	if (d->opens_at && now >= d->opens_at)
		d->room = PLENTY;
	if (d->is_hung_up || d->room == 0) {
		errno = d->is_hung_up ? EIO : EAGAIN;
		return -1;
	}
	size = size < d->room ? size : d->room;
	d->room -= size;
	strncat(d->text, data, size);
	return (ssize_t)size;
}

WRAP(ssize_t, read, (int fd, void *data, size_t size))
{
	struct device *d = device_of(fd);
	size_t n = d ? strlen(d->keys) : 0;

	if (!d)
		return REAL(read)(fd, data, size);
	if (n == 0) {
		errno = EAGAIN;
		return -1;
	}
	memcpy(data, d->keys, n);
	*d->keys = '\0';
	return (ssize_t)n;
}

WRAP(int, ioctl, (int fd, unsigned long request, void *arg))
{
	struct device *d = device_of(fd);

	if (fd == STDIN_FILENO && request == TIOCGDEV) {
		*(unsigned *)arg = stdin_device;
		return 0;
	}
	if (d && request == TIOCOUTQ) {
		*(int *)arg = d->queued;
		d->queued -= d->has_flow && d->queued;
		return 0;
	}
	if (d && request == TCFLSH && (intptr_t)arg == TCIFLUSH) {
		*d->keys = '\0';
		return 0;
	}
	if (d && request == TIOCVHANGUP) {
		d->n_hangups++;
		return 0;
	}
	errno = ENOTTY;
	return -1;
}

WRAP(int, poll, (struct pollfd * p, nfds_t n, int milliseconds))
{
	int found = 0;

	for (nfds_t i = 0; i < n; i++) {
		const struct device *d = device_of(p[i].fd);

		p[i].revents = d->is_hung_up ? POLLIN | POLLOUT | POLLHUP
			       : *d->keys    ? p[i].events & POLLIN
					     : 0;
		found += p[i].revents != 0;
	}
	now += found ? 0 : (uint64_t)milliseconds * 1000;
	return found;
}

WRAP(int, usleep, (useconds_t microseconds))
{
	now += microseconds;
	return 0;
}

WRAP(int, clock_gettime, (clockid_t id, struct timespec *ts))
{
	(void)id;
	*ts = (struct timespec){ .tv_sec = (time_t)(now / 1000000),
				 .tv_nsec = (long)(now % 1000000 * 1000) };
	return 0;
}

/* ---- the checks ---- */

/* So many serial lines, then so many screens, all of them good. */
static void set_up(unsigned n_lines, unsigned n_screens)
{
	char *end = list;

	*list = '\0';
	terminals_open(); /* of the last check all go */
	memset(devices, 0, sizeof(devices));
	stdin_device = 0;
	for (unsigned i = 0; i < N_DEVICES; i++)
		devices[i].room = PLENTY;
	for (unsigned i = 0; i < n_lines; i++)
		end += sprintf(end, "ttyS%u                -W- (E  p a)    4:%u\n", i, 64 + i);
	for (unsigned i = 1; i <= n_screens; i++)
		end += sprintf(end, "tty%u                 -WU (EC p  )    4:%u\n", i, i);
	terminals_open();
}

static void print(const char *text)
{
	terminals_print(text, EVERYWHERE, terminals_deadline());
}

/* What a device has taken since the last look. */
static void is_shown(unsigned number, const char *want, const char *name)
{
	is_str(devices[number].text, want, "%s", name);
	*devices[number].text = '\0';
}

static void check_stuck(void)
{
	uint64_t start;

	set_up(2, 1);
	devices[0].room = 3;
	start = now;
	print("first\n");
	is_int((long long)(now - start), 200000, "a console that is full is waited for");
	start = now;
	for (int i = 0; i < 1000; i++)
		print("more\n");
	is_int((long long)(now - start), 0, "once, and not by a thousand lines more");
	is_int((long long)strlen(devices[1].text), 5006, "the others get all of them");
	is_int((long long)strlen(devices[8].text), 5006, "the screen, too");
	is_shown(0, "fir", "and it has the beginning");

	devices[0].room = 4;
	print("again\n");
	is_shown(0, "\naga", "it is tried with each line, which begins at the left");
	is_int((long long)(now - start), 0, "without waiting");
	devices[0].room = PLENTY;
	print("well\n");
	is_shown(0, "\nwell\n", "when it takes text again it gets whole lines");
	devices[0].room = 0;
	print("first\n");
	is_int((long long)(now - start), 200000, "and is waited for again");
}

static void check_deadline(void)
{
	uint64_t start;

	set_up(6, 2);
	for (unsigned i = 0; i < N_DEVICES; i++)
		devices[i].room = 0;
	start = now;
	print("line\n");
	is_int((long long)(now - start), 200000, "eight that are full are waited for together");

	set_up(3, 0);
	devices[0].room = 0;
	devices[1].room = 0;
	devices[1].opens_at = now + 195000;
	start = now;
	print("line\n");
	is_shown(1, "line\n", "one that is slow gets its line beside one that is stuck");
	print("line\n");
	is_int((long long)(now - start), 200000, "and is not taken for stuck");

	set_up(2, 0);
	devices[0].is_hung_up = true;
	start = now;
	print("line\n");
	is_int((long long)(now - start), 0, "one that is hung up is not waited for");
	is_shown(1, "line\n", "and the other one has the line");
}

static void check_kept(void)
{
	uint64_t start;
	dev_t unused;

	set_up(2, 0);
	devices[0].room = 2;
	print("line\n");
	start = now;
	terminals_print_surely("\nFAILED: 1\n  do: 2\n");
	is_int((long long)(now - start), 0, "a text that must be seen waits for no stuck console");
	is_shown(1, "line\n\nFAILED: 1\n  do: 2\n", "the other one has it");
	for (int i = 0; i < 3; i++)
		terminals_wait_enter(250, &unused);
	print("in 60 s\n");
	is_shown(0, "li", "the stuck one has not");
	devices[0].room = 4;
	terminals_wait_enter(250, &unused);
	is_shown(0, "\nFAI", "but gets it when it takes text");
	devices[0].room = PLENTY;
	terminals_wait_enter(250, &unused);
	is_shown(0, "LED: 1\n  do: 2\n", "to its end");
	print("in 50 s\n");
	terminals_wait_enter(250, &unused);
	is_shown(0, "in 50 s\n", "and then lines again");

	devices[0].room = 0;
	start = now;
	terminals_print_surely("\nFAILED: 3\n");
	is_int((long long)(now - start), 200000, "one that was not stuck is waited for");
	devices[0].room = PLENTY;
	terminals_drain();
	is_shown(0, "\nFAILED: 3\n", "a text that is kept is printed before the machine goes down");
}

static void check_drain(void)
{
	uint64_t start;

	set_up(2, 0);
	devices[0].queued = 1000;
	devices[0].has_flow = true;
	start = now;
	terminals_drain();
	is_int(devices[0].queued, 0, "what leaves is waited for");
	devices[0].queued = devices[1].queued = 1000;
	devices[0].has_flow = false;
	start = now;
	terminals_drain();
	is_int((long long)(now - start), 220000, "what does not is not");
	devices[0].queued = 1000000;
	devices[0].has_flow = true;
	start = now;
	terminals_drain();
	is_int((long long)(now - start), 5020000, "and nothing for long");
}

static void check_close(void)
{
	uint64_t start;

	set_up(5, 0);
	devices[1].room = 0;
	print("line\n");
	stdin_device = (unsigned)makedev(4, 64 + 4);
	devices[1].queued = devices[2].queued = devices[3].queued = devices[4].queued = 100;
	devices[3].has_flow = true;
	start = now;
	terminals_close();
	is_int((long long)(now - start), 200000, "closing waits for all together");
	for (unsigned i = 0; i < 5; i++)
		is_int(devices[i].n_closed, 1, "console %u is closed", i);
	is_int(devices[0].n_hangups, 0, "one without text in it is only closed");
	is_int(devices[1].n_hangups, 1, "one that was stuck is hung up before");
	is_int(devices[2].n_hangups, 1, "one that nothing leaves, too");
	is_int(devices[3].n_hangups, 0, "one that is only slow may go on");
	is_int(devices[4].n_hangups, 0, "that of descriptor 0 is left alone");
}

static void check_open_again(void)
{
	set_up(3, 0);
	devices[0].room = 0;
	print("line\n");
	devices[1].is_hung_up = true;
	terminals_open();
	is_int(devices[0].n_closed, 0, "a console that is open stays open");
	is_int(devices[1].n_closed, 1, "one that was hung up is closed");
	is_int(devices[1].n_opened, 2, "and opened again");
	uint64_t start = now;
	print("more\n");
	is_int((long long)(now - start), 0, "it is still known which one is stuck");
	is_shown(1, "line\nmore\n", "the new one works");
	is_shown(2, "line\nmore\n", "and the third");
}

/* Three serial lines, and the screen. */
static void check_keys(void)
{
	dev_t where = 0;

	set_up(3, 0);
	strcat(list, "tty0                 -WU (EC p  )    4:1\n");
	terminals_open();
	strcpy(devices[1].keys, "abc");
	ok(!terminals_wait_enter(250, &where), "other keys are not Enter");
	strcpy(devices[1].keys, "abc\n");
	ok(terminals_wait_enter(250, &where), "Enter on one of several consoles");
	ok(where == makedev(4, 65), "it is known on which");
	is_int(terminals_open_controlling(where), FD_BASE + 1, "whose terminal is opened");
	strcpy(devices[7].keys, "\n");
	ok(terminals_wait_enter(250, &where), "Enter on the screen");
	is_int(terminals_open_controlling(where), FD_BASE + 9, "opens what is in front there");
	is_int(terminals_open_controlling(0), FD_BASE + 2, "without Enter it is /dev/console");
	is_int(terminals_open_controlling(makedev(4, 70)), FD_BASE + 2,
	       "and where that console is gone");

	strcpy(devices[0].keys, "\n");
	strcpy(devices[7].keys, "\n");
	terminals_forget_keys();
	ok(!terminals_wait_enter(250, &where), "keys that were pressed before do not count");
	strcpy(devices[0].keys, "\n");
	ok(terminals_wait_enter(250, &where), "those that come then do");
}

int main(void)
{
	check_stuck();
	check_deadline();
	check_kept();
	check_drain();
	check_close();
	check_open_again();
	check_keys();
	return done_testing();
}
