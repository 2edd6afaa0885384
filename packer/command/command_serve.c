/* tarboot serve: runs dnsmasq and nginx on a directory of `tarboot netboot`, until a signal. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "command/command.h"
#include "base/options.h"
#include "base/piped_child.h"
#include "base/print.h"
#include "site/serve_log.h"
#include "site/served_blocks.h"
#include "site/site_generate.h"

#define STOP_SECONDS 5 /* that a server may take to end */

struct server {
	const char *package;
	pid_t pid;
	int fd; /* what it prints */
	char line[SERVE_LINE_MAX];
	size_t n;
};

static const char *arg_directory, *arg_interface;
static bool arg_force;
static volatile sig_atomic_t stopped;

static const struct option_spec options[] = {
	{ .name = "interface",
	  .value = "NAME",
	  .suggest = "@interfaces",
	  .text = &arg_interface,
	  .help = "serve on this interface (default: the one with the server's address)" },
	{ .name = "force",
	  .flag = &arg_force,
	  .help = "assign addresses even if another DHCP server does so, too" },
	OPTION_HELP,
	OPTIONS_END,
};

static const struct command_usage usage = {
	.command = "serve",
	.synopsis = "serve DIR [OPTION]...",
	.about = "Serves a directory that `tarboot netboot` wrote, with dnsmasq (DHCP, TFTP) and "
		 "nginx (HTTP), which must be installed, and shows which machine loads what. Stop "
		 "it with Ctrl-C. Must be run as root.",
	.options = options,
};

/* Returns -1 to go on, else an exit code. */
static int parse_options(int argc, char **argv)
{
	struct command_line line;
	int r = options_parse(&usage, argc, argv, &line);

	if (r >= 0)
		return r;
	r = options_expect("serve", "one DIR", 1, line.n_arguments);
	if (r != EXIT_OK)
		return r;
	arg_directory = line.arguments[0];
	return -1;
}

/* ---- may it start? ---- */

/* The interface that has the server's address. */
static int find_interface(const struct site *s, char ret[IF_NAMESIZE], struct fail *f)
{
	struct ifaddrs *all = NULL;
	char address[IPV4_TEXT_MAX];

	*ret = '\0';
	(void)getifaddrs(&all);
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		struct sockaddr_in in;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET ||
		    (arg_interface && strcmp(arg_interface, i->ifa_name) != 0))
			continue;
		memcpy(&in, i->ifa_addr, sizeof(in));
		if (ntohl(in.sin_addr.s_addr) == s->server)
			snprintf(ret, IF_NAMESIZE, "%s", i->ifa_name);
	}
	freeifaddrs(all);
	ipv4_format(address, s->server);
	return *ret ? 0
		    : fail_set(f, EADDRNOTAVAIL, arg_interface ? arg_interface : address,
			       "Give it one with `ip address add ADDRESS/BITS dev NAME`, or run "
			       "`tarboot "
			       "netboot --server` again.",
			       "no interface %shas the server's address %s",
			       arg_interface ? "of that name " : "", address);
}

/* Two web servers cannot have one port. */
static int check_port(const struct site *s, struct fail *f)
{
	_cleanup_close_ int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)s->port),
				  .sin_addr = { htonl(s->server) } };
	int one = 1;
	char what[64];

	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (fd >= 0 && bind(fd, (struct sockaddr *)&in, sizeof(in)) == 0)
		return 0;
	snprintf(what, sizeof(what), "port %u", s->port);
	return errno == EADDRINUSE
		       ? fail_set(f, EADDRINUSE, what,
				  "Stop it (Debian's package of nginx starts one: systemctl "
				  "disable --now "
				  "nginx), or give another with `tarboot netboot --http-port`.",
				  "another program uses it")
		       : fail_errno(f, errno, what, "cannot serve HTTP there");
}

/* Asks for an address, as a machine would, and gives it back. True: a server gave one; some look for three seconds
 * whether it is free. */
static bool another_dhcp_server(const char *interface)
{
	pid_t pid = fork();
	int status = 0, null;

	if (pid == 0) {
		null = open("/dev/null", O_RDWR);
		dup2(null, STDIN_FILENO);
		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execlp("busybox", "busybox", "udhcpc", "-f", "-q", "-n", "-R", "-t", "3", "-T", "2",
		       "-s", "/bin/true", "-i", interface, NULL);
		_exit(127);
	}
	if (pid < 0 || waitpid(pid, &status, 0) < 0 || !WIFEXITED(status) ||
	    WEXITSTATUS(status) == 127)
		print_warning(
			"cannot check for other DHCP servers: install busybox, which has udhcpc");
	else
		return WEXITSTATUS(status) == 0;
	return false;
}

static int check_dhcp(const struct site *s, const char *interface, struct fail *f)
{
	bool another = arg_force && !s->proxy ? false : another_dhcp_server(interface);

	if (s->proxy && !another)
		print_warning("no DHCP server answers on %s: with --proxy, another server must "
			      "assign the addresses",
			      interface);
	if (s->proxy || !another)
		return 0;
	return fail_set(f, EADDRINUSE, interface,
			"Stop it, run `tarboot netboot --proxy` to leave the addresses to it, or "
			"give --force.",
			"another DHCP server assigns addresses on this network");
}

/* ---- the servers ---- */

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

static int start(struct server *v, const char *const *argv, struct fail *f)
{
	sigset_t set, old;

	ending_signals(&set);
	sigprocmask(SIG_BLOCK, &set, &old);
	v->pid = piped_child(&v->fd);
	if (v->pid == 0) {
		restore_signals();
		setpgid(0, 0); /* Ctrl-C is for us, who end it in order */
		dup2(STDOUT_FILENO, STDERR_FILENO);
		execvp(argv[0], (char *const *)argv);
		dprintf(STDERR_FILENO, "%s: cannot start it: %s: install %s\n", argv[0],
			strerror(errno), v->package);
		_exit(EXIT_FAILED);
	}
	sigprocmask(SIG_SETMASK, &old, NULL);
	return v->pid < 0 ? fail_errno(f, v->pid, argv[0], "cannot start it") : 0;
}

static int start_dnsmasq(const struct site *s, struct server *v, struct fail *f)
{
	char path[PATH_MAX];
	const char *argv[] = { "dnsmasq", "--keep-in-foreground", "--log-facility=-", "-C", path,
			       NULL };

	site_path(s, path, "config/dnsmasq.conf");
	return start(v, argv, f);
}

static int write_nginx(const struct site *s, const char *directory, struct fail *f)
{
	char path[PATH_MAX], site[PATH_MAX], real[PATH_MAX];
	FILE *out;

	snprintf(path, sizeof(path), "%s/nginx.conf", directory);
	out = fopen(path, "we");
	if (!out || !realpath(site_path(s, site, "config/nginx-site.conf"), real))
		return fail_errno(f, errno, out ? site : path, "cannot configure nginx");
	fprintf(out,
		"daemon off;\nworker_processes auto;\npid %s/pid;\nerror_log stderr;\n"
		"events { worker_connections 4096; }\nhttp {\n"
		"log_format tarboot '" SERVE_HTTP_FORMAT "';\naccess_log /dev/stdout tarboot;\n",
		directory);
	for (const char *const *kind = (const char *const[]){ "client_body", "proxy", "fastcgi",
							      "uwsgi", "scgi", NULL };
	     *kind; kind++)
		fprintf(out, "%s_temp_path %s/temporary;\n", *kind, directory);
	fprintf(out, "include %s;\n}\n", real);
	return fclose(out) == 0 ? 0 : fail_errno(f, errno, path, "cannot configure nginx");
}

static int start_nginx(const struct site *s, const char *directory, struct server *v,
		       struct fail *f)
{
	char path[PATH_MAX];
	const char *argv[] = { "nginx", "-e", "stderr", "-c", path, NULL };
	int r = write_nginx(s, directory, f);

	snprintf(path, sizeof(path), "%s/nginx.conf", directory);
	return r == 0 ? start(v, argv, f) : r;
}

/* ---- what they say ---- */

/* The addresses that another DHCP server has given. */
static void learn_neighbours(struct serve_log *log)
{
	FILE *in = fopen("/proc/net/arp", "re");
	char line[256], address[64], mac[64];

	while (in && fgets(line, sizeof(line), in))
		if (sscanf(line, "%63s %*s %*s %63s", address, mac) == 2)
			serve_log_learn(log, address, mac);
	if (in)
		fclose(in);
}

static void print_log_line(struct serve_log *log, const char *line)
{
	char shown[SERVE_LINE_MAX], clock[16];
	time_t now = time(NULL);
	struct tm tm;

	if (!serve_log_line(log, line, shown))
		return;
	learn_neighbours(log);
	(void)serve_log_line(log, line, shown); /* now with the MAC */
	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	print_line(stdout, "%s  %s", clock, shown); /* names come from the network */
	fflush(stdout);
}

/* False: the server has ended. */
static bool read_lines(struct server *v, struct serve_log *log)
{
	char block[4096];
	ssize_t n = read(v->fd, block, sizeof(block));

	for (ssize_t i = 0; i < n; i++) {
		if (block[i] != '\n' && v->n < sizeof(v->line) - 1) {
			v->line[v->n++] = block[i];
		} else if (block[i] == '\n') {
			v->line[v->n] = '\0';
			print_log_line(log, v->line);
			v->n = 0;
		}
	}
	return n > 0 || (n < 0 && errno == EINTR);
}

static int follow(const struct site *s, struct server servers[2], struct fail *f)
{
	static struct serve_log log;
	char directory[PATH_MAX];
	struct pollfd p[2] = { { .fd = servers[0].fd, .events = POLLIN },
			       { .fd = servers[1].fd, .events = POLLIN } };

	snprintf(directory, sizeof(directory), "%s/http", s->directory);
	log.blocks = served_blocks;
	log.blocks_arg = directory;
	while (!stopped) {
		if (poll(p, 2, 500) <= 0)
			continue;
		for (int i = 0; i < 2; i++)
			if (p[i].revents && !read_lines(&servers[i], &log))
				return fail_set(f, ECHILD, servers[i].package,
						"See its last messages above.",
						"the server from this package has ended");
	}
	return 0;
}

static bool has_ended(pid_t pid)
{
	return waitpid(pid, NULL, WNOHANG) != 0;
}

/* nginx loses a signal that arrives while it starts its workers, so the signal is repeated; in the end all its processes
 * are killed. */
static void stop(struct server *v)
{
	bool ended = v->pid <= 0;

	for (int i = 0; !ended && i < STOP_SECONDS * 10; i++) {
		kill(v->pid, SIGTERM);
		usleep(i == 0 ? 10000 : 100000);
		ended = has_ended(v->pid);
	}
	if (!ended) {
		kill(-v->pid, SIGKILL);
		(void)waitpid(v->pid, NULL, 0);
	}
	cleanup_close(&v->fd);
}

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

static void remove_directory(const char *directory)
{
	static const char *const names[] = { "nginx.conf", "pid", "temporary" };
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "%s/%s", directory, names[i]);
		(void)remove(path);
	}
	(void)rmdir(directory);
}

static int run_servers(const struct site *s, const char *interface, struct fail *f)
{
	struct server servers[2] = { { .package = "dnsmasq-base", .fd = -1 },
				     { .package = "nginx-light", .fd = -1 } };
	char directory[] = "/tmp/tarboot-serve-XXXXXX", url[SITE_TEXT_MAX];
	struct sigaction action = { .sa_handler = on_signal };
	int r;

	if (!mkdtemp(directory))
		return fail_errno(f, errno, directory, "cannot create this directory");
	for (size_t i = 0; i < ARRAY_SIZE(ending); i++)
		sigaction(ending[i], &action, NULL);
	r = start_dnsmasq(s, &servers[0], f);
	if (r == 0)
		r = start_nginx(s, directory, &servers[1], f);
	if (r == 0) {
		site_url(s, url);
		printf("serving  %s on %s, %s; stop it with Ctrl-C\n", url, interface,
		       s->proxy ? "addresses from another DHCP server" : "with DHCP addresses");
		fflush(stdout);
		r = follow(s, servers, f);
	}
	stop(&servers[0]);
	stop(&servers[1]);
	remove_directory(directory);
	return r;
}

/* Updates menu and configurations, because netboot.conf may have been edited or the directory moved. The directory is
 * locked before its settings are read. */
static int prepare(struct site *s, char interface[IF_NAMESIZE], struct fail *f)
{
	_cleanup_close_ int lock = -1;
	struct site_image *images = NULL;
	size_t n;
	int r = site_lock(s, &lock, f);

	if (r == 0)
		r = site_load(s, false, f);
	if (r == 0)
		r = site_check(s, f);
	if (r == 0 && geteuid() != 0)
		r = fail_set(f, EPERM, s->directory, "Run it with sudo.",
			     "only root can serve DHCP, TFTP and HTTP");
	if (r == 0)
		r = site_check_reachable(s, f);
	if (r == 0)
		r = find_interface(s, interface, f);
	if (r == 0)
		r = site_generate(s, &images, &n, f);
	free(images);
	return r;
}

static int serve(struct site *s, struct fail *f)
{
	char interface[IF_NAMESIZE];
	int r = prepare(s, interface, f);

	if (r == 0)
		r = check_port(s, f);
	if (r == 0)
		r = check_dhcp(s, interface, f);
	return r == 0 ? run_servers(s, interface, f) : r;
}

int command_serve(int argc, char **argv)
{
	struct site site;
	struct fail f;
	int r = parse_options(argc, argv);

	if (r >= 0)
		return r;
	umask(022); /* what it writes, other users read */
	site_init(&site, arg_directory);
	r = serve(&site, &f) < 0 ? print_failure(&f) : EXIT_OK;
	site_free(&site);
	return r;
}
