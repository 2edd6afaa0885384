/* Accounts, and what lets somebody in without one. */
#include "root/login_check.h"

#include <limits.h>
#include <stdio.h>

#include "base/fields.h"
#include "base/path.h"
#include "base/print.h"
#include "root/root_paths.h"

#define SSHD_DROP_INS "etc/ssh/sshd_config.d"

/* Accounts of another place, of a first boot, or nobody's: configuration that is there where it is used. */
static const char *const other_ways[] = {
	"etc/sssd/sssd.conf",
	"etc/nslcd.conf",
	"etc/yp.conf",
	"etc/ipa/default.conf",
	"etc/userdb",
	"var/lib/systemd/home",
	"etc/credstore/passwd.hashed-password.root",
	"etc/credstore/passwd.plaintext-password.root",
	"usr/lib/credstore/passwd.hashed-password.root",
	"usr/lib/credstore/passwd.plaintext-password.root",
	CLOUD_SEEDS,
	"etc/dropbear/authorized_keys",
	"etc/ssh/authorized_keys",
	"etc/ssh/authorized_keys.d",
	"usr/sbin/gdm",
	"usr/sbin/gdm3",
	"usr/sbin/lightdm",
	"usr/bin/lightdm",
	"usr/bin/sddm",
	"usr/bin/greetd",
	"usr/sbin/greetd",
	SYSTEMD_UNITS "/sysinit.target.wants/debug-shell.service",
	NULL,
};

/* The line's field of this number, from 0. */
static struct field field_of(struct field line, unsigned number)
{
	struct field part = { line.at, 0 };

	for (unsigned i = 0; i <= number; i++)
		if (!field_next_part(&line, ':', &part))
			return (struct field){ part.at, 0 };
	return part;
}

/* A hash, or none at all: whoever knows the name is let in. */
static bool is_usable(struct field password)
{
	return password.size != 1 && !field_starts_with(password, "!") &&
	       !field_starts_with(password, "*");
}

/* Of etc/shadow, or of an etc/passwd, whose x means the other. */
static bool has_password(struct field line)
{
	return field_contains(line, ":") && is_usable(field_of(line, 1));
}

/* Is one of the lines so? text: NULL has none. */
static bool has_line(const char *text, bool (*is_so)(struct field line))
{
	const char *next = text;
	struct field line;

	while (text && line_next(&next, text + strlen(text), &line))
		if (is_so(line))
			return true;
	return false;
}

static bool has_key(const struct root_files *packed, const char *passwd)
{
	static const char *const names[] = { "authorized_keys", "authorized_keys2" };
	const char *next = passwd;
	char path[PATH_MAX];
	struct field line;

	while (line_next(&next, passwd + strlen(passwd), &line)) {
		struct field home = field_of(line, 5);

		for (size_t i = 0; home.size > 0 && i < ARRAY_SIZE(names); i++) {
			snprintf(path, sizeof(path), "%.*s/.ssh/%s",
				 (int)(home.size < 2048 ? home.size : 2048), home.at, names[i]);
			if (root_files_has(packed, path_in_root(path)))
				return true;
		}
	}
	return false;
}

struct unit_directory {
	const struct root_files *packed;
	const char *path;
	bool is_own; /* not of packages, which have unchanged ones, too */
};

/* A getty that its distribution does not have logs in by itself, or does what else its author wanted. A mask is none. */
static int is_changed_getty(void *arg, const char *name, bool is_directory)
{
	static const char *const starts[] = { "getty@", "serial-getty@", "console-getty.",
					      "container-getty@", "autologin" };
	const struct unit_directory *d = arg;
	char path[PATH_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(starts); i++) {
		if (strncmp(name, starts[i], strlen(starts[i])) != 0)
			continue;
		snprintf(path, sizeof(path), "%s/%s", d->path, name);
		return is_directory || (d->is_own && root_files_has(d->packed, path));
	}
	return 0;
}

static bool has_changed_getty(const struct root_files *packed)
{
	struct unit_directory own = { packed, SYSTEMD_UNITS, true },
			      of_packages = { packed, "usr/lib/systemd/system", false };

	return packed->list(packed, own.path, is_changed_getty, &own) > 0 ||
	       packed->list(packed, of_packages.path, is_changed_getty, &of_packages) > 0;
}

/* Keys, and who may vouch for them, from elsewhere than the homes: of sshd_config. */
static bool is_of_other_keys(struct field line)
{
	const char *at = line.at;
	struct field key = field_next(&at, line.at + line.size);

	return field_starts_with(key, "AuthorizedKeysCommand") ||
	       field_starts_with(key, "TrustedUserCAKeys") ||
	       (field_starts_with(key, "AuthorizedKeysFile") &&
		(field_contains(line, "%u") || field_contains(line, " /")));
}

static bool has_other_keys(const struct root_files *packed, const char *path)
{
	_cleanup_free_ char *text = root_files_read(packed, path);

	return has_line(text, is_of_other_keys);
}

static int look_at_drop_in(void *packed, const char *name, bool is_directory)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), SSHD_DROP_INS "/%s", name);
	return !is_directory && has_other_keys(packed, path);
}

static bool sshd_asks_others(const struct root_files *packed)
{
	return has_other_keys(packed, "etc/ssh/sshd_config") ||
	       packed->list(packed, SSHD_DROP_INS, look_at_drop_in, (void *)packed) > 0;
}

/* Of a line of nsswitch.conf: "passwd: files systemd sss [NOTFOUND=return]". */
static bool has_other_service(struct field line)
{
	static const char *const local[] = { "files", "compat", "systemd", "altfiles", NULL };
	const char *at = line.at, *end = line.at + line.size;
	struct field word = field_next(&at, end);

	if (!field_is(word, "passwd:"))
		return false;
	while ((word = field_next(&at, end)).size > 0 && *word.at != '#')
		if (*word.at != '[' && !field_is_one_of(word, local))
			return true;
	return false;
}

void login_check_warn(const struct root_files *packed)
{
	_cleanup_free_ char *shadow = root_files_read(packed, "etc/shadow");
	_cleanup_free_ char *passwd = root_files_read(packed, "etc/passwd");
	_cleanup_free_ char *services = root_files_read(packed, "etc/nsswitch.conf");

	if (!shadow || !strchr(shadow, ':') || !passwd || has_line(shadow, has_password) ||
	    has_line(passwd, has_password) || has_line(services, has_other_service) ||
	    has_key(packed, passwd) || has_changed_getty(packed) ||
	    root_files_has_one_of(packed, other_ways) || sshd_asks_others(packed))
		return;
	print_warning("nobody can log in: etc/shadow has no password, no home has "
		      ".ssh/authorized_keys, and no getty logs in by itself: run chpasswd in the "
		      "root, or give keys with --overlay or a layer");
}
