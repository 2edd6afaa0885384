/* Lines, failures and the report for a log server. */
#include "net/network_log.h"

#include <stdio.h>
#include <string.h>

#include "base/background.h"
#include "base/console.h"
#include "base/read_all.h"
#include "base/remote_log.h"
#include "base/report.h"
#include "net/config.h"
#include "net/log_sender.h"
#include "parameters/log_server.h"

#define LAST_LINES_MS 200 /* that the log may keep a boot waiting for */
#define REPORT_PART 900

const char *network_log_server(const struct boot *b)
{
	return b->params.has_log ? b->params.log : b->network_seen.log;
}

/* Later DHCP may name another server: it counts at the next boot. */
void network_log_start(struct boot *b, const uint8_t mac[6], const char *name)
{
	static struct log_task log;

	if (remote_log_reader() < 0 || !b->network_seen.configured ||
	    background_is_running(&b->log_sender))
		return;
	if (background_has_ended(&b->log_sender))
		(void)background_end(&b->log_sender, 0, NULL);
	if (!log_server_parse(network_log_server(b), &log.server)) {
		remote_log_close();
		return;
	}
	(void)net_mac_format(mac, log.mac);
	snprintf(log.name, sizeof(log.name), "%s", *name ? name : "-");
	b->log_sender = (struct background){ .what = "the process that sends the log" };
	(void)background_start(&b->log_sender, log_sender_run, &log);
}

void network_log_report(const struct boot *b)
{
	char line[REPORT_PART + 48];
	_cleanup_free_ char *text = NULL;
	size_t size;

	if (!background_is_running(&b->log_sender) || !b->record.fetched.first_byte ||
	    read_file(RUN_DIR "/report.json", &text, &size) < 0)
		return;
	for (char *c = text; (c = strchr(c, '\n'));) /* in one line it is the same JSON */
		*c = ' ';
	for (size_t at = 0; at < size; at += REPORT_PART) {
		snprintf(line, sizeof(line), "%zu/%zu %.*s", at, size, REPORT_PART, text + at);
		remote_log_put(LOG_DEBUG, REMOTE_REPORT, line);
	}
}

void network_log_end(struct boot *b)
{
	remote_log_close();
	if (b->log_sender.child.pid)
		(void)background_end(&b->log_sender, LAST_LINES_MS, NULL);
}

void network_log_hand_over(struct boot *b)
{
	char line[sizeof(b->new_init) + 16];

	if (background_is_running(&b->log_sender)) {
		snprintf(line, sizeof(line), "hand over: %s", b->new_init);
		remote_log_put(LOG_NOTICE, REMOTE_LINE, line);
		report_write(b);
		network_log_report(b);
	}
	network_log_end(b);
}
