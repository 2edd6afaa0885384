/* ip= and vlan= in all forms: what is accepted can be given to the kernel. */
#include "net/options.h"

#include <sys/socket.h>

#include "fuzz.h"

#define is_text(t) (memchr(t, '\0', sizeof(t)) != NULL)

static void check_address(const struct net_address *a)
{
	promise(a->family == 0 || a->family == AF_INET || a->family == AF_INET6);
	promise(a->prefix <= (a->family == AF_INET6 ? 128 : 32));
}

static void check_ip(const struct ip_option *o)
{
	const struct net_config *c = &o->config;

	promise(is_text(o->device) && is_text(c->domain) && is_text(c->from));
	promise(!*o->device || net_name_is_valid(o->device));
	promise(o->method <= IP_OFF && (o->method == IP_STATIC) == (c->address.family != 0));
	promise(c->n_dns <= NET_DNS_MAX && c->n_routes <= 1);
	promise(c->mtu == 0 || (c->mtu >= 576 && c->mtu <= 65535));
	check_address(&c->address);
	promise(!c->address.family || (net_address_is_host(&c->address) && c->address.prefix > 0));
	for (size_t i = 0; i < c->n_dns; i++)
		promise(c->dns[i].family && net_address_is_host(&c->dns[i]));
	if (c->n_routes)
		promise(net_address_is_host(&c->routes[0].gateway));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);
	struct vlan_option v;
	struct ip_option o;
	struct fail f;

	if (ip_option_parse(text, &o, &f) == 0) {
		fuzz_accepted++;
		check_ip(&o);
	} else {
		promise(f.error > 0 && is_text(f.why) && *f.why && is_text(f.todo) && *f.todo);
	}
	if (vlan_option_parse(text, &v, &f) == 0)
		promise(v.id >= 1 && v.id <= 4094 && net_name_is_valid(v.name) &&
			net_name_is_valid(v.parent));
	free(text);
	return 0;
}
