/* PID 1's side of the network. */
#include "net/net.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/background.h"
#include "base/console.h"
#include "fetch/url.h"
#include "net/handover.h"
#include "net/network.h"
#include "net/why_not.h"

#define END_MS 500
#define RESET_MS 3000

/* ---- start ---- */

/* As the network process got it. */
static struct network_task task;

/* With a proxy it is the proxy that must be reached. */
static int read_task(struct boot *b)
{
	int r = net_options_read(&b->params, &task.options, &b->fail);

	if (r < 0)
		return r;
	if (!*b->params.proxy)
		return url_list_parse(b->params.rootfs, task.servers, &task.n_servers, &b->fail);
	task.n_servers = 1;
	return url_parse(b->params.proxy, task.servers, &b->fail);
}

static void run(void *arg, int parent)
{
	network_run(arg, parent);
}

static void take_message(void *arg, const struct message *m)
{
	struct boot *b = arg;

	if (m->kind == MESSAGE_NETWORK_SEEN)
		b->network_seen = m->network;
}

int network_start(struct boot *b)
{
	int r;

	b->has_nothing_to_do = !url_is_one(b->params.rootfs) || background_is_running(&b->network);
	if (b->has_nothing_to_do)
		return 0;
	if (background_has_ended(&b->network))
		(void)background_end(&b->network, 0, NULL);
	memset(&b->network_seen, 0, sizeof(b->network_seen));
	if ((r = read_task(b)) < 0)
		return r;
	b->network = (struct background){ .what = "the process that configures the network",
					  .take = take_message,
					  .arg = b };
	r = background_start(&b->network, run, &task);
	return r < 0 ? fail_errno(&b->fail, -r, "the network", "cannot start its process") : 0;
}

/* ---- wait ---- */

static bool is_decided(void *arg)
{
	struct boot *b = arg;

	return b->network_seen.reason == NETWORK_REACHED || background_has_ended(&b->network);
}

int network_wait(struct boot *b)
{
	uint64_t start = now_usec(), seconds = (uint64_t)b->params.netwait;

	if (!url_is_one(b->params.rootfs))
		return 0;
	while (!child_wait_until(is_decided, b, 1000))
		if (seconds > 0 && now_usec() >= start + seconds * 1000000)
			break;
	if (b->network_seen.reason == NETWORK_REACHED)
		return 0;
	return network_why_not(b, (now_usec() - start) / 1000000);
}

const uint8_t *network_mac(const struct boot *b)
{
	if (task.options.has_bootif)
		return task.options.bootif;
	return b->network_seen.reached ? b->network_seen.mac : NULL;
}

/* ---- stop ---- */

static bool has_reset_ended(void *arg)
{
	return ((const struct child *)arg)->has_ended;
}

/* In another child, because a driver may hang while its link goes down. */
static void reset_in_child(const struct boot *b)
{
	struct child c = { .fd = -1 };

	c.pid = fork();
	if (c.pid == 0) {
		child_restore_signals();
		_exit(net_handover_reset(&b->network_seen, b->params.keep_network) < 0);
	}
	child_watch(&c);
	if (c.pid < 0 || !child_wait_until(has_reset_ended, &c, RESET_MS))
		console_log(LOG_WARNING, "the network could not be set down within %d s",
			    RESET_MS / 1000);
	else if (c.status != 0)
		console_log(LOG_WARNING,
			    "the network is not as it was: a link could not be set down");
	if (c.pid > 0 && !c.has_ended)
		(void)kill(c.pid, SIGKILL);
	child_forget(&c);
}

int network_stop(struct boot *b)
{
	b->has_nothing_to_do = !b->network.child.pid;
	if (b->has_nothing_to_do)
		return 0;
	/* Its children, DHCP clients and a probe, die with it. Addresses are not given back to DHCP: the new system asks for
	 * the same one. */
	(void)background_end(&b->network, END_MS, NULL);
	reset_in_child(b);
	return 0;
}
