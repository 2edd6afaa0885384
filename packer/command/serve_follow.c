/* Lines of the servers, datagrams of the machines, and once a second what has become of them. */
#include "command/serve_follow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/escape.h"
#include "base/print.h"
#include "site/served_blocks.h"
#include "status/report_parts.h"
#include "status/status_files.h"
#include "status/status_table.h"

#define TICK_USEC 1000000
#define LINES_SHOWN 6        /* below the table */
#define DATAGRAMS_AT_ONCE 64 /* then the servers have their turn */
#define RECEIVE_BUFFER (8 << 20)

struct follow {
	struct serve_log log;
	struct machines machines;
	struct status_files files;
	struct report_parts reports;
	bool has_page, is_table;
	char title[SERVE_LINE_MAX]; /* of the table */
	int syslog;                 /* -1: none */
	char url[SITE_TEXT_MAX], http[PATH_MAX];
	char last[LINES_SHOWN][SERVE_LINE_MAX]; /* a ring */
	size_t n_last;
	uint64_t neighbours_at, tick_at; /* microseconds, as now_usec() */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* ---- shown ---- */

/* A line with names in it that came from the network. */
static void show_line(struct follow *w, const char *text)
{
	char clock[16], line[SERVE_LINE_MAX + 32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	snprintf(line, sizeof(line), "%s  %s", clock, text);
	if (w->is_table) {
		escape_text(line, w->last[w->n_last++ % LINES_SHOWN], SERVE_LINE_MAX);
	} else {
		print_line(stdout, "%s", line);
		fflush(stdout);
	}
}

static void show_failure(struct follow *w, const struct machine *k)
{
	char text[SERVE_LINE_MAX];

	snprintf(text, sizeof(text), "%-17s %-15s FAILED %s", k->mac, k->address, k->failure);
	show_line(w, text);
}

static struct winsize terminal_size(void)
{
	struct winsize size = { 0 };

	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
		size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	return size;
}

static void draw_table(struct follow *w)
{
	size_t n = w->n_last < LINES_SHOWN ? w->n_last : LINES_SHOWN;
	struct winsize size = terminal_size();
	const char *lines[LINES_SHOWN];
	struct status_screen screen = { size.ws_col, size.ws_row, w->title, lines, n };

	for (size_t i = 0; i < n; i++)
		lines[i] = w->last[(w->n_last - n + i) % LINES_SHOWN];
	status_table_draw(&w->machines, &screen, now_ms(), stdout);
}

/* What is on the screen scrolls away, and is not lost. */
static void begin_table(void)
{
	for (unsigned i = terminal_size().ws_row; i > 0; i--)
		putchar('\n');
}

static bool can_draw(void)
{
	const char *term = getenv("TERM");

	return isatty(STDOUT_FILENO) && term && strcmp(term, "dumb") != 0;
}

/* ---- the servers' lines ---- */

/* The addresses that another DHCP server has given. Not for each of ten thousand lines a second. */
static bool learn_neighbours(struct follow *w)
{
	char line[256], address[64], mac[64];
	FILE *in;

	if (now_usec() < w->neighbours_at)
		return false;
	w->neighbours_at = now_usec() + TICK_USEC;
	in = fopen("/proc/net/arp", "re");
	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "%63s %*s %*s %63s", address, mac) == 2)
			serve_log_learn(&w->log, address, mac);
	if (in)
		fclose(in);
	return true;
}

static const char *find_mac(struct follow *w, const char *address)
{
	const char *mac = serve_log_mac(&w->log, address);

	return *mac || !*address || !learn_neighbours(w) ? mac : serve_log_mac(&w->log, address);
}

static void take_line(void *arg, const char *line)
{
	char what[SERVE_WHAT_MAX], shown[SERVE_LINE_MAX];
	struct follow *w = arg;
	struct serve_event e;

	if (serve_event_parse(line, &e) != SERVE_NOTHING)
		(void)find_mac(w, e.address);
	if (serve_log_event(&w->log, &e, line, what, shown))
		show_line(w, shown);
	(void)machines_note_event(&w->machines, &e, serve_log_mac(&w->log, e.address), what,
				  now_ms());
}

/* False: the server has ended. */
static bool read_lines(struct server *v, struct follow *w)
{
	char block[4096];
	ssize_t n = read(v->fd, block, sizeof(block));

	for (ssize_t i = 0; i < n; i++) {
		if (block[i] != '\n' && v->n < sizeof(v->line) - 1) {
			v->line[v->n++] = block[i];
		} else if (block[i] == '\n') {
			v->line[v->n] = '\0';
			take_line(w, v->line);
			v->n = 0;
		}
	}
	return n > 0 || (n < 0 && errno == EINTR);
}

/* ---- the machines' messages ---- */

/* Somebody else may listen, which is no failure. A table would scroll the warning away: its title has it, too. */
static void warn_of_syslog(struct follow *w, int error)
{
	size_t used = strlen(w->title);

	print_warning("cannot listen for syslog on UDP port %d: %s; what happens in machines "
		      "after their kernel has started is not shown",
		      SYSLOG_PORT, strerror(error));
	snprintf(w->title + used, sizeof(w->title) - used, "; no syslog (UDP port %d): %s",
		 SYSLOG_PORT, strerror(error));
}

static void open_syslog(struct follow *w, const struct site *s)
{
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons(SYSLOG_PORT),
				  .sin_addr = { htonl(s->server) } };
	int size = RECEIVE_BUFFER;

	w->syslog = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (w->syslog >= 0 && bind(w->syslog, (struct sockaddr *)&in, sizeof(in)) == 0) {
		(void)setsockopt(w->syslog, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size));
		return;
	}
	warn_of_syslog(w, errno);
	cleanup_close(&w->syslog);
	w->syslog = -1;
}

static void take_message(struct follow *w, const char *data, size_t size, const char *address)
{
	struct syslog_line line;
	struct machine *k;
	const char *report;
	bool failed;

	if (!syslog_line_parse(data, size, &line))
		return;
	k = machines_note_syslog(&w->machines, &line, address, find_mac(w, address), now_ms(),
				 &failed);
	if (!k)
		return;
	if (failed)
		show_failure(w, k);
	if (!w->has_page || strcmp(line.kind, MACHINE_REPORT_KIND) != 0)
		return;
	report = report_parts_add(&w->reports, k->mac, line.text, now_ms());
	if (report)
		k->has_timeline = status_files_draw(&w->files, k, report);
}

static void read_messages(struct follow *w)
{
	char data[SYSLOG_MESSAGE_MAX], address[IPV4_TEXT_MAX];
	struct sockaddr_in from;
	socklen_t size;
	ssize_t n;

	for (int i = 0; i < DATAGRAMS_AT_ONCE; i++) {
		size = sizeof(from);
		n = recvfrom(w->syslog, data, sizeof(data), 0, (struct sockaddr *)&from, &size);
		if (n < 0)
			return;
		take_message(w, data, (size_t)n, ipv4_format(address, ntohl(from.sin_addr.s_addr)));
	}
}

/* ---- all of it ---- */

static void tick(struct follow *w)
{
	if (now_usec() < w->tick_at)
		return;
	w->tick_at = now_usec() + TICK_USEC;
	if (w->has_page)
		status_files_write(&w->files, w->url, now_ms());
	if (w->is_table)
		draw_table(w);
}

static int follow_loop(struct follow *w, struct server servers[2],
		       const volatile sig_atomic_t *stopped, struct fail *f)
{
	struct pollfd p[3] = { { .fd = servers[0].fd, .events = POLLIN },
			       { .fd = servers[1].fd, .events = POLLIN },
			       { .fd = w->syslog, .events = POLLIN } };

	for (; !*stopped; tick(w)) {
		if (poll(p, 3, 500) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (p[i].revents && !read_lines(&servers[i], w))
				return fail_set(f, ECHILD, servers[i].package,
						"See its last messages above.",
						"the server from this package has ended");
		if (p[2].revents)
			read_messages(w);
	}
	return 0;
}

int serve_follow(const struct site *s, struct server servers[2], const struct follow_options *o,
		 struct fail *f)
{
	static struct follow w;
	int r = 0;

	snprintf(w.http, sizeof(w.http), "%s/http", s->directory);
	w.log.blocks = served_blocks;
	w.log.blocks_arg = w.http;
	site_url(s, w.url);
	w.has_page = o->status_directory;
	w.is_table = can_draw();
	snprintf(w.title, sizeof(w.title), "%s", o->title);
	open_syslog(&w, s);
	if (w.has_page)
		r = status_files_open(&w.files, o->status_directory, &w.machines, f);
	if (r == 0 && w.is_table)
		begin_table();
	if (r == 0)
		r = follow_loop(&w, servers, o->stopped, f);
	if (w.is_table)
		draw_table(&w); /* with the last messages */
	if (w.has_page)
		status_files_remove(&w.files);
	cleanup_close(&w.syslog);
	return r;
}
