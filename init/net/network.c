/* PID 1's side of the network. */
#include "net/network.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "base/background.h"
#include "base/console.h"
#include "base/remote_log.h"
#include "fetch/url.h"
#include "net/network_log.h"
#include "net/network_process.h"
#include "net/network_reset.h"
#include "net/network_why_not.h"
#include "parameters/layer_param.h"

#define END_MS 500
#define RESET_MS 3000
#define SILENT_SECONDS 10  /* that a person is left without a word */
#define MODULES_SECONDS 60 /* the same, while drivers are still loaded */

/* As the network process got it. */
static struct network_task task;

/* ---- start ---- */

/* The first layer that is fetched; false: there is none. */
static bool find_layer(const struct boot *b, struct layer_param *ret)
{
	const char *list = b->params.layers;

	while (layer_params_next(&list, ret))
		if (url_is_one(ret->from))
			return true;
	return false;
}

bool network_is_needed(const struct boot *b)
{
	struct layer_param layer;

	return url_is_one(b->params.rootfs) || find_layer(b, &layer);
}

/* Of the root, or else of a layer; none for the log alone. With a proxy it is the proxy that must be reached. */
static int read_servers(struct boot *b)
{
	struct layer_param layer;

	task.n_servers = 0;
	if (!network_is_needed(b))
		return 0;
	if (*b->params.proxy) {
		task.n_servers = 1;
		return url_parse(b->params.proxy, task.servers, &b->fail);
	}
	if (url_is_one(b->params.rootfs))
		return url_list_parse(b->params.rootfs, task.servers, &task.n_servers, &b->fail);
	return find_layer(b, &layer)
		       ? layer_param_servers(&layer, task.servers, &task.n_servers, &b->fail)
		       : 0;
}

static void run(void *arg, int parent)
{
	network_run(arg, parent);
}

static void start_log(struct boot *b)
{
	network_log_start(b, task.options.has_bootif ? task.options.bootif : b->network_seen.mac,
			  network_hostname(b));
}

static void take_message(void *arg, const struct message *m)
{
	struct boot *b = arg;

	if (m->kind != MESSAGE_NETWORK_SEEN)
		return;
	b->network_seen = m->network;
	if (b->network_seen.reason == NETWORK_REACHED)
		start_log(b);
}

/* A boot that needs no network does not fail for the log's sake. */
static int give_up(struct boot *b, int r)
{
	if (network_is_needed(b))
		return r;
	console_log(LOG_WARNING, "tarboot.log=: %s: %s", b->fail.what, b->fail.why);
	remote_log_close();
	return 0;
}

int network_start(struct boot *b)
{
	bool is_wanted = network_is_needed(b) || *b->params.log;
	int r;

	b->has_nothing_to_do = !is_wanted || background_is_running(&b->network);
	if (!is_wanted)
		remote_log_close();
	if (b->has_nothing_to_do)
		return 0;
	remote_log_open();
	if (background_has_ended(&b->network))
		(void)background_end(&b->network, 0, NULL);
	memset(&b->network_seen, 0, sizeof(b->network_seen));
	r = net_options_read(&b->params, &task.options, &b->fail);
	if (r == 0)
		r = read_servers(b);
	if (r < 0)
		return give_up(b, r);
	b->network = (struct background){ .what = "the process that configures the network",
					  .take = take_message,
					  .arg = b };
	r = background_start(&b->network, run, &task);
	if (r < 0)
		r = give_up(b, fail_errno(&b->fail, -r, "the network", "cannot start its process"));
	return r;
}

void network_log_failure(struct boot *b, bool is_left)
{
	bool has_server = *network_log_server(b);
	struct fail f = b->fail;

	if (has_server && is_left && !background_is_running(&b->network))
		(void)network_start(b);
	b->fail = f; /* that is what is told */
	start_log(b);
}

/* ---- wait ---- */

static bool is_decided(void *arg)
{
	struct boot *b = arg;

	return b->network_seen.reason == NETWORK_REACHED || background_has_ended(&b->network);
}

/* What stands in the way before any card has a link, long before it is a failure. The network process says what comes behind that.
 * *said: the last reason. */
static void say_why(struct boot *b, uint64_t waited, uint32_t *said)
{
	bool is_loading = background_is_running(&b->devices) && !b->devices_seen.time;
	const struct fail before = b->fail;
	char limit[32] = "";

	if (waited < (is_loading ? MODULES_SECONDS : SILENT_SECONDS) ||
	    b->network_seen.reason == *said)
		return;
	*said = b->network_seen.reason;
	if (*said > NETWORK_NO_CARRIER || background_has_ended(&b->network))
		return;
	(void)network_why_not(b, waited);
	if (b->params.netwait > 0)
		snprintf(limit, sizeof(limit), " up to %ld s", b->params.netwait);
	console_log(LOG_WARNING, "%s: %s; waiting%s. %s", b->fail.what, b->fail.why, limit,
		    b->fail.todo);
	b->fail = before;
}

int network_wait(struct boot *b)
{
	uint64_t start = now_usec(), seconds = (uint64_t)b->params.netwait;
	uint32_t said = NETWORK_REACHED;

	if (!network_is_needed(b))
		return 0;
	while (!child_wait_until(is_decided, b, 1000)) {
		if (seconds > 0 && now_usec() >= start + seconds * 1000000)
			break;
		say_why(b, (now_usec() - start) / 1000000, &said);
	}
	if (b->network_seen.reason == NETWORK_REACHED)
		return 0;
	return network_why_not(b, (now_usec() - start) / 1000000);
}

/* Also where nothing is fetched; what cannot be understood then means nothing. */
static const struct net_options *read_options(const struct boot *b)
{
	struct fail unused;

	if (!b->network.child.pid)
		(void)net_options_read(&b->params, &task.options, &unused);
	return &task.options;
}

const uint8_t *network_mac(const struct boot *b)
{
	const struct net_options *o = read_options(b);

	if (o->has_bootif)
		return o->bootif;
	return b->network_seen.reached ? b->network_seen.mac : NULL;
}

const char *network_hostname(const struct boot *b)
{
	const struct net_options *o = read_options(b);

	for (size_t i = 0; i < o->n_ip && !*b->network_seen.hostname; i++)
		if (*o->ip[i].config.hostname)
			return o->ip[i].config.hostname;
	return b->network_seen.hostname;
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
		_exit(network_reset(&b->network_seen, b->params.keep_network) < 0);
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
	network_log_hand_over(b);
	/* Its children, DHCP clients and a probe, die with it. Addresses are not given back to DHCP: the new system asks for
	 * the same one. */
	(void)background_end(&b->network, END_MS, NULL);
	reset_in_child(b);
	return 0;
}
