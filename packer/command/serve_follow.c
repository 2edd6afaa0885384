/* Lines of the servers, datagrams of the machines, and once a second what has become of them. */
#include "command/serve_follow.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/print.h"
#include "base/processes.h"
#include "command/serve_output.h"
#include "site/served_blocks.h"
#include "site/site_file.h"
#include "site/site_scripts.h"
#include "site/site_settings.h"
#include "status/machine_places.h"
#include "status/machines.h"
#include "status/report_parts.h"
#include "status/status_files.h"

#define TICK_USEC 1000000
#define LAST_WORDS_USEC 1000000 /* before its end, in which a server may say why */
#define NEIGHBOURS_MAX 20       /* times a second that they are read */
#define DRAW_USEC 200000        /* of each, for pictures */
#define BLOCKS_AT_ONCE 16       /* of a server's lines, then it is somebody else's turn */
#define DATAGRAMS_AT_ONCE 64    /* likewise */
#define RECEIVE_BUFFER (8 << 20)

struct follow {
	const char *directory;
	struct site site; /* as it was read last: `tarboot netboot` may change it */
	struct stat read; /* its netboot.conf */
	struct serve_log log;
	struct machines machines;
	struct status_files files;
	struct report_parts reports;
	struct serve_output output;
	struct serve_watch *watch;
	struct server *servers; /* dnsmasq, nginx */
	bool has_page;
	int syslog; /* -1: none */
	char url[SITE_TEXT_MAX], http[PATH_MAX];
	unsigned neighbours_read; /* times, since the last tick */
	uint64_t tick_at;         /* microseconds, as now_usec() */
	uint64_t look_at; /* likewise: once dnsmasq has started, which a signal would end before */
};

static uint64_t now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static void show_failure(struct follow *w, const struct machine *k)
{
	char text[SERVE_LINE_MAX];

	snprintf(text, sizeof(text), "%-17s %-15s FAILED %s", k->mac, k->address, k->failure);
	serve_output_line(&w->output, text);
}

/* ---- who has an address ---- */

/* Another DHCP server may have given it, a moment ago. Not for each of ten thousand lines a second. */
static void learn_neighbours(struct follow *w)
{
	char line[256];
	FILE *in;

	if (w->neighbours_read++ >= NEIGHBOURS_MAX)
		return;
	in = fopen("/proc/net/arp", "re");
	while (in && fgets(line, sizeof(line), in))
		serve_log_neighbour(&w->log, line);
	if (in)
		fclose(in);
}

/* Not only by what machines say themselves. What ARP said is asked again, for another DHCP server may have given the address to another
 * machine since then; once a second is enough for that. */
static const char *find_known_mac(struct follow *w, const char *address)
{
	const char *mac = serve_log_mac(&w->log, address, SERVE_BY_ARP);
	bool is_given = *serve_log_mac(&w->log, address, SERVE_BY_DHCP);

	if (is_given || !*address || (*mac && w->neighbours_read > 0))
		return mac;
	learn_neighbours(w);
	return serve_log_mac(&w->log, address, SERVE_BY_ARP);
}

static const char *find_mac(struct follow *w, const char *address)
{
	const char *mac = find_known_mac(w, address);

	return *mac ? mac : serve_log_mac(&w->log, address, SERVE_BY_ITSELF);
}

/* ---- the servers' lines ---- */

/* It may say why the server ends. */
static void note_last(struct server *v)
{
	strcpy(v->last, v->line);
	v->last_at = now_usec();
}

/* What cannot be read, a later run of `tarboot netboot` will have written again. */
static void read_site(struct follow *w)
{
	char path[PATH_MAX];
	struct site site;
	struct stat now;
	struct fail unused;

	if (stat(site_path(&w->site, path, "netboot.conf"), &now) < 0 ||
	    (now.st_ino == w->read.st_ino && now.st_mtim.tv_sec == w->read.st_mtim.tv_sec &&
	     now.st_mtim.tv_nsec == w->read.st_mtim.tv_nsec))
		return;
	w->read = now;
	site_init(&site, w->directory);
	if (site_load(&site, false, &unused) < 0) {
		site_free(&site);
		return;
	}
	site_free(&w->site);
	w->site = site;
}

static bool should_have(struct follow *w, const char *path)
{
	if (strncmp(path, "/mac-", 5) != 0)
		return false;
	read_site(w);
	return site_scripts_has(&w->site, path);
}

static void take_line(struct follow *w, struct server *v)
{
	char what[SERVE_WHAT_MAX], shown[SERVE_LINE_MAX];
	const char *line = v->line;
	struct serve_event e;

	if (serve_event_parse(line, v->mark, &e) != SERVE_NOTHING)
		(void)find_known_mac(w, e.address);
	e.is_of_site = e.kind == SERVE_HTTP && e.status == 404 && should_have(w, e.path);
	if (serve_log_event(&w->log, &e, line, what, shown))
		serve_output_line(&w->output, shown);
	else if (e.kind == SERVE_NOTHING)
		note_last(v);
	(void)machines_note_event(&w->machines, &e, find_mac(w, e.address), what, now_ms());
}

static void take_block(struct follow *w, struct server *v, const char *block, size_t size)
{
	for (size_t i = 0; i < size; i++) {
		if (block[i] != '\n' && v->n < sizeof(v->line) - 1) {
			v->line[v->n++] = block[i];
		} else if (block[i] == '\n') {
			v->line[v->n] = '\0';
			take_line(w, v);
			v->n = 0;
		}
	}
}

/* False: the server has ended. */
static bool read_lines(struct follow *w, struct server *v)
{
	char block[4096];
	ssize_t n = 1;

	for (int i = 0; i < BLOCKS_AT_ONCE && n > 0; i++) {
		n = read(v->fd, block, sizeof(block));
		if (n > 0)
			take_block(w, v, block, (size_t)n);
	}
	return n > 0 || (n < 0 && (errno == EINTR || errno == EAGAIN));
}

/* ---- the machines' messages ---- */

/* Somebody else may listen, which is no failure. A table would scroll the warning away: its title has it, too. */
static void warn_of_syslog(struct follow *w, int error, const struct sockaddr *at)
{
	char text[128], why[PROCESS_NAME_MAX + 16];

	if (error == EADDRINUSE)
		strcat(strcpy(why, process_of_port(SOCK_DGRAM, at, text)), " uses it");
	else
		snprintf(why, sizeof(why), "%s", strerror(error));
	print_warning("cannot listen for syslog on UDP port %d: %s; what happens in machines "
		      "after their kernel has started is not shown",
		      SYSLOG_PORT, why);
	snprintf(text, sizeof(text), "; no syslog (UDP port %d): %s", SYSLOG_PORT, why);
	serve_output_add_title(&w->output, text);
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
	warn_of_syslog(w, errno, (struct sockaddr *)&in);
	cleanup_close(&w->syslog);
	w->syslog = -1;
}

static void take_message(struct follow *w, const char *data, size_t size, const char *address)
{
	struct syslog_line line;
	struct machine *k;
	bool failed;

	if (!syslog_line_parse(data, size, &line))
		return;
	k = machines_note_syslog(&w->machines, &line, address, find_known_mac(w, address), now_ms(),
				 &failed);
	if (!k)
		return;
	if (failed)
		show_failure(w, k);
	if (w->has_page && strcmp(line.kind, MACHINE_REPORT_KIND) == 0)
		report_parts_add(&w->reports, k->mac, line.text, now_ms());
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

/* Messages wait meanwhile: so it has a limit, and what is left is drawn the next time. */
static void draw_timelines(struct follow *w)
{
	uint64_t end = now_usec() + DRAW_USEC;
	char mac[MAC_TEXT_MAX];
	const char *report;
	struct machine *k;

	while (now_usec() < end && (report = report_parts_take(&w->reports, mac))) {
		k = machine_places_find(&w->machines, mac);
		if (k && status_files_draw(&w->files, k, report))
			k->timelines++;
	}
}

/* What `tarboot netboot` has changed. */
static void look_at_files(struct follow *w)
{
	char text[SERVE_LINE_MAX];
	enum serve_file which;
	const char *name;

	while ((name = serve_watch_next(w->watch, &which))) {
		if (which == SERVE_FILE_HOSTS)
			server_read_hosts(&w->servers[0]);
		snprintf(text, sizeof(text), "config/%s has changed: %s", name,
			 which == SERVE_FILE_HOSTS
				 ? "dnsmasq reads names and addresses of machines again"
				 : "stop tarboot serve and start it again; until "
				   "then machines may not boot");
		serve_output_line(&w->output, text);
	}
}

static void tick(struct follow *w)
{
	if (now_usec() < w->tick_at)
		return;
	w->tick_at = now_usec() + TICK_USEC;
	w->neighbours_read = 0;
	if (now_usec() >= w->look_at)
		look_at_files(w);
	if (w->has_page) {
		draw_timelines(w);
		status_files_write(&w->files, w->url, now_ms());
	}
	serve_output_draw(&w->output, &w->machines, now_ms());
}

/* What it said a moment before may be the reason; what it said long ago is not. */
static int fail_end(struct server *v, struct fail *f)
{
	bool is_quoted = *v->last && now_usec() < v->last_at + LAST_WORDS_USEC;
	char how[SERVER_END_MAX];

	return fail_set(f, ECHILD, v->package,
			"See its last messages above, and start tarboot serve again.",
			"the server from this package has ended (%s)%s%.200s",
			server_describe_end(v, how), is_quoted ? "; it also said: " : "",
			is_quoted ? v->last : "");
}

/* dnsmasq's lines come before nginx's, as what they are about. */
static int follow_servers(struct follow *w, const struct pollfd p[2], struct fail *f)
{
	for (int i = 0; i < 2; i++) {
		struct server *v = &w->servers[i];
		bool has_ended = server_has_ended(v);

		if ((p[i].revents || has_ended) && !read_lines(w, v))
			has_ended = true;
		if (has_ended)
			return fail_end(v, f);
	}
	return 0;
}

static int follow_loop(struct follow *w, const volatile sig_atomic_t *stopped, struct fail *f)
{
	struct pollfd p[4] = { { .fd = w->servers[0].fd, .events = POLLIN },
			       { .fd = w->servers[1].fd, .events = POLLIN },
			       { .fd = w->syslog, .events = POLLIN },
			       { .fd = w->output.fd } };
	int r = 0;

	for (; r == 0 && !*stopped; tick(w)) {
		p[3].events = serve_output_flush(&w->output) ? 0 : POLLOUT;
		if (poll(p, 4, 500) < 0)
			continue;
		if (p[3].revents & POLLERR) /* whoever read what it says is gone */
			break;
		r = follow_servers(w, p, f);
		if (p[2].revents)
			read_messages(w);
	}
	return r;
}

int serve_follow(const struct site *s, struct server servers[2], const struct follow_options *o,
		 struct fail *f)
{
	static struct follow w;
	int r = 0;

	w.directory = s->directory;
	site_init(&w.site, s->directory);
	snprintf(w.http, sizeof(w.http), "%s/http", s->directory);
	w.log.blocks = served_blocks;
	w.log.blocks_arg = w.http;
	w.servers = servers;
	w.watch = o->watch;
	w.look_at = now_usec() + TICK_USEC;
	site_url(s, w.url);
	w.has_page = o->status_directory;
	serve_output_open(&w.output, STDOUT_FILENO, o->title);
	open_syslog(&w, s);
	if (w.has_page)
		r = status_files_open(&w.files, o->status_directory, &w.machines, f);
	if (r == 0)
		r = follow_loop(&w, o->stopped, f);
	serve_output_close(&w.output, &w.machines, now_ms());
	cleanup_close(&w.syslog);
	site_free(&w.site);
	return r;
}
