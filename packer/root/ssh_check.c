/* Known programs, and units that speak of host keys. */
#include "root/ssh_check.h"

#include <limits.h>
#include <stdio.h>

#include "base/path.h"
#include "base/print.h"
#include "root/root_paths.h"

/* Where no cloud is, cloud-init does nothing, unless its datasource is in the root. */
static bool has_datasource(const struct root_files *packed)
{
	static const char *const seeds[] = { CLOUD_SEEDS,
					     "etc/cloud/cloud.cfg.d/99-installer.cfg", /* Ubuntu */
					     "etc/cloud/ds-identify.cfg", NULL };

	return root_files_has_one_of(packed, seeds);
}

/* Does it create host keys, or bring them from elsewhere? Not "sshd-keygen": cloud-init's units are before that of others. */
static bool speaks_of_keys(const struct root_files *packed, const char *path)
{
	static const char *const words[] = { "ssh-keygen", "ssh_host_",
					     "reconfigure openssh-server" };
	_cleanup_free_ char *text = root_files_read(packed, path);

	for (size_t i = 0; text && i < ARRAY_SIZE(words); i++)
		if (strstr(text, words[i]))
			return true;
	return false;
}

/* ---- units ---- */

struct unit_directory {
	const struct root_files *packed;
	const char *path, *suffix; /* of its units, or of its drop-ins */
};

static int is_file_for_keys(void *arg, const char *name, bool is_directory)
{
	const struct unit_directory *d = arg;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	return !is_directory && ends_with(name, d->suffix) && speaks_of_keys(d->packed, path);
}

static bool has_file_for_keys(const struct root_files *packed, const char *path, const char *suffix)
{
	struct unit_directory d = { packed, path, suffix };

	return packed->list(packed, path, is_file_for_keys, &d) > 0;
}

/* A unit or a link to one, drop-ins of any, and what a target wants. */
static int is_for_keys(void *arg, const char *name, bool is_directory)
{
	const struct unit_directory *d = arg;
	char path[PATH_MAX];

	snprintf(path, sizeof(path), "%s/%s", d->path, name);
	if (ends_with(name, ".service.d"))
		return has_file_for_keys(d->packed, path, ".conf");
	if (ends_with(name, ".wants") || ends_with(name, ".requires"))
		return has_file_for_keys(d->packed, path, d->suffix);
	return is_file_for_keys(arg, name, is_directory);
}

static bool has_unit_for_keys(const struct root_files *packed)
{
	static const char *const of_packages[] = { "usr/lib/systemd/system/ssh.service.d",
						   "usr/lib/systemd/system/sshd.service.d" };
	struct unit_directory d = { packed, SYSTEMD_UNITS, ".service" };

	if (packed->list(packed, d.path, is_for_keys, &d) > 0)
		return true;
	for (size_t i = 0; i < ARRAY_SIZE(of_packages); i++)
		if (has_file_for_keys(packed, of_packages[i], ".conf"))
			return true;
	return false;
}

/* ---- the whole ---- */

static bool creates_keys(const struct root_files *packed)
{
	/* What distributions run before sshd. */
	static const char *const creators[] = {
		"usr/lib/systemd/system/sshd-keygen@.service", /* Fedora, RHEL */
		"usr/lib/systemd/system/sshd-keygen.service",
		"usr/lib/systemd/system/sshdgenkeys.service", /* Arch */
		"usr/sbin/sshd-gen-keys-start",               /* SUSE */
		"etc/init.d/sshd",                            /* Alpine, Gentoo */
		NULL
	};

	return root_files_has_one_of(packed, creators) || has_unit_for_keys(packed) ||
	       speaks_of_keys(packed, "etc/rc.local");
}

void ssh_check_warn(const struct root_files *packed, bool has_cloud_init)
{
	static const char *const servers[] = { "usr/sbin/sshd", "usr/bin/sshd", NULL };
	static const char *const keys[] = { "etc/ssh/ssh_host_ed25519_key",
					    "etc/ssh/ssh_host_ecdsa_key",
					    "etc/ssh/ssh_host_rsa_key", NULL };

	if (!root_files_has_one_of(packed, servers) || root_files_has_one_of(packed, keys) ||
	    creates_keys(packed))
		return;
	if (!has_cloud_init)
		print_warning(
			"the root has an ssh server, but neither host keys nor a unit that "
			"creates them: run ssh-keygen -A from a unit (ssh.service.d), or keep "
			"them with --keep '/etc/ssh/ssh_host_*'");
	else if (!has_datasource(packed))
		print_warning("without a datasource cloud-init creates no host keys for the ssh "
			      "server, no users and no network: give one with --overlay or a "
			      "layer (var/lib/cloud/seed/nocloud), or boot with ds=nocloud");
}
