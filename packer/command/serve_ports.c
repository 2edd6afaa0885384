/* Each is bound for a moment. */
#include "command/serve_ports.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/processes.h"

#define TODO_HTTP                                                                            \
	"Stop it (Debian's package of nginx starts one: systemctl disable --now nginx), or " \
	"give another port with `tarboot netboot --http-port`."
#define TODO_TFTP "Stop it: firmware asks for its boot loader there."
#define TODO_DHCP \
	"Stop it; or, if it shall keep assigning the addresses, run `tarboot netboot --proxy`."
#define TODO_PAGE \
	"Give another address of this machine, or another port, with --status; or --no-status."

struct port {
	int type;
	const char *for_what, *todo, *interface; /* NULL: any */
	struct sockaddr_storage at;
};

static unsigned number_of(const struct port *p)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&p->at;

	return ntohs(in->sin_port); /* of IPv6 in the same place */
}

/* What has ended lately keeps a TCP port from nobody. Two programs can have one UDP port if both allow it, and then each gets what is
 * for the other: so this one does not. 0 or -errno. */
static int try_port(const struct port *p)
{
	_cleanup_close_ int fd = socket(p->at.ss_family, p->type | SOCK_CLOEXEC, 0);
	int one = p->type == SOCK_STREAM;

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one)) < 0 ||
	    (p->interface && setsockopt(fd, SOL_SOCKET, SO_BINDTODEVICE, p->interface,
					(socklen_t)strlen(p->interface)) < 0))
		return -errno;
	return bind(fd, (const struct sockaddr *)&p->at, sizeof(p->at)) < 0 ? -errno : 0;
}

static int check_port(const struct port *p, struct fail *f)
{
	char what[64], user[PROCESS_NAME_MAX];
	int r = try_port(p);

	if (r == 0)
		return 0;
	snprintf(what, sizeof(what), "%s port %u (%s)", p->type == SOCK_STREAM ? "TCP" : "UDP",
		 number_of(p), p->for_what);
	if (r != -EADDRINUSE)
		return fail_set(f, -r, what, p->todo, "cannot serve there: %s", strerror(-r));
	process_of_port(p->type, (const struct sockaddr *)&p->at, user);
	return fail_set(f, EADDRINUSE, what, p->todo, "%s uses it", user);
}

static struct sockaddr_storage address_of(uint32_t address, unsigned port)
{
	struct sockaddr_storage at = { 0 };
	struct sockaddr_in in = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr = { htonl(address) } };

	memcpy(&at, &in, sizeof(in));
	return at;
}

/* The machines shall not get it from the address that they boot from. */
static int check_status(const struct site *s, const char *text, const struct port *p,
			struct fail *f)
{
	const struct sockaddr_in *in = (const struct sockaddr_in *)&p->at;
	uint32_t address = ntohl(in->sin_addr.s_addr);

	if (in->sin_family == AF_INET && number_of(p) == s->port &&
	    (address == s->server || address == INADDR_ANY))
		return fail_set(f, EADDRINUSE, text, "Give another port with --status.",
				"the machines boot from there");
	return check_port(p, f);
}

int serve_ports_check(const struct site *s, const char *interface, const char *status,
		      const struct sockaddr_storage *status_at, struct fail *f)
{
	const struct port page = { SOCK_STREAM, "the status page", TODO_PAGE, NULL, *status_at };
	const struct port ports[] = {
		{ SOCK_STREAM, "HTTP", TODO_HTTP, NULL, address_of(s->server, s->port) },
		{ SOCK_DGRAM, "TFTP", TODO_TFTP, NULL, address_of(s->server, 69) },
		{ SOCK_DGRAM, "DHCP", TODO_DHCP, interface, address_of(INADDR_ANY, 67) },
	};
	size_t n = s->proxy ? 2 : 3; /* it may be the one that assigns the addresses then */
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = check_port(&ports[i], f);
	return r == 0 && status ? check_status(s, status, &page, f) : r;
}
