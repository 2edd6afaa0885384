/* The table, and what becomes of the texts in it. */
#include "root/scrub.h"

#include <errno.h>

#include "root/card_profile.h"
#include "root/crypttab.h"
#include "root/fstab.h"
#include "base/util.h"

/* The first that names a path is taken. Directories stay, since programs expect them; only what lies in them goes. What
 * has the same reason stands together: the manual has one entry for it. */
static const struct {
	const char *glob;
	enum rule_action action;
	const char *why;
} rules[] = {
	{ "/proc/*", RULE_LEAVE_OUT, "kernel file system" },
	{ "/sys/*", RULE_LEAVE_OUT, "kernel file system" },
	{ "/dev/*", RULE_LEAVE_OUT, "created by the kernel" },
	{ "/run/*", RULE_LEAVE_OUT, "created at every boot" },
	{ "/tmp/*", RULE_LEAVE_OUT, "temporary" },
	{ "/var/tmp/*", RULE_LEAVE_OUT, "temporary" },

	{ "/.dockerenv", RULE_LEAVE_OUT, "marks a container" },
	{ "/.dockerinit", RULE_LEAVE_OUT, "marks a container" },
	{ "/.autorelabel", RULE_LEAVE_OUT,
	  "SELinux would relabel all files and reboot, at every boot" },
	{ "/etc/initrd-release", RULE_LEAVE_OUT, "systemd would take the root for an initramfs" },

	{ "/var/cache/apt/archives/**/*.deb", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/apt/*.bin", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/dnf/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/libdnf5/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/yum/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/PackageKit/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/zypp/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/pacman/pkg/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/apk/*", RULE_LEAVE_OUT, "package cache" },
	{ "/etc/apk/cache/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/xbps/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/distfiles/*", RULE_LEAVE_OUT, "package cache" }, /* Gentoo */
	{ "/var/cache/binpkgs/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/edb/*", RULE_LEAVE_OUT, "package cache" },
	{ "/usr/portage/distfiles/*", RULE_LEAVE_OUT, "package cache" },
	{ "/usr/portage/packages/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/eopkg/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/lib/swupd/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/cache/swupd/*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/lib/rpm/__db.*", RULE_LEAVE_OUT, "package cache" },
	{ "/var/lib/apt/lists/*", RULE_LEAVE_OUT, "package lists: apt-get update fetches them" },

	{ "/var/log/journal/*", RULE_LEAVE_OUT, "logs of another machine" },
	{ "/var/log/installer", RULE_LEAVE_OUT, "logs of another machine" },
	{ "/var/log/anaconda", RULE_LEAVE_OUT, "logs of another machine" },
	{ "/var/account/*", RULE_LEAVE_OUT, "logs of another machine" },
	{ "/var/lib/lastlog/*", RULE_LEAVE_OUT, "logs of another machine" },
	{ "/var/lib/wtmpdb/*", RULE_LEAVE_OUT, "logs of another machine" },
	{ "/var/log/**/*.gz", RULE_LEAVE_OUT, "old logs" },
	{ "/var/log/**/*.xz", RULE_LEAVE_OUT, "old logs" },
	{ "/var/log/**/*.old", RULE_LEAVE_OUT, "old logs" },
	{ "/var/log/**/*.[0-9]", RULE_LEAVE_OUT, "old logs" },
	{ "/var/log/**/*-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]", RULE_LEAVE_OUT, "old logs" },
	{ "/var/log/**", RULE_EMPTY, "logs of another machine" },
	{ "/root/.*_history", RULE_LEAVE_OUT, "history of a shell" },
	{ "/home/*/.*_history", RULE_LEAVE_OUT, "history of a shell" },
	{ "/root/.local/share/fish/fish_history", RULE_LEAVE_OUT, "history of a shell" },
	{ "/home/*/.local/share/fish/fish_history", RULE_LEAVE_OUT, "history of a shell" },
	{ "/var/lib/systemd/coredump/*", RULE_LEAVE_OUT, "core dumps" },
	{ "/var/lib/apport/coredump/*", RULE_LEAVE_OUT, "core dumps" },
	{ "/var/crash/*", RULE_LEAVE_OUT, "core dumps" },
	{ "/var/spool/abrt/*", RULE_LEAVE_OUT, "core dumps" },
	{ "/var/mail/*", RULE_LEAVE_OUT, "mail of another machine" },
	{ "/var/spool/mail/*", RULE_LEAVE_OUT, "mail of another machine" },
	{ "/var/spool/at/a*", RULE_LEAVE_OUT, "jobs of another machine (at)" },
	{ "/var/spool/cron/atjobs/a*", RULE_LEAVE_OUT, "jobs of another machine (at)" },

	{ "/.snapshots/*", RULE_LEAVE_OUT, "older states of the root" }, /* snapper */
	{ "/home/.snapshots/*", RULE_LEAVE_OUT, "older states of the root" },
	{ "/timeshift/snapshots*", RULE_LEAVE_OUT, "older states of the root" },
	{ "/timeshift-btrfs", RULE_LEAVE_OUT, "older states of the root" },

	{ "/boot/*rescue*", RULE_LEAVE_OUT, "a rescue kernel" },
	{ "/boot/initramfs*", RULE_LEAVE_OUT, "an initramfs: the image is one" },
	{ "/boot/initrd*", RULE_LEAVE_OUT, "an initramfs: the image is one" },
	{ "/initrd.img*", RULE_LEAVE_OUT, "an initramfs: the image is one" },
	{ "/boot/*/*/initrd*", RULE_LEAVE_OUT, "an initramfs: the image is one" },
	{ "/boot/efi/*/*/initrd*", RULE_LEAVE_OUT, "an initramfs: the image is one" },
	{ "/efi/*/*/initrd*", RULE_LEAVE_OUT, "an initramfs: the image is one" },
	{ "/lib/modules/*/initramfs*", RULE_LEAVE_OUT, "an initramfs: the image is one" },
	{ "/usr/lib/modules/*/initramfs*", RULE_LEAVE_OUT, "an initramfs: the image is one" },

	{ "/boot/EFI/Linux/*.efi", RULE_LEAVE_OUT, "has an initramfs in it, and the image is one" },
	{ "/boot/efi/EFI/Linux/*.efi", RULE_LEAVE_OUT,
	  "has an initramfs in it, and the image is one" },
	{ "/efi/EFI/Linux/*.efi", RULE_LEAVE_OUT, "has an initramfs in it, and the image is one" },
	{ "/lib/modules/*/vmlinuz-virt.efi", RULE_LEAVE_OUT,
	  "has an initramfs in it, and the image is one" },
	{ "/usr/lib/modules/*/vmlinuz-virt.efi", RULE_LEAVE_OUT,
	  "has an initramfs in it, and the image is one" },

	{ "/etc/fstab", RULE_FSTAB, "lines that need the disks or the host of another machine" },
	{ "/etc/crypttab", RULE_CRYPTTAB,
	  "lines that need the disks or the host of another machine" },
	{ "/etc/integritytab", RULE_CRYPTTAB,
	  "lines that need the disks or the host of another machine" },
	{ "/etc/veritytab", RULE_VERITYTAB,
	  "lines that need the disks or the host of another machine" },
	{ "/etc/initramfs-tools/conf.d/resume", RULE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/zfs/zpool.cache", RULE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/lvm/devices/system.devices", RULE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/lvm/archive/*", RULE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/lvm/backup/*", RULE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/multipath/bindings", RULE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/multipath/wwids", RULE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/blkid.tab", RULE_LEAVE_OUT, "another machine's disks" },
	{ "/etc/blkid/blkid.tab", RULE_LEAVE_OUT, "another machine's disks" },
	{ "lost+found/", RULE_LEAVE_OUT, "another machine's disks" },

	{ "/etc/machine-id", RULE_MACHINE_ID, "each machine creates its own" },
	{ "/var/lib/dbus/machine-id", RULE_LEAVE_OUT, "each machine creates its own" },
	{ "/etc/hostid", RULE_LEAVE_OUT, "each machine creates its own" },
	{ "/var/lib/dovecot/*", RULE_LEAVE_OUT, "each machine creates its own" },
	{ "/etc/passwd-", RULE_LEAVE_OUT, "old accounts, with their passwords" },
	{ "/etc/shadow-", RULE_LEAVE_OUT, "old accounts, with their passwords" },
	{ "/etc/group-", RULE_LEAVE_OUT, "old accounts, with their passwords" },
	{ "/etc/gshadow-", RULE_LEAVE_OUT, "old accounts, with their passwords" },
	{ "/etc/subuid-", RULE_LEAVE_OUT, "old accounts, with their passwords" },
	{ "/etc/subgid-", RULE_LEAVE_OUT, "old accounts, with their passwords" },
	{ "/var/backups/passwd.bak", RULE_LEAVE_OUT, "old accounts, with their passwords" },
	{ "/var/backups/shadow.bak", RULE_LEAVE_OUT, "old accounts, with their passwords" },
	{ "/var/backups/group.bak", RULE_LEAVE_OUT, "old accounts, with their passwords" },
	{ "/var/backups/gshadow.bak", RULE_LEAVE_OUT, "old accounts, with their passwords" },
	{ "/etc/hostname", RULE_LEAVE_OUT,
	  "the builder's name: a machine has its own from DHCP or the kernel line" },
	{ "/etc/HOSTNAME", RULE_LEAVE_OUT,
	  "the builder's name: a machine has its own from DHCP or the kernel line" },

	{ "/etc/ssh/ssh_host_*", RULE_LEAVE_OUT, "each machine creates its own (ssh-keygen -A)" },
	{ "/etc/dropbear/dropbear_*_host_key", RULE_LEAVE_OUT,
	  "each machine creates its own (dropbear -R)" },
	{ "/etc/dropbear-initramfs/dropbear_*_host_key", RULE_LEAVE_OUT,
	  "each machine creates its own (dropbear -R)" },
	{ "/etc/dropbear/initramfs/dropbear_*_host_key", RULE_LEAVE_OUT,
	  "each machine creates its own (dropbear -R)" },
	{ "/etc/tinyssh/sshkeydir", RULE_LEAVE_OUT,
	  "each machine creates its own (tinysshd-makekey)" },

	{ "/var/lib/systemd/random-seed", RULE_LEAVE_OUT, "would be the same on all machines" },
	{ "/var/lib/urandom/random-seed", RULE_LEAVE_OUT, "would be the same on all machines" },
	{ "/var/lib/misc/random-seed", RULE_LEAVE_OUT, "would be the same on all machines" },
	{ "/var/lib/random-seed", RULE_LEAVE_OUT, "would be the same on all machines" },
	{ "/etc/random-seed", RULE_LEAVE_OUT, "would be the same on all machines" },
	{ "/etc/urandom.seed", RULE_LEAVE_OUT, "would be the same on all machines" },
	{ "/var/lib/seedrng/*", RULE_LEAVE_OUT, "would be the same on all machines" },
	{ "/boot/loader/random-seed", RULE_LEAVE_OUT, "would be the same on all machines" },
	{ "/boot/efi/loader/random-seed", RULE_LEAVE_OUT, "would be the same on all machines" },
	{ "/efi/loader/random-seed", RULE_LEAVE_OUT, "would be the same on all machines" },
	{ "/var/lib/systemd/credential.secret", RULE_LEAVE_OUT,
	  "would be the same on all machines" },
	{ "/var/lib/NetworkManager/secret_key", RULE_LEAVE_OUT,
	  "would be the same on all machines" },

	{ "/var/lib/dhcp/dhcpd*.leases", RULE_EMPTY, "another machine's leases" },
	{ "/var/lib/dhcpd/*.leases", RULE_EMPTY, "another machine's leases" },
	{ "/var/lib/dhcp/*.leases", RULE_LEAVE_OUT, "another machine's leases" },
	{ "/var/lib/dhclient/*", RULE_LEAVE_OUT, "another machine's leases" },
	{ "/var/lib/dhcpcd/*", RULE_LEAVE_OUT, "another machine's leases" },
	{ "/var/lib/dhcpcd5/*", RULE_LEAVE_OUT, "another machine's leases" },
	{ "/var/db/dhcpcd/*", RULE_LEAVE_OUT, "another machine's leases" },
	{ "/var/lib/wicked/*", RULE_LEAVE_OUT, "another machine's leases" },
	{ "/var/lib/NetworkManager/*.lease", RULE_LEAVE_OUT, "another machine's leases" },
	{ "/etc/dhcpcd.duid", RULE_LEAVE_OUT, "another machine's name for DHCP" },
	{ "/etc/dhcpcd.secret", RULE_LEAVE_OUT, "another machine's name for DHCP" },
	{ "/var/lib/dhcpv6/*duid", RULE_LEAVE_OUT, "another machine's name for DHCP" },
	{ "/var/lib/dibbler/*duid", RULE_LEAVE_OUT, "another machine's name for DHCP" },
	{ "/var/lib/kea/*-serverid", RULE_LEAVE_OUT, "another machine's name for DHCP" },

	{ "/etc/udev/rules.d/*-persistent-net.rules", RULE_LEAVE_OUT,
	  "another machine's network cards" },
	{ "/var/lib/NetworkManager/timestamps", RULE_LEAVE_OUT, "another machine's network cards" },
	{ "/var/lib/NetworkManager/seen-bssids", RULE_LEAVE_OUT,
	  "another machine's network cards" },
	{ "/var/lib/NetworkManager/no-auto-default.state", RULE_LEAVE_OUT,
	  "another machine's network cards" },
	{ "/var/lib/connman/ethernet_*", RULE_LEAVE_OUT, "another machine's network cards" },
	{ "/etc/NetworkManager/system-connections/*", RULE_CARD_PROFILE,
	  "has the MAC address of another machine" },
	{ "/etc/sysconfig/network-scripts/ifcfg-*", RULE_CARD_PROFILE,
	  "has the MAC address of another machine" },
	{ "/etc/sysconfig/network/ifcfg-*", RULE_CARD_PROFILE,
	  "has the MAC address of another machine" },
	{ "/etc/systemd/network/*", RULE_CARD_PROFILE, "has the MAC address of another machine" },
	{ "/etc/netplan/*", RULE_CARD_PROFILE, "has the MAC address of another machine" },
	{ "/etc/network/interfaces", RULE_NETWORK, "network cards and addresses of one machine" },
	{ "/etc/network/interfaces.d/*", RULE_NETWORK,
	  "network cards and addresses of one machine" },
	{ "/etc/dhcpcd.conf", RULE_NETWORK, "network cards and addresses of one machine" },
	{ "/etc/udev/rules.d/*-persistent-cd.rules", RULE_LEAVE_OUT, "another machine's drives" },
	{ "/etc/resolv.conf", RULE_RESOLV_CONF, "name servers of another network" },

	{ "/etc/iscsi/initiatorname.iscsi", RULE_LEAVE_OUT,
	  "each machine needs its own (iscsi-iname)" },
	{ "/etc/nvme/hostnqn", RULE_LEAVE_OUT, "each machine needs its own (nvme gen-hostnqn)" },
	{ "/etc/nvme/hostid", RULE_LEAVE_OUT, "each machine needs its own (nvme gen-hostnqn)" },
	{ "/etc/krb5.keytab", RULE_LEAVE_OUT, "another machine's account in a domain" },
	{ "/etc/**/*.keytab", RULE_LEAVE_OUT, "another machine's account in a domain" },
	{ "/var/lib/samba/private/secrets.tdb", RULE_LEAVE_OUT,
	  "another machine's account in a domain" },
	{ "/var/lib/sss/db/*", RULE_LEAVE_OUT, "another machine's account in a domain" },
	{ "/var/lib/sss/mc/*", RULE_LEAVE_OUT, "another machine's account in a domain" },
	{ "/var/lib/cloud/instance", RULE_LEAVE_OUT, "another machine's instance of cloud-init" },
	{ "/var/lib/cloud/instances/*", RULE_LEAVE_OUT,
	  "another machine's instance of cloud-init" },
	{ "/var/lib/cloud/data/*", RULE_LEAVE_OUT, "another machine's instance of cloud-init" },
	{ "/var/lib/cloud/sem/*", RULE_LEAVE_OUT, "another machine's instance of cloud-init" },
	{ "/etc/salt/minion_id", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/salt/pki/minion/minion.*", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/puppetlabs/puppet/ssl/*", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/puppet/ssl/*", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/var/lib/puppet/ssl/*", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/chef/client.pem", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/pki/consumer/*", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/pki/entitlement/*", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/sysconfig/rhn/systemid", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/insights-client/machine-id", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/zypp/credentials.d/SCCcredentials", RULE_LEAVE_OUT,
	  "another machine's registration" },
	{ "/var/lib/ubuntu-advantage/private/*", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/var/lib/landscape/client/*", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/var/lib/tailscale/tailscaled.state", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/var/lib/zerotier-one/identity.*", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/smolt/*uuid", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/etc/sysconfig/hw-uuid", RULE_LEAVE_OUT, "another machine's registration" },
	{ "/var/lib/yum/uuid", RULE_LEAVE_OUT, "another machine's registration" },

	{ "/**", RULE_SWAP_FILE, "swap, which would be in RAM" },
};

int scrub_add_rules(struct rules *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(rules); i++)
		r = rules_add(s, rules[i].action, rules[i].glob, rules[i].why);
	return r;
}

bool scrub_reads_text(enum rule_action action)
{
	return action == RULE_FSTAB || action == RULE_CRYPTTAB || action == RULE_VERITYTAB ||
	       action == RULE_CARD_PROFILE || action == RULE_NETWORK || action == RULE_RESOLV_CONF;
}

int scrub_text(enum rule_action action, const char *text, size_t size,
	       const struct path_map *mapped, struct scrubbed *ret)
{
	int lines = 0;

	*ret = (struct scrubbed){ .result = SCRUB_LETS_BE };
	if (action == RULE_FSTAB)
		lines = fstab_without_disks(text, size, mapped, &ret->text, &ret->size);
	else if (action == RULE_CRYPTTAB || action == RULE_VERITYTAB)
		lines = crypttab_without_disks(text, size,
					       action == RULE_CRYPTTAB ? CRYPTTAB : CRYPTTAB_VERITY,
					       &ret->text, &ret->size);
	else if (action == RULE_CARD_PROFILE && card_profile_has_mac(text, size))
		ret->result = SCRUB_LEAVES_OUT;
	if (lines < 0)
		return lines;
	ret->lines = lines;
	if (ret->text)
		ret->result = SCRUB_CHANGES;
	return 0;
}
