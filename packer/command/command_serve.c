/* tarboot serve: runs dnsmasq and nginx on a directory of `tarboot netboot`, until a signal. */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "command/command.h"
#include "base/options.h"
#include "base/print.h"
#include "command/serve_directory.h"
#include "command/serve_follow.h"
#include "command/serve_neighbours.h"
#include "command/serve_ports.h"
#include "site/site_generate.h"
#include "site/site_leases.h"
#include "site/site_settings.h"

#define STATUS_DEFAULT "127.0.0.1:8079"
#define TITLE_MAX (2 * SITE_TEXT_MAX)
#define PROBE_ID "0x3d:00746172626f6f74" /* DHCP option 61: tarboot, as text */

static const char *arg_directory, *arg_interface, *arg_status;
static bool arg_force, arg_no_status;
static struct sockaddr_storage status_at; /* what arg_status says */
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
	{ .name = "status",
	  .value = "ADDRESS:PORT",
	  .text = &arg_status,
	  .help = "where the status page is (default: " STATUS_DEFAULT
		  ", for this machine alone)" },
	{ .name = "no-status", .flag = &arg_no_status, .help = "no status page" },
	OPTION_HELP,
	OPTIONS_END,
};

const struct command_usage usage_serve = {
	.command = "serve",
	.synopsis = "serve DIR [OPTION]...",
	.about = "Serves a directory that `tarboot netboot` wrote, with dnsmasq (DHCP, TFTP) and "
		 "nginx (HTTP), which must be installed, and shows how far each machine is: as a "
		 "table on a terminal, else as lines, and on a page for a browser. Stop it with "
		 "Ctrl-C. Must be run as root.",
	.options = options,
};

/* "ADDRESS:PORT" or "[ADDRESS]:PORT" */
static bool status_parse(const char *text, struct sockaddr_storage *ret)
{
	struct sockaddr_in6 *six = (struct sockaddr_in6 *)ret;
	struct sockaddr_in *four = (struct sockaddr_in *)ret;
	const char *colon = strrchr(text, ':');
	char address[INET6_ADDRSTRLEN];
	size_t n = colon ? (size_t)(colon - text) : 0, skip = *text == '[';
	unsigned port;
	int end = 0;

	if (n < 3 || n - 2 * skip >= sizeof(address) || (skip && text[n - 1] != ']') ||
	    strspn(colon + 1, "0123456789") != strlen(colon + 1) ||
	    sscanf(colon + 1, "%5u%n", &port, &end) != 1 || colon[1 + end] || port < 1 ||
	    port > 65535)
		return false;
	snprintf(address, sizeof(address), "%.*s", (int)(n - 2 * skip), text + skip);
	*ret = (struct sockaddr_storage){ .ss_family = skip ? AF_INET6 : AF_INET };
	six->sin6_port = htons((uint16_t)port); /* the same place as in *four */
	return inet_pton(skip ? AF_INET6 : AF_INET, address,
			 skip ? (void *)&six->sin6_addr : (void *)&four->sin_addr) == 1;
}

/* Returns -1 to go on, else an exit code. */
static int parse_options(int argc, char **argv)
{
	struct command_line line;
	int r = options_parse(&usage_serve, argc, argv, &line);

	if (r >= 0)
		return r;
	r = options_expect("serve", "one DIR", 1, line.n_arguments);
	if (r != EXIT_OK)
		return r;
	arg_directory = line.arguments[0];
	if (arg_no_status && arg_status)
		return print_usage_error("serve", "give either --status or --no-status");
	if (!arg_status)
		arg_status = STATUS_DEFAULT;
	if (!status_parse(arg_status, &status_at))
		return print_usage_error(
			"serve",
			"--status: %s is not an address and port like " STATUS_DEFAULT
			" or [::1]:8079",
			arg_status);
	return -1;
}

/* ---- may it start? ---- */

/* The interface that has the server's address. What getifaddrs() calls its name is the address's label, as eth0:1, which may be
 * given, too. */
static int find_interface(const struct site *s, char ret[IF_NAMESIZE], struct fail *f)
{
	struct ifaddrs *all = NULL;
	char address[IPV4_TEXT_MAX];

	*ret = '\0';
	(void)getifaddrs(&all);
	for (struct ifaddrs *i = all; i; i = i->ifa_next) {
		char name[IF_NAMESIZE];
		struct sockaddr_in in;

		if (!i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
			continue;
		snprintf(name, sizeof(name), "%.*s", (int)strcspn(i->ifa_name, ":"), i->ifa_name);
		memcpy(&in, i->ifa_addr, sizeof(in));
		if (ntohl(in.sin_addr.s_addr) == s->server &&
		    (!arg_interface || strcmp(arg_interface, name) == 0 ||
		     strcmp(arg_interface, i->ifa_name) == 0))
			strcpy(ret, name);
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

/* Asks for an address, as a machine would, and gives it back; under a name of its own, or it would give back the one that this machine
 * itself has. True: a server gave one; some look for three seconds whether it is free. */
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
		       "-x", PROBE_ID, "-s", "/bin/true", "-i", interface, NULL);
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

static void on_signal(int signal)
{
	(void)signal;
	stopped = 1;
}

/* ret_title: the same for a terminal. */
static void print_start(const struct site *s, const char *interface, char ret_title[TITLE_MAX])
{
	char url[SITE_TEXT_MAX];

	site_url(s, url);
	snprintf(ret_title, TITLE_MAX, "serving %s%s%s%s; stop it with Ctrl-C", url,
		 arg_no_status ? "" : ", status http://", arg_no_status ? "" : arg_status,
		 arg_no_status ? "" : "/");
	printf("serving  %s on %s, %s; stop it with Ctrl-C\n", url, interface,
	       s->proxy ? "addresses from another DHCP server" : "with DHCP addresses");
	if (!arg_no_status)
		printf("status   http://%s/\n", arg_status);
	fflush(stdout);
}

static int run_servers(const struct site *s, const char *interface, struct serve_watch *watch,
		       struct fail *f)
{
	struct server servers[2] = { { .package = "dnsmasq-base", .fd = -1 },
				     { .package = "nginx-light", .fd = -1 } };
	char page[SERVE_DIRECTORY_MAX + 8], title[TITLE_MAX];
	struct follow_options o = { arg_no_status ? NULL : page, title, &stopped, watch };
	struct serve_directory d;
	int r = serve_directory_open(&d, f);

	if (r < 0)
		return r;
	snprintf(page, sizeof(page), "%s/status", d.path);
	server_catch_signals(on_signal);
	r = server_start_dnsmasq(s, d.path, &servers[0], f);
	if (r == 0)
		r = server_start_nginx(s, d.path, arg_no_status ? NULL : arg_status, &servers[1],
				       f);
	if (r == 0) {
		print_start(s, interface, title);
		r = serve_follow(s, servers, &o, f);
	}
	server_stop(&servers[0]);
	server_stop(&servers[1]);
	serve_directory_close(&d);
	return r;
}

/* Updates menu and configurations, because netboot.conf may have been edited or the directory moved. The directory is
 * locked before its settings are read. */
static int prepare(struct site *s, char interface[IF_NAMESIZE], struct serve_watch *watch,
		   struct fail *f)
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
		r = servers_find(f);
	if (r == 0)
		r = site_check_reachable(s, f);
	if (r == 0)
		r = find_interface(s, interface, f);
	if (r == 0)
		r = site_generate(s, NULL, &images, &n, f);
	if (r == 0)
		site_warn_of_writers(s);
	if (r == 0)
		serve_warn_of_neighbours(s);
	serve_watch_start(watch, s);
	free(images);
	return r;
}

static int serve(struct site *s, struct fail *f)
{
	char interface[IF_NAMESIZE];
	struct serve_watch watch;
	int r = prepare(s, interface, &watch, f);

	if (r < 0)
		return r;
	serve_directory_sweep();
	r = serve_ports_check(s, interface, arg_no_status ? NULL : arg_status, &status_at, f);
	if (r == 0)
		r = check_dhcp(s, interface, f);
	if (r == 0)
		r = site_leases_prune(s, f);
	return r == 0 ? run_servers(s, interface, &watch, f) : r;
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
