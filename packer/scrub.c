/* The table, and what becomes of the texts in it. */
#include "scrub.h"

#include <errno.h>

#include "card_profile.h"
#include "crypttab.h"
#include "fstab.h"
#include "util.h"

/* The first that names a path is taken. Directories stay, since programs expect them; only what lies in them goes. What
 * has the same reason stands together: the manual has one entry for it. */
static const struct {
	const char *glob;
	enum sieve_action action;
	const char *why;
} rules[] = {
	{ "/proc/*", SIEVE_LEAVE_OUT, "kernel file system" },
	{ "/sys/*", SIEVE_LEAVE_OUT, "kernel file system" },
	{ "/dev/*", SIEVE_LEAVE_OUT, "created by the kernel" },
	{ "/run/*", SIEVE_LEAVE_OUT, "created at every boot" },
	{ "/tmp/*", SIEVE_LEAVE_OUT, "temporary" },
	{ "/var/tmp/*", SIEVE_LEAVE_OUT, "temporary" },

	{ "/.dockerenv", SIEVE_LEAVE_OUT, "marks a container" },
	{ "/.dockerinit", SIEVE_LEAVE_OUT, "marks a container" },
	{ "/.autorelabel", SIEVE_LEAVE_OUT,
	  "SELinux would relabel all files and reboot, at every boot" },

	{ "/var/cache/apt/archives/**/*.deb", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/apt/*.bin", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/dnf/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/libdnf5/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/yum/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/PackageKit/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/zypp/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/pacman/pkg/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/apk/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/etc/apk/cache/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/xbps/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/distfiles/*", SIEVE_LEAVE_OUT, "package cache" }, /* Gentoo */
	{ "/var/cache/binpkgs/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/edb/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/usr/portage/distfiles/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/usr/portage/packages/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/eopkg/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/lib/swupd/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/swupd/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/lib/apt/lists/*", SIEVE_LEAVE_OUT, "package lists: apt-get update fetches them" },

	{ "/var/log/journal/*", SIEVE_LEAVE_OUT, "logs of another machine" },
	{ "/var/log/installer", SIEVE_LEAVE_OUT, "logs of another machine" },
	{ "/var/log/anaconda", SIEVE_LEAVE_OUT, "logs of another machine" },
	{ "/var/log/**/*.gz", SIEVE_LEAVE_OUT, "old logs" },
	{ "/var/log/**/*.xz", SIEVE_LEAVE_OUT, "old logs" },
	{ "/var/log/**/*.old", SIEVE_LEAVE_OUT, "old logs" },
	{ "/var/log/**/*.[0-9]", SIEVE_LEAVE_OUT, "old logs" },
	{ "/var/log/**/*-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]", SIEVE_LEAVE_OUT, "old logs" },
	{ "/var/log/**", SIEVE_EMPTY, "logs of another machine" },
	{ "/root/.*_history", SIEVE_LEAVE_OUT, "history of a shell" },
	{ "/home/*/.*_history", SIEVE_LEAVE_OUT, "history of a shell" },
	{ "/root/.local/share/fish/fish_history", SIEVE_LEAVE_OUT, "history of a shell" },
	{ "/home/*/.local/share/fish/fish_history", SIEVE_LEAVE_OUT, "history of a shell" },
	{ "/var/lib/systemd/coredump/*", SIEVE_LEAVE_OUT, "core dumps" },
	{ "/var/lib/apport/coredump/*", SIEVE_LEAVE_OUT, "core dumps" },
	{ "/var/crash/*", SIEVE_LEAVE_OUT, "core dumps" },
	{ "/var/spool/abrt/*", SIEVE_LEAVE_OUT, "core dumps" },

	{ "/boot/*rescue*", SIEVE_LEAVE_OUT, "a rescue kernel" },
	{ "/boot/initramfs*", SIEVE_LEAVE_OUT, "an initramfs: the image is one" },
	{ "/boot/initrd*", SIEVE_LEAVE_OUT, "an initramfs: the image is one" },
	{ "/initrd.img*", SIEVE_LEAVE_OUT, "an initramfs: the image is one" },

	{ "/etc/fstab", SIEVE_FSTAB, "lines that need the disks or the host of another machine" },
	{ "/etc/crypttab", SIEVE_CRYPTTAB,
	  "lines that need the disks or the host of another machine" },
	{ "/etc/integritytab", SIEVE_CRYPTTAB,
	  "lines that need the disks or the host of another machine" },
	{ "/etc/veritytab", SIEVE_VERITYTAB,
	  "lines that need the disks or the host of another machine" },
	{ "/etc/initramfs-tools/conf.d/resume", SIEVE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/zfs/zpool.cache", SIEVE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/lvm/devices/system.devices", SIEVE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/lvm/archive/*", SIEVE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/lvm/backup/*", SIEVE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/multipath/bindings", SIEVE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/multipath/wwids", SIEVE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/blkid.tab", SIEVE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/blkid/blkid.tab", SIEVE_LEAVE_OUT, "another machine's disks" },
	{ "lost+found/", SIEVE_LEAVE_OUT, "another machine's disks" },

	{ "/etc/machine-id", SIEVE_MACHINE_ID, "each machine creates its own" },
	{ "/var/lib/dbus/machine-id", SIEVE_LEAVE_OUT, "each machine creates its own" },
	{ "/etc/hostid", SIEVE_LEAVE_OUT, "each machine creates its own" },
	{ "/etc/hostname", SIEVE_LEAVE_OUT,
	  "the builder's name: a machine has its own from DHCP or the kernel line" },
	{ "/etc/HOSTNAME", SIEVE_LEAVE_OUT,
	  "the builder's name: a machine has its own from DHCP or the kernel line" },

	{ "/etc/ssh/ssh_host_*", SIEVE_LEAVE_OUT, "each machine creates its own (ssh-keygen -A)" },
	{ "/etc/dropbear/dropbear_*_host_key", SIEVE_LEAVE_OUT,
	  "each machine creates its own (dropbear -R)" },
	{ "/etc/dropbear-initramfs/dropbear_*_host_key", SIEVE_LEAVE_OUT,
	  "each machine creates its own (dropbear -R)" },
	{ "/etc/dropbear/initramfs/dropbear_*_host_key", SIEVE_LEAVE_OUT,
	  "each machine creates its own (dropbear -R)" },
	{ "/etc/tinyssh/sshkeydir", SIEVE_LEAVE_OUT,
	  "each machine creates its own (tinysshd-makekey)" },

	{ "/var/lib/systemd/random-seed", SIEVE_LEAVE_OUT, "would be the same on all machines" },
	{ "/var/lib/urandom/random-seed", SIEVE_LEAVE_OUT, "would be the same on all machines" },
	{ "/var/lib/misc/random-seed", SIEVE_LEAVE_OUT, "would be the same on all machines" },
	{ "/var/lib/random-seed", SIEVE_LEAVE_OUT, "would be the same on all machines" },
	{ "/etc/random-seed", SIEVE_LEAVE_OUT, "would be the same on all machines" },
	{ "/etc/urandom.seed", SIEVE_LEAVE_OUT, "would be the same on all machines" },
	{ "/var/lib/seedrng/*", SIEVE_LEAVE_OUT, "would be the same on all machines" },
	{ "/boot/loader/random-seed", SIEVE_LEAVE_OUT, "would be the same on all machines" },
	{ "/boot/efi/loader/random-seed", SIEVE_LEAVE_OUT, "would be the same on all machines" },
	{ "/efi/loader/random-seed", SIEVE_LEAVE_OUT, "would be the same on all machines" },
	{ "/var/lib/systemd/credential.secret", SIEVE_LEAVE_OUT,
	  "would be the same on all machines" },
	{ "/var/lib/NetworkManager/secret_key", SIEVE_LEAVE_OUT,
	  "would be the same on all machines" },

	{ "/var/lib/dhcp/dhcpd*.leases", SIEVE_EMPTY, "another machine's leases" },
	{ "/var/lib/dhcpd/*.leases", SIEVE_EMPTY, "another machine's leases" },
	{ "/var/lib/dhcp/*.leases", SIEVE_LEAVE_OUT, "another machine's leases" },
	{ "/var/lib/dhclient/*", SIEVE_LEAVE_OUT, "another machine's leases" },
	{ "/var/lib/dhcpcd/*", SIEVE_LEAVE_OUT, "another machine's leases" },
	{ "/var/lib/dhcpcd5/*", SIEVE_LEAVE_OUT, "another machine's leases" },
	{ "/var/db/dhcpcd/*", SIEVE_LEAVE_OUT, "another machine's leases" },
	{ "/var/lib/wicked/*", SIEVE_LEAVE_OUT, "another machine's leases" },
	{ "/var/lib/NetworkManager/*.lease", SIEVE_LEAVE_OUT, "another machine's leases" },
	{ "/etc/dhcpcd.duid", SIEVE_LEAVE_OUT, "another machine's name for DHCP" },
	{ "/etc/dhcpcd.secret", SIEVE_LEAVE_OUT, "another machine's name for DHCP" },
	{ "/var/lib/dhcpv6/*duid", SIEVE_LEAVE_OUT, "another machine's name for DHCP" },
	{ "/var/lib/dibbler/*duid", SIEVE_LEAVE_OUT, "another machine's name for DHCP" },
	{ "/var/lib/kea/*-serverid", SIEVE_LEAVE_OUT, "another machine's name for DHCP" },

	{ "/etc/udev/rules.d/*-persistent-net.rules", SIEVE_LEAVE_OUT,
	  "another machine's network cards" },
	{ "/var/lib/NetworkManager/timestamps", SIEVE_LEAVE_OUT,
	  "another machine's network cards" },
	{ "/var/lib/NetworkManager/seen-bssids", SIEVE_LEAVE_OUT,
	  "another machine's network cards" },
	{ "/var/lib/NetworkManager/no-auto-default.state", SIEVE_LEAVE_OUT,
	  "another machine's network cards" },
	{ "/var/lib/connman/ethernet_*", SIEVE_LEAVE_OUT, "another machine's network cards" },
	{ "/etc/NetworkManager/system-connections/*", SIEVE_CARD_PROFILE,
	  "has the MAC address of another machine" },
	{ "/etc/sysconfig/network-scripts/ifcfg-*", SIEVE_CARD_PROFILE,
	  "has the MAC address of another machine" },
	{ "/etc/sysconfig/network/ifcfg-*", SIEVE_CARD_PROFILE,
	  "has the MAC address of another machine" },
	{ "/etc/systemd/network/*", SIEVE_CARD_PROFILE, "has the MAC address of another machine" },
	{ "/etc/netplan/*", SIEVE_CARD_PROFILE, "has the MAC address of another machine" },
	{ "/etc/udev/rules.d/*-persistent-cd.rules", SIEVE_LEAVE_OUT, "another machine's drives" },
	{ "/etc/resolv.conf", SIEVE_RESOLV_CONF, "name servers of another network" },

	{ "/etc/iscsi/initiatorname.iscsi", SIEVE_LEAVE_OUT,
	  "each machine needs its own (iscsi-iname)" },
	{ "/etc/nvme/hostnqn", SIEVE_LEAVE_OUT, "each machine needs its own (nvme gen-hostnqn)" },
	{ "/etc/nvme/hostid", SIEVE_LEAVE_OUT, "each machine needs its own (nvme gen-hostnqn)" },
	{ "/etc/krb5.keytab", SIEVE_LEAVE_OUT, "another machine's account in a domain" },
	{ "/etc/**/*.keytab", SIEVE_LEAVE_OUT, "another machine's account in a domain" },
	{ "/var/lib/samba/private/secrets.tdb", SIEVE_LEAVE_OUT,
	  "another machine's account in a domain" },
	{ "/var/lib/cloud/instance", SIEVE_LEAVE_OUT, "another machine's instance of cloud-init" },
	{ "/var/lib/cloud/instances/*", SIEVE_LEAVE_OUT,
	  "another machine's instance of cloud-init" },
	{ "/var/lib/cloud/data/*", SIEVE_LEAVE_OUT, "another machine's instance of cloud-init" },
	{ "/var/lib/cloud/sem/*", SIEVE_LEAVE_OUT, "another machine's instance of cloud-init" },
	{ "/etc/salt/minion_id", SIEVE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/salt/pki/minion/minion.*", SIEVE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/puppetlabs/puppet/ssl/*", SIEVE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/puppet/ssl/*", SIEVE_LEAVE_OUT, "another machine's registration" },
	{ "/var/lib/puppet/ssl/*", SIEVE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/chef/client.pem", SIEVE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/pki/consumer/*", SIEVE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/pki/entitlement/*", SIEVE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/sysconfig/rhn/systemid", SIEVE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/insights-client/machine-id", SIEVE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/zypp/credentials.d/SCCcredentials", SIEVE_LEAVE_OUT,
	  "another machine's registration" },
	{ "/var/lib/ubuntu-advantage/private/*", SIEVE_LEAVE_OUT,
	  "another machine's registration" },
	{ "/var/lib/landscape/client/*", SIEVE_LEAVE_OUT, "another machine's registration" },
	{ "/var/lib/tailscale/tailscaled.state", SIEVE_LEAVE_OUT,
	  "another machine's registration" },
	{ "/var/lib/zerotier-one/identity.*", SIEVE_LEAVE_OUT, "another machine's registration" },

	{ "/**", SIEVE_SWAP_FILE, "swap, which would be in RAM" },
};

int scrub_add_rules(struct sieve *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rules); i++)
		r = sieve_add(s, rules[i].action, rules[i].glob, rules[i].why);
	return r;
}

bool scrub_reads_text(enum sieve_action action)
{
	return action == SIEVE_FSTAB || action == SIEVE_CRYPTTAB || action == SIEVE_VERITYTAB ||
	       action == SIEVE_CARD_PROFILE || action == SIEVE_RESOLV_CONF;
}

int scrub_text(enum sieve_action action, const char *text, size_t size,
	       const struct path_map *mapped, struct scrubbed *ret)
{
	int lines = 0;

	*ret = (struct scrubbed){ .result = SCRUB_LETS_BE };
	if (action == SIEVE_FSTAB)
		lines = fstab_without_disks(text, size, mapped, &ret->text, &ret->size);
	else if (action == SIEVE_CRYPTTAB || action == SIEVE_VERITYTAB)
		lines = crypttab_without_disks(text, size,
					       action == SIEVE_CRYPTTAB ? CRYPTTAB
									: CRYPTTAB_VERITY,
					       &ret->text, &ret->size);
	else if (action == SIEVE_CARD_PROFILE && card_profile_has_mac(text, size))
		ret->result = SCRUB_LEAVES_OUT;
	if (lines < 0)
		return lines;
	ret->lines = lines;
	if (ret->text)
		ret->result = SCRUB_CHANGES;
	return 0;
}
