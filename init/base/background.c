#include "base/background.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "base/console.h"

#define KILL_MS 500

static const char *whose;

static void print_message(const struct message *m)
{
	if (m->lost > 0)
		console_log(LOG_WARNING, "%u messages of %s were lost", m->lost, whose);
	if (m->kind == MESSAGE_LINE)
		console_log((enum log_level)m->level, "%s", m->line);
}

static void read_messages(void *arg)
{
	struct background *g = arg;
	struct message m;
	int r;

	whose = g->what;
	while ((r = message_receive(g->child.fd, print_message, &m)) == 0)
		if (g->take)
			g->take(g->arg, &m);
	if (r == -EPIPE) {
		close(g->child.fd);
		g->child.fd = -1;
	}
}

int background_start(struct background *g, void (*run)(void *arg, int parent), void *run_arg)
{
	int ends[2], r = message_open(ends);
	pid_t pid;

	if (r < 0)
		return r;
	pid = fork();
	if (pid == 0) {
		close(ends[0]);
		child_restore_signals();
		console_send_to(ends[1]);
		run(run_arg, ends[1]);
		message_send_lost(ends[1]);
		_exit(0);
	}
	r = pid < 0 ? -errno : 0;
	close(ends[1]);
	if (r < 0) {
		close(ends[0]);
		return r;
	}
	g->child = (struct child){ .pid = pid, .fd = ends[0], .read = read_messages, .arg = g };
	child_watch(&g->child);
	return 0;
}

bool background_is_running(const struct background *g)
{
	return g->child.pid != 0 && !background_has_ended(g);
}

bool background_has_ended(const struct background *g)
{
	return g->child.pid != 0 && g->child.has_ended && g->child.fd < 0;
}

static bool has_ended(void *arg)
{
	return background_has_ended(arg);
}

bool background_wait(struct background *g, int milliseconds)
{
	return child_wait_until(has_ended, g, milliseconds);
}

bool background_end(struct background *g, int milliseconds, int *ret_status)
{
	bool killed = false;

	if (!background_has_ended(g)) {
		if (g->child.fd >= 0 && !message_shut_down(g->child.fd))
			(void)kill(g->child.pid, SIGTERM);
		killed = !background_wait(g, milliseconds);
	}
	if (killed) {
		if (!g->child.has_ended)
			(void)kill(g->child.pid, SIGKILL);
		(void)background_wait(g, KILL_MS);
	}
	if (ret_status)
		*ret_status = g->child.status;
	child_forget(&g->child);
	cleanup_close(&g->child.fd);
	g->child = (struct child){ .fd = -1 };
	return killed;
}
