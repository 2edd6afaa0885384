/* What `tarboot serve` hears: each line of the input is one of a server's log, or, behind a "<", a datagram of syslog. Whatever it is, the model of the machines has only text that steers no terminal. */
#include "status/machines.h"

#include "base/escape.h"
#include "site/serve_log.h"
#include "status/report_parts.h"
#include "status/status_table.h"
#include "status/syslog_line.h"

#include "fuzz.h"

static void promise_text(const char *text, size_t room)
{
	size_t n;

	promise(memchr(text, '\0', room));
	for (; *text; text += n) {
		n = escape_printable(text, strlen(text));
		promise(n > 0);
	}
}

static void promise_machine(const struct machine *k)
{
	char plain[MAC_TEXT_MAX];

	promise(mac_parse(k->mac, strlen(k->mac), ':', plain) && strcmp(plain, k->mac) == 0);
	promise_text(k->name, sizeof(k->name));
	promise_text(k->image, sizeof(k->image));
	promise_text(k->failure, sizeof(k->failure));
	promise(k->stage <= STAGE_FAILED && k->before < STAGE_FAILED && k->percent <= 100);
	promise(k->stage == STAGE_FAILED || !*k->failure);
	promise(!*k->address == (k->source == SERVE_BY_NOBODY));
	for (size_t i = 0; i < MACHINE_LINES_MAX && i < k->n_lines; i++)
		promise_text(k->lines[i].text, sizeof(k->lines[i].text));
}

static void hear_server(struct machines *m, struct serve_log *log, const char *line, uint64_t now)
{
	char what[SERVE_WHAT_MAX], shown[SERVE_LINE_MAX];
	struct serve_event e;

	(void)serve_event_parse(line, strncmp(line, "tarboot ", 8) == 0 ? "tarboot" : "", &e);
	(void)serve_log_event(log, &e, line, what, shown);
	serve_log_neighbour(log, line);
	(void)machines_note_event(m, &e, serve_log_mac(log, e.address, SERVE_BY_ITSELF), what, now);
}

static void hear_machine(struct machines *m, const struct serve_log *log, const char *data,
			 size_t size, uint64_t now)
{
	static struct report_parts parts;
	char mac[MAC_TEXT_MAX];
	bool failed;
	struct syslog_line s;
	struct machine *k;
	const char *report;

	if (!syslog_line_parse(data, size, &s))
		return;
	promise(s.severity < 8 && strlen(s.text) < sizeof(s.text));
	k = machines_note_syslog(m, &s, "10.7.0.9", serve_log_mac(log, "10.7.0.9", SERVE_BY_ARP),
				 now, &failed);
	if (!k)
		return;
	fuzz_accepted++;
	report_parts_add(&parts, k->mac, s.text, now);
	report = report_parts_take(&parts, mac);
	promise(!report || (strlen(report) <= REPORT_MAX && strcmp(mac, k->mac) == 0));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct machines m;
	static struct serve_log log;
	static FILE *null;
	char line[SERVE_LINE_MAX];
	const char *at = (const char *)data, *end = at + size, *newline;

	null = null ? null : fopen("/dev/null", "w");
	for (uint64_t now = 1000; at < end; at = newline + 1, now += 500) {
		newline = memchr(at, '\n', (size_t)(end - at));
		newline = newline ? newline : end;
		if (*at == '<') {
			hear_machine(&m, &log, at, (size_t)(newline - at), now);
		} else {
			snprintf(line, sizeof(line), "%.*s", (int)(newline - at), at);
			hear_server(&m, &log, line, now);
		}
	}
	for (size_t i = 0; i < m.n; i++)
		promise_machine(&m.machines[i]);
	status_table_draw(&m, &(struct status_screen){ 80, 24, "title", NULL, 0 }, 5000, null);
	m.n = m.n_classes = 0;
	log.n = 0;
	return 0;
}
