/* Starts and stops them. */
#include "command/serve_servers.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/wait.h>

#include "base/piped_child.h"
#include "base/print.h"
#include "base/tool.h"
#include "command/serve_directory.h"
#include "status/status_files.h"
#include "site/site_file.h"

#define STOP_SECONDS 5 /* that a server may take to end */

int servers_find(struct fail *f)
{
	static const struct {
		const char *program, *todo;
	} servers[] = {
		{ "dnsmasq", "Install it (Debian: dnsmasq-base), or add its directory to PATH." },
		{ "nginx", "Install it (Debian: nginx-light), or add its directory to PATH." },
	};

	for (size_t i = 0; i < ARRAY_SIZE(servers); i++)
		if (!tool_is_there(servers[i].program))
			return fail_set(f, ENOENT, servers[i].program, servers[i].todo,
					"`tarboot serve` runs this program, which is not here");
	return 0;
}

/* Those that end `serve`. SIGPIPE: whoever read what it says is gone. */
static const int ending[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

static void ending_signals(sigset_t *ret)
{
	sigemptyset(ret);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaddset(ret, ending[i]);
}

/* Until the child has handlers of its own, a signal must end it, not be taken by ours. */
static void restore_signals(void)
{
	sigset_t set;

	ending_signals(&set);
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		signal(ending[i], SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

/* The child: it is noted before it is one that stays. */
static _Noreturn void become(const struct server *v, const char *directory, const char *const *argv)
{
	int r;

	restore_signals();
	setpgid(0, 0); /* Ctrl-C is for us, who end it in order */
	dup2(STDOUT_FILENO, STDERR_FILENO);
	r = serve_directory_note(directory);
	if (r < 0) {
		dprintf(STDERR_FILENO, "%s: cannot note it in %s: %s\n", argv[0], directory,
			strerror(-r));
		_exit(EXIT_FAILED);
	}
	execvp(argv[0], (char *const *)argv);
	dprintf(STDERR_FILENO, "%s: cannot start it: %s: install %s\n", argv[0], strerror(errno),
		v->package);
	_exit(EXIT_FAILED);
}

static int start(struct server *v, const char *directory, const char *const *argv, struct fail *f)
{
	sigset_t set, old;

	ending_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	v->pid = piped_child(&v->fd);
	if (v->pid == 0)
		become(v, directory, argv);
	sigprocmask(SIG_SETMASK, &old, NULL);
	if (v->pid > 0)
		(void)fcntl(v->fd, F_SETFL,
			    O_NONBLOCK); /* it is read to the end of what is there */
	return v->pid < 0 ? fail_errno(f, v->pid, argv[0], "cannot start it") : 0;
}

int server_start_dnsmasq(const struct site *s, const char *directory, struct server *v,
			 struct fail *f)
{
	char path[PATH_MAX], pid_file[PATH_MAX];
	const char *argv[] = {
		"dnsmasq", "--keep-in-foreground", "--log-facility=-", pid_file, "-C", path, NULL
	};

	snprintf(pid_file, sizeof(pid_file), "--pid-file=%s/dnsmasq.pid", directory);
	site_path(s, path, "config/dnsmasq.conf");
	return start(v, directory, argv, f);
}

static int make_mark(char ret[SERVE_MARK_MAX], struct fail *f)
{
	unsigned char random[(SERVE_MARK_MAX - 1) / 2];

	if (getrandom(random, sizeof(random), 0) != (ssize_t)sizeof(random))
		return fail_errno(f, errno, "getrandom", "cannot configure nginx");
	for (size_t i = 0; i < sizeof(random); i++)
		sprintf(ret + 2 * i, "%02x", random[i]);
	return 0;
}

/* For root alone, as the mark is. */
static FILE *open_configuration(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	return fd < 0 ? NULL : fdopen(fd, "w");
}

static int write_nginx(const struct site *s, const char *directory, const char *status,
		       const char *mark, struct fail *f)
{
	char path[PATH_MAX], site[PATH_MAX], real[PATH_MAX];
	FILE *out;

	snprintf(path, sizeof(path), "%s/nginx.conf", directory);
	out = open_configuration(path);
	if (!out || !realpath(site_path(s, site, "config/nginx-site.conf"), real))
		return fail_errno(f, errno, out ? site : path, "cannot configure nginx");
	fprintf(out,
		"daemon off;\nworker_processes auto;\npid %s/pid;\nerror_log stderr;\n"
		"events { worker_connections 4096; }\nhttp {\n"
		"log_format tarboot '%s" SERVE_HTTP_FORMAT "';\naccess_log /dev/stdout tarboot;\n",
		directory, mark);
	for (const char *const *kind = (const char *const[]){ "client_body", "proxy", "fastcgi",
							      "uwsgi", "scgi", NULL };
	     *kind; kind++)
		fprintf(out, "%s_temp_path %s/temporary;\n", *kind, directory);
	fprintf(out, "include %s;\n", real);
	if (status) {
		snprintf(site, sizeof(site), "%s/status", directory);
		status_files_configure(site, status, out);
	}
	fputs("}\n", out);
	return fclose(out) == 0 ? 0 : fail_errno(f, errno, path, "cannot configure nginx");
}

/* Whether it has -e, as from 1.19.5 on. Without, it opens the log of its package, too, before it has read where its log is. */
static bool nginx_has_log_option(void)
{
	const char *const argv[] = { "nginx", "-e", "stderr", "-v", NULL };
	_cleanup_free_ char *said = NULL;
	struct fail unused;

	return tool_run(&(struct tool){ .argv = argv, .package = "nginx" }, "nginx", NULL, &said,
			&unused) == 0;
}

int server_start_nginx(const struct site *s, const char *directory, const char *status,
		       struct server *v, struct fail *f)
{
	char path[PATH_MAX];
	const char *log = nginx_has_log_option() ? "-e" : NULL;
	const char *argv[] = { "nginx", "-c", path, log, "stderr", NULL };
	int r = make_mark(v->mark, f);

	if (r == 0)
		r = write_nginx(s, directory, status, v->mark, f);
	snprintf(path, sizeof(path), "%s/nginx.conf", directory);
	return r == 0 ? start(v, directory, argv, f) : r;
}

void server_read_hosts(const struct server *dnsmasq)
{
	(void)kill(dnsmasq->pid, SIGHUP);
}

/* Workers of nginx go on when the first of its processes has been killed. */
bool server_has_ended(struct server *v)
{
	if (v->pid > 0 && waitpid(v->pid, &v->status, WNOHANG) != 0) {
		(void)kill(-v->pid, SIGKILL);
		v->pid = 0;
	}
	return v->pid <= 0;
}

const char *server_describe_end(struct server *v, char ret[SERVER_END_MAX])
{
	for (int i = 0; !server_has_ended(v) && i < 50; i++)
		usleep(20000);
	if (v->pid > 0)
		snprintf(ret, SERVER_END_MAX, "it closed its output");
	else if (WIFSIGNALED(v->status))
		snprintf(ret, SERVER_END_MAX, "killed by signal %d", WTERMSIG(v->status));
	else
		snprintf(ret, SERVER_END_MAX, "status %d", WEXITSTATUS(v->status));
	return ret;
}

/* nginx loses a signal that arrives while it starts its workers, so the signal is repeated; in the end all its processes
 * are killed. */
void server_stop(struct server *v)
{
	for (int i = 0; !server_has_ended(v) && i < STOP_SECONDS * 10; i++) {
		kill(v->pid, SIGTERM);
		usleep(i == 0 ? 10000 : 100000);
	}
	if (v->pid > 0) {
		kill(-v->pid, SIGKILL);
		(void)waitpid(v->pid, NULL, 0);
	}
	cleanup_close(&v->fd);
}

void server_catch_signals(void (*handler)(int signal))
{
	struct sigaction action = { .sa_handler = handler };

	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaction(ending[i], &action, NULL);
}
