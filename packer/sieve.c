/* Rules in order, and the list of what is scrubbed. */
#include "sieve.h"

#include <errno.h>
#include <stdlib.h>

#include "glob.h"
#include "path.h"
#include "util.h"

/* Directories stay, since programs expect them; only what lies in them goes. */
static const struct {
	const char *glob;
	enum sieve_action action;
	const char *why;
} scrub[] = {
	{ "/proc/*", SIEVE_LEAVE_OUT, "the kernel's" },
	{ "/sys/*", SIEVE_LEAVE_OUT, "the kernel's" },
	{ "/dev/*", SIEVE_LEAVE_OUT, "the kernel makes them" },
	{ "/run/*", SIEVE_LEAVE_OUT, "made anew by every boot" },
	{ "/tmp/*", SIEVE_LEAVE_OUT, "temporary" },
	{ "/var/tmp/*", SIEVE_LEAVE_OUT, "temporary" },

	{ "/var/cache/apt/archives/**/*.deb", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/apt/*.bin", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/lib/apt/lists/*", SIEVE_LEAVE_OUT, "package lists: apt-get update fetches them" },
	{ "/var/cache/dnf/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/libdnf5/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/yum/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/PackageKit/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/zypp/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/pacman/pkg/*", SIEVE_LEAVE_OUT, "package cache" },
	{ "/var/cache/apk/*", SIEVE_LEAVE_OUT, "package cache" },

	{ "/var/log/journal/*", SIEVE_LEAVE_OUT, "logs of another machine" },
	{ "/var/log/installer", SIEVE_LEAVE_OUT, "logs of another machine" },
	{ "/var/log/anaconda", SIEVE_LEAVE_OUT, "logs of another machine" },
	{ "/var/log/**/*.gz", SIEVE_LEAVE_OUT, "old logs" },
	{ "/var/log/**/*.xz", SIEVE_LEAVE_OUT, "old logs" },
	{ "/var/log/**/*.old", SIEVE_LEAVE_OUT, "old logs" },
	{ "/var/log/**/*.[0-9]", SIEVE_LEAVE_OUT, "old logs" },
	{ "/var/log/**/*-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]", SIEVE_LEAVE_OUT, "old logs" },
	{ "/var/log/**", SIEVE_EMPTY, "logs of another machine" },
	{ "/var/lib/systemd/coredump/*", SIEVE_LEAVE_OUT, "core dumps" },
	{ "/var/crash/*", SIEVE_LEAVE_OUT, "core dumps" },

	{ "/boot/*rescue*", SIEVE_LEAVE_OUT, "a rescue kernel" },
	{ "/boot/initramfs*", SIEVE_LEAVE_OUT, "an initramfs: the image is one" },
	{ "/boot/initrd*", SIEVE_LEAVE_OUT, "an initramfs: the image is one" },
	{ "/initrd.img*", SIEVE_LEAVE_OUT, "an initramfs: the image is one" },

	{ "/etc/fstab", SIEVE_FSTAB, "lines that need a disk" },
	{ "/etc/initramfs-tools/conf.d/resume", SIEVE_LEAVE_OUT, "no disk to resume from" },
	{ "/swapfile", SIEVE_LEAVE_OUT, "swap in RAM" },
	{ "/swap.img", SIEVE_LEAVE_OUT, "swap in RAM" },
	{ "lost+found/", SIEVE_LEAVE_OUT, "a disk's" },

	{ "/etc/machine-id", SIEVE_EMPTY, "each machine makes its own" },
	{ "/var/lib/dbus/machine-id", SIEVE_LEAVE_OUT, "each machine makes its own" },
	{ "/etc/ssh/ssh_host_*", SIEVE_LEAVE_OUT, "each machine makes its own (ssh-keygen -A)" },
	{ "/etc/udev/rules.d/*-persistent-net.rules", SIEVE_LEAVE_OUT, "another machine's cards" },
	{ "/etc/udev/rules.d/*-persistent-cd.rules", SIEVE_LEAVE_OUT, "another machine's drives" },
	{ "/var/lib/systemd/random-seed", SIEVE_LEAVE_OUT, "the same on all machines" },
	{ "/var/lib/urandom/random-seed", SIEVE_LEAVE_OUT, "the same on all machines" },
	{ "/var/lib/random-seed", SIEVE_LEAVE_OUT, "the same on all machines" },
	{ "/var/lib/systemd/credential.secret", SIEVE_LEAVE_OUT, "the same on all machines" },
	{ "/var/lib/dhcp/*.leases", SIEVE_LEAVE_OUT, "another machine's leases" },
	{ "/var/lib/NetworkManager/*.lease", SIEVE_LEAVE_OUT, "another machine's leases" },
};

int sieve_add(struct sieve *s, enum sieve_action action, const char *glob, const char *why)
{
	struct sieve_rule *rules = realloc(s->rules, (s->n_rules + 1) * sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	s->rules = rules;
	rules[s->n_rules++] = (struct sieve_rule){ .glob = glob, .action = action, .why = why };
	return 0;
}

int sieve_add_scrub(struct sieve *s)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(scrub); i++)
		r = sieve_add(s, scrub[i].action, scrub[i].glob, scrub[i].why);
	return r;
}

int sieve_keep(struct sieve *s, const char *glob)
{
	const char **keep = realloc(s->keep, (s->n_keep + 1) * sizeof(*keep));

	if (!keep)
		return -ENOMEM;
	s->keep = keep;
	keep[s->n_keep++] = glob;
	return 0;
}

static bool is_kept(const struct sieve *s, const char *path, bool is_directory)
{
	for (size_t i = 0; i < s->n_keep; i++)
		if (glob_match_above(s->keep[i], path, is_directory) ||
		    (is_directory && glob_may_match_below(s->keep[i], path)))
			return true;
	return false;
}

struct sieve_rule *sieve_judge(const struct sieve *s, const char *path, bool is_directory)
{
	path = path_in_root(path);
	if (path_is_root(path))
		return NULL;
	for (size_t i = 0; i < s->n_rules; i++) {
		struct sieve_rule *rule = &s->rules[i];

		if (rule->action != SIEVE_LEAVE_OUT && is_directory)
			continue;
		if (rule->action == SIEVE_LEAVE_OUT
			    ? glob_match_above(rule->glob, path, is_directory)
			    : glob_match(rule->glob, path, is_directory))
			return is_kept(s, path, is_directory) ? NULL : rule;
	}
	return NULL;
}

void sieve_free(struct sieve *s)
{
	free(s->rules);
	free(s->keep);
	*s = (struct sieve){ 0 };
}
