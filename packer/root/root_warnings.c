/* Warnings about a root, on stderr. */
#include "root/root_warnings.h"

#include "base/fields.h"
#include "root/login_check.h"
#include "base/print.h"
#include "root/systemd_check.h"

static void warn_of_owner(uid_t uid, uid_t usr)
{
	if (usr != 0)
		print_warning(
			"/usr belongs to user %u, as if that user had unpacked the root: sudo "
			"and the like would run as that user, who could change all programs: "
			"unpack it as root, or pack it in the user namespace where it is "
			"root's (podman unshare tarboot ...)",
			(unsigned)usr);
	else if (uid != 0)
		print_warning(
			"the root directory belongs to user %u: systemd and sshd refuse files "
			"in it: run chown root on it and pack again",
			(unsigned)uid);
}

void root_warn_of_capabilities(size_t n, const char *path, unsigned user)
{
	print_warning("%zu file%s, as /%s, ha%s capabilities of a user namespace in which user %u "
		      "is root: the new system will ignore them: pack the root in that namespace "
		      "(podman unshare tarboot ...)",
		      n, print_plural(n), path, n == 1 ? "s" : "ve", user);
}

void root_warn_of_directory(unsigned mode, uid_t uid, uid_t usr)
{
	if ((mode & 0555) != 0555)
		print_warning("the root directory has mode %04o: only root could enter it, so most "
			      "services will fail: run chmod 755 on it and pack again",
			      mode);
	else if (mode & 0022)
		print_warning("the root directory has mode %04o: all users could write to it: run "
			      "chmod 755 on it and pack again",
			      mode);
	warn_of_owner(uid, usr);
}

/* Where no cloud is, cloud-init does nothing, unless its datasource is in the root. */
static bool has_datasource(const struct root_files *packed)
{
	static const char *const seeds[] = { "var/lib/cloud/seed/nocloud",
					     "var/lib/cloud/seed/nocloud-net",
					     "etc/cloud/cloud.cfg.d/99-installer.cfg", /* Ubuntu */
					     "etc/cloud/ds-identify.cfg", NULL };

	return root_files_has_one_of(packed, seeds);
}

static bool has_cloud_init(const struct root_files *packed)
{
	return root_files_has(packed, "usr/bin/cloud-init") &&
	       !root_files_has(packed, "etc/cloud/cloud-init.disabled");
}

/* An ssh server without host keys, where nothing creates them at boot, as in Debian: it would not start. */
static void warn_of_ssh_keys(const struct root_files *packed)
{
	static const char *const servers[] = { "usr/sbin/sshd", "usr/bin/sshd", NULL };
	static const char *const keys[] = { "etc/ssh/ssh_host_ed25519_key",
					    "etc/ssh/ssh_host_ecdsa_key",
					    "etc/ssh/ssh_host_rsa_key", NULL };
	/* What distributions run before sshd; and changes of an admin, which may do it. */
	static const char *const creators[] = {
		"usr/lib/systemd/system/sshd-keygen@.service", /* Fedora, RHEL */
		"usr/lib/systemd/system/sshd-keygen.service",
		"usr/lib/systemd/system/sshdgenkeys.service", /* Arch */
		"usr/sbin/sshd-gen-keys-start",               /* SUSE */
		"etc/init.d/sshd",                            /* Alpine, Gentoo */
		"etc/systemd/system/ssh.service.d",
		"etc/systemd/system/sshd.service.d",
		"etc/systemd/system/ssh.service",
		"etc/systemd/system/sshd.service",
		NULL
	};

	if (!root_files_has_one_of(packed, servers) || root_files_has_one_of(packed, keys) ||
	    root_files_has_one_of(packed, creators))
		return;
	if (!has_cloud_init(packed))
		print_warning(
			"the root has an ssh server, but neither host keys nor a unit that "
			"creates them: run ssh-keygen -A from a unit (ssh.service.d), or keep "
			"them with --keep '/etc/ssh/ssh_host_*'");
	else if (!has_datasource(packed))
		print_warning("without a datasource cloud-init creates no host keys for the ssh "
			      "server, no users and no network: give one with --overlay or a "
			      "layer (var/lib/cloud/seed/nocloud), or boot with ds=nocloud");
}

/* SELinux in the root is strict, and nobody has labelled what the boot makes. */
static void warn_of_selinux(const struct root_files *packed)
{
	_cleanup_free_ char *text = root_files_read(packed, "etc/selinux/config");

	if (text &&
	    (strncmp(text, "SELINUX=enforcing", 17) == 0 || strstr(text, "\nSELINUX=enforcing")))
		print_warning("SELinux is enforcing in the root: boot with selinux=0, or set "
			      "SELINUX=permissive in etc/selinux/config");
}

/* Without a file only these modules of the C library know localhost. */
static bool knows_localhost(const char *nsswitch)
{
	const char *next = nsswitch;
	struct field line;

	while (line_next(&next, nsswitch + strlen(nsswitch), &line))
		if (field_starts_with(line, "hosts:"))
			return field_contains(line, "myhostname") ||
			       field_contains(line, "resolve");
	return true;
}

/* docker export has it empty. */
static void warn_of_hosts(const struct root_files *packed)
{
	_cleanup_free_ char *nsswitch = root_files_read(packed, "etc/nsswitch.conf");
	bool is_there = root_files_has(packed, "etc/hosts");
	struct stat hosts = { 0 };

	if (is_there && (packed->stat(packed, "etc/hosts", &hosts) < 0 || hosts.st_size > 0))
		return;
	if (nsswitch && !knows_localhost(nsswitch))
		print_warning("etc/hosts is %s, so localhost has no address: give one with the "
			      "line \"127.0.0.1 localhost\" with --overlay",
			      is_there ? "empty" : "missing");
}

void root_warn_of_files(const struct root_files *packed, const char *init)
{
	warn_of_selinux(packed);
	warn_of_ssh_keys(packed);
	warn_of_hosts(packed);
	if (!systemd_check_is(packed, init))
		return;
	systemd_check_warn(packed);
	if (!has_cloud_init(packed)) /* which makes accounts */
		login_check_warn(packed);
}

/* What NetworkManager or a DHCP client made, the same program makes anew. */
void root_warn_of_name_servers(const char *text, size_t size)
{
	const char *next = text;
	struct field line, server = { 0 };

	while (line_next(&next, text + size, &line)) {
		const char *at = line.at, *end = line.at + line.size;

		if (field_starts_with(line, "# Generated by "))
			return;
		if (!field_is(field_next(&at, end), "nameserver") || server.size > 0)
			continue;
		server = field_next(&at, end);
		if (field_starts_with(server, "127.") || field_is(server, "::1"))
			server.size = 0;
	}
	if (server.size > 0)
		print_warning(
			"etc/resolv.conf names the DNS server %.*s, which every machine will use: "
			"replace it with --overlay, or leave it out with --exclude",
			(int)(server.size < 64 ? server.size : 64), server.at);
}
