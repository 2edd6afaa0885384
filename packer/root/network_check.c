/* Notes of all files, and the sentences. */
#include "root/network_check.h"

#include <stdio.h>

#include "base/print.h"
#include "root/network_config.h"

static void note(char *text, size_t room, char *file, size_t file_room, struct field f,
		 const char *path)
{
	if (f.size == 0 || f.size >= room || *text)
		return;
	memcpy(text, f.at, f.size);
	text[f.size] = '\0';
	snprintf(file, file_room, "%s", path);
}

void network_check_file(struct network_check *c, const char *path, const char *text, size_t size,
			bool is_left_out)
{
	struct network_config config;

	if (!network_config_is(path))
		return;
	c->is_left_out |= is_left_out;
	if (is_left_out)
		return;
	network_config_read(path, text, size, &config);
	c->is_left |= config.is_any;
	c->fits |= config.fits;
	note(c->card, sizeof(c->card), c->card_path, sizeof(c->card_path), config.card, path);
	note(c->address, sizeof(c->address), c->address_path, sizeof(c->address_path),
	     config.address, path);
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
					      "var/lib/cloud/seed/nocloud",
					      "var/lib/cloud/seed/nocloud-net",
					      NULL };

	return has_network_manager(packed) || root_files_has_one_of(packed, others);
}

/* NetworkManager makes a connection for a card that has none, unless a server's configuration keeps it from that. */
static bool gets_another(const struct network_check *c, const struct root_files *packed)
{
	return strstr(c->card_path, "/NetworkManager/") && has_network_manager(packed) &&
	       !root_files_has(packed, "usr/lib/NetworkManager/conf.d/00-server.conf");
}

void network_check_warn(const struct network_check *c, const struct root_files *packed)
{
	if (c->is_given)
		return;
	if (*c->card && !c->fits && !gets_another(c, packed))
		print_warning(
			"%s is for a card named %s, which the default kernel line of `tarboot "
			"netboot` names eth0: give one for eth0 with --overlay, or boot without "
			"net.ifnames=0",
			c->card_path, c->card);
	if (*c->address)
		print_warning("%s gives every machine the address %s: replace it with --overlay, "
			      "by one for DHCP, or leave it out with --exclude",
			      c->address_path, c->address);
	if (c->is_left_out && !c->is_left && !configures_itself(packed))
		print_warning("no configuration of the network is left, since what the root has is "
			      "for the MAC address of another machine: give one with --overlay");
}
