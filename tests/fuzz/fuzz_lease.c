/* What a DHCP server can make udhcpc say: a lease that is accepted can be given to the kernel and written into resolv.conf. */
#include "net/lease.h"

#include <sys/socket.h>

#include "fuzz.h"

static void check(const struct net_config *c)
{
	promise(c->address.family == AF_INET && net_address_is_host(&c->address));
	promise(c->address.prefix >= 1 && c->address.prefix <= 32);
	promise(c->n_dns <= NET_DNS_MAX && c->n_routes <= NET_ROUTES_MAX);
	promise(c->mtu == 0 || (c->mtu >= 576 && c->mtu <= 65535));
	for (size_t i = 0; i < c->n_dns; i++)
		promise(c->dns[i].family == AF_INET && net_address_is_host(&c->dns[i]));
	for (size_t i = 0; i < c->n_routes; i++)
		promise(c->routes[i].to.family == AF_INET && c->routes[i].to.prefix <= 32 &&
			c->routes[i].gateway.family == AF_INET &&
			net_address_is_host(&c->routes[i].gateway));
	for (const char *d = c->domain; *d; d++)
		promise(*d > ' ' && *d <= '~');
	promise(memchr(c->domain, '\0', sizeof(c->domain)) &&
		memchr(c->from, '\0', sizeof(c->from)));
	promise(strspn(c->from, "0123456789.") == strlen(c->from));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1); /* may hold NULs, and no byte more may be read */
	struct net_config c;

	memcpy(text, data, size);
	if (lease_parse(text, size, &c) == LEASE_BOUND) {
		fuzz_accepted++;
		check(&c);
	}
	free(text);
	return 0;
}
