/* Notes of all files, and the sentences. */
#include "root/network_check.h"

#include <stdio.h>
#include <string.h>

#include "base/path.h"
#include "base/print.h"
#include "root/network_config.h"
#include "root/root_paths.h"

static void note(struct network_finding *n, struct field f, const char *path)
{
	if (f.size == 0 || f.size >= sizeof(n->text) || *n->text)
		return;
	memcpy(n->text, f.at, f.size);
	n->text[f.size] = '\0';
	snprintf(n->path, sizeof(n->path), "%s", path);
}

void network_check_file(struct network_check *c, const char *path, const char *text, size_t size,
			bool is_left_out)
{
	struct network_config config;

	if (!network_config_is(path) && !network_config_is_link(path))
		return;
	c->is_left_out |= is_left_out && network_config_is(path);
	if (is_left_out)
		return;
	network_config_read(path, text, size, &config);
	c->is_left |= config.is_any;
	c->fits |= config.fits;
	note(&c->card, config.card, path);
	note(&c->mac, config.mac, path);
	note(&c->place, config.place, path);
	note(ends_with(path, "/dhcpcd.conf") ? &c->address_of_dhcpcd : &c->address, config.address,
	     path);
}

void network_check_overlay(struct network_check *c, const char *path)
{
	c->is_given |= network_config_is(path);
}

void network_check_kept(struct network_check *c, const char *path)
{
	bool is_config = network_config_is(path);

	c->is_left |= is_config;
	c->fits |= is_config;
}

static bool has_network_manager(const struct root_files *packed)
{
	static const char *const programs[] = { "usr/sbin/NetworkManager", "usr/bin/NetworkManager",
						NULL };

	return root_files_has_one_of(packed, programs);
}

/* Is there what needs no configuration to ask for an address? */
static bool configures_itself(const struct root_files *packed)
{
	static const char *const others[] = { "usr/lib/systemd/system/connman.service",
					      "etc/init.d/connman",
					      "usr/lib/systemd/system/dhcpcd.service",
					      "etc/init.d/dhcpcd",
					      CLOUD_SEEDS,
					      NULL };

	return has_network_manager(packed) || root_files_has_one_of(packed, others);
}

/* NetworkManager makes a connection for a card that has none, unless a server's configuration keeps it from that. */
static bool gets_another(const struct network_check *c, const struct root_files *packed)
{
	return strstr(c->card.path, "/NetworkManager/") && has_network_manager(packed) &&
	       !root_files_has(packed, "usr/lib/NetworkManager/conf.d/00-server.conf");
}

static bool has_dhcpcd(const struct root_files *packed)
{
	static const char *const programs[] = { "usr/sbin/dhcpcd", "sbin/dhcpcd", "usr/bin/dhcpcd",
						NULL };

	return root_files_has_one_of(packed, programs);
}

static void warn_of_addresses(const struct network_check *c, const struct root_files *packed)
{
	const struct network_finding *a = *c->address.text || !has_dhcpcd(packed)
						  ? &c->address
						  : &c->address_of_dhcpcd;

	if (*c->mac.text)
		print_warning("%s gives every machine the MAC address %s, so that no two of them "
			      "can be in one network: take that line out, or replace the file with "
			      "--overlay",
			      c->mac.path, c->mac.text);
	if (*a->text)
		print_warning("%s gives every machine the address %s: replace it with --overlay, "
			      "by one for DHCP, or leave it out with --exclude",
			      a->path, a->text);
}

void network_check_warn(const struct network_check *c, const struct root_files *packed)
{
	if (c->is_given)
		return;
	if (*c->card.text && !c->fits && !gets_another(c, packed))
		print_warning(
			"%s is for a card named %s, which the default kernel line of `tarboot "
			"netboot` names eth0: give one for eth0 with --overlay, or boot without "
			"net.ifnames=0",
			c->card.path, c->card.text);
	if (*c->place.text && c->is_left && !c->fits && !configures_itself(packed))
		print_warning("%s is for a card at %s, and nothing configures the network of a "
			      "machine that has its card elsewhere: give one for eth0, too, with "
			      "--overlay",
			      c->place.path, c->place.text);
	warn_of_addresses(c, packed);
	if (c->is_left_out && !c->is_left && !configures_itself(packed))
		print_warning("no configuration of the network is left, since what the root has is "
			      "for the MAC address of another machine: give one with --overlay");
}
