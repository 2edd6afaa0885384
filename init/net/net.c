#include "net/net.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/child.h"
#include "base/console.h"
#include "fetch/url.h"
#include "net/handover.h"
#include "net/network.h"
#include "net/why_not.h"

#define RESET_MS 3000

/* ---- messages ---- */

static void print_message(const struct message *m)
{
	if (m->lost > 0)
		console_log(LOG_WARNING,
			    "%u messages of the process that configures the network were lost",
			    m->lost);
	if (m->kind == MESSAGE_LINE)
		console_log((enum log_level)m->level, "%s", m->line);
}

static void read_messages(void *arg)
{
	struct boot *b = arg;
	struct message m;
	int r;

	while ((r = message_receive(b->network.fd, print_message, &m)) == 0)
		if (m.kind == MESSAGE_NETWORK_SEEN)
			b->network_seen = m.network;
	if (r == -EPIPE) {
		close(b->network.fd);
		b->network.fd = -1;
	}
}

/* ---- start ---- */

static bool is_needed(const struct boot *b)
{
	return url_is_one(b->params.rootfs);
}

/* With a proxy it is the proxy that must be reached. */
static int read_task(struct boot *b, struct network_task *ret)
{
	int r = net_options_read(&b->params, &ret->options, &b->fail);

	if (r < 0)
		return r;
	if (!*b->params.proxy)
		return url_list_parse(b->params.rootfs, ret->servers, &ret->n_servers, &b->fail);
	ret->n_servers = 1;
	return url_parse(b->params.proxy, ret->servers, &b->fail);
}

static void run(const struct network_task *task, int parent)
{
	child_restore_signals();
	console_send_to(parent);
	network_run(task, parent);
}

/* A process that has ended, and what it left. */
static void forget(struct boot *b)
{
	struct child *c = &b->network;

	child_forget(c);
	if (c->pid && c->fd >= 0)
		close(c->fd);
	*c = (struct child){ .fd = -1 };
}

int network_start(struct boot *b)
{
	static struct network_task task;
	int ends[2], r;
	pid_t pid;

	b->has_nothing_to_do = !is_needed(b) || (b->network.pid && !b->network.has_ended);
	if (b->has_nothing_to_do)
		return 0;
	forget(b);
	memset(&b->network_seen, 0, sizeof(b->network_seen));
	if ((r = read_task(b, &task)) < 0)
		return r;
	if ((r = message_open(ends)) < 0)
		return fail_errno(&b->fail, -r, "the network", "cannot start its process");
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		run(&task, ends[1]);
		_exit(0);
	}
	close(ends[1]);
	if (pid < 0) {
		close(ends[0]);
		return fail_errno(&b->fail, EAGAIN, "the network", "cannot start its process");
	}
	b->network = (struct child){ .pid = pid, .fd = ends[0], .read = read_messages, .arg = b };
	child_watch(&b->network);
	return 0;
}

/* ---- wait ---- */

static bool has_ended(void *arg)
{
	const struct child *c = arg;

	return c->has_ended && c->fd < 0; /* and all its messages have been read */
}

static bool is_decided(void *arg)
{
	struct boot *b = arg;

	return b->network_seen.reason == NETWORK_REACHED || has_ended(&b->network);
}

int network_wait(struct boot *b)
{
	uint64_t start = now_usec(), seconds = (uint64_t)b->params.netwait;

	if (!is_needed(b))
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
	static struct net_options o;
	struct fail unused;

	if (net_options_read(&b->params, &o, &unused) == 0 && o.has_bootif)
		return o.bootif;
	return b->network_seen.reached ? b->network_seen.mac : NULL;
}

/* ---- stop ---- */

/* Its children, DHCP clients and a probe, die with it. Addresses are not given back to DHCP: the new system asks for the same
 * one. */
static void kill_process(struct boot *b)
{
	struct child *c = &b->network;

	if (!c->has_ended)
		(void)kill(c->pid, SIGKILL);
	(void)child_wait_until(has_ended, c, RESET_MS);
	forget(b);
}

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
	b->has_nothing_to_do = !b->network.pid;
	if (b->has_nothing_to_do)
		return 0;
	kill_process(b);
	reset_in_child(b);
	return 0;
}
