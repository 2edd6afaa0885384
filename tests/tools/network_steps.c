/*
 * network_steps COMMAND-LINE: the boot steps around the network, with a kernel command line that is given. Prints what the
 * console would show, then one line "reached FIELD=VALUE ..." or "failed WHAT: WHY TODO"; waits for a line on standard input (for a
 * look at addresses and routes), undoes it all, and prints "stopped". If the line is "fail", a later step fails then, which a log
 * server is to hear of.
 *
 * It is also the program that udhcpc starts, as /init is.
 */
#include <stdio.h>
#include <string.h>

#include "base/child.h"
#include "base/console.h"
#include "net/config.h"
#include "net/lease.h"
#include "net/network.h"
#include "net/network_log.h"

static void print_seen(const struct boot *b)
{
	const struct network_seen *s = &b->network_seen;
	const uint8_t *mac = network_mac(b);
	char text[18] = "";

	printf("reached nic=%s address=%s from=%s gateway=%s dns=%s about=%s mac=%s times=%s\n",
	       s->nic, s->address, s->from, s->gateway, s->dns, s->about,
	       mac ? net_mac_format(mac, text) : "",
	       s->link && s->link <= s->reached ? "good" : "wrong");
}

static bool is_logging(void *arg)
{
	return background_is_running(&((struct boot *)arg)->log_sender);
}

static void fail_afterwards(struct boot *b)
{
	network_log_failure(b, true);
	console_log(LOG_FAILURE, "switch root failed: /newroot: no reason");
	(void)child_wait_until(is_logging, b, 10000);
	network_log_end(b);
	(void)network_stop(b);
	printf("told\n");
}

int main(int argc, char **argv)
{
	static struct boot b = { .new_root_fd = -1, .old_root_fd = -1 };
	char line[8] = "";

	if (lease_is_event(argc, argv))
		return lease_print(argv);
	if (argc != 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	console_set_verbosity(false, true); /* the lines go to standard error */
	(void)child_init();
	if (params_parse(argv[1], &b.params, &b.fail) < 0 || network_start(&b) < 0 ||
	    network_wait(&b) < 0)
		printf("failed %s: %s [%s]\n", b.fail.what, b.fail.why, b.fail.todo);
	else
		print_seen(&b);
	(void)!fgets(line, sizeof(line), stdin);
	(void)network_stop(&b);
	printf("stopped\n");
	if (strcmp(line, "fail\n") == 0)
		fail_afterwards(&b);
	return 0;
}
