/* What is asked of a root with systemd. */
#include "root/systemd_check.h"

#include <limits.h>
#include <stdio.h>

#include "base/path.h"
#include "base/print.h"
#include "root/root_paths.h"

bool systemd_check_is(const struct root_files *packed, const char *init)
{
	static const char *const units[] = { "usr/lib/systemd/system/sysinit.target",
					     "lib/systemd/system/sysinit.target", NULL };
	char target[PATH_MAX];

	if (!root_files_has_one_of(packed, units))
		return false;
	return ends_with(init, "/systemd") ||
	       (packed->read_link(packed, path_in_root(init), target, sizeof(target)) == 0 &&
		ends_with(target, "/systemd"));
}

static void warn_of_udev(const struct root_files *packed)
{
	static const char *const udev[] = { "usr/lib/systemd/systemd-udevd",
					    "lib/systemd/systemd-udevd",
					    "usr/bin/udevadm",
					    "bin/udevadm",
					    "usr/sbin/udevd",
					    "sbin/udevd",
					    NULL };

	if (!root_files_has_one_of(packed, udev))
		print_warning("systemd has no udev, so nothing loads drivers after the boot part: "
			      "install it in the root (Debian: udev, Fedora: systemd-udev)");
}

static void warn_of_masks(const struct root_files *packed)
{
	static const struct {
		const char *unit, *lacks;
	} masks[] = {
		{ "systemd-udevd.service", "nothing loads drivers after the boot part" },
		{ "getty.target", "no console has a login" },
	};
	char path[64], target[16];

	for (size_t i = 0; i < ARRAY_SIZE(masks); i++) {
		snprintf(path, sizeof(path), SYSTEMD_UNITS "/%s", masks[i].unit);
		if (packed->read_link(packed, path, target, sizeof(target)) == 0 &&
		    strcmp(target, "/dev/null") == 0)
			print_warning("%s is masked, as in a container, so %s: leave it out with "
				      "--exclude /%s",
				      masks[i].unit, masks[i].lacks, path);
	}
}

static int is_enabling(void *unused, const char *name, bool is_directory)
{
	(void)unused;
	return is_directory && (ends_with(name, ".wants") || ends_with(name, ".requires"));
}

/* systemd enables what its presets say at a first boot, which one with an empty machine-id is not. */
static void warn_of_first_boot(const struct root_files *packed)
{
	struct stat id;

	if (packed->stat(packed, "etc/machine-id", &id) < 0 || id.st_size > 0 ||
	    packed->list(packed, SYSTEMD_UNITS, is_enabling, NULL) > 0)
		return;
	print_warning("no unit of systemd is enabled in etc/systemd/system, which it would do at a "
		      "first boot only: run systemctl --root=ROOT preset-all and pack again, or "
		      "boot with systemd.condition-first-boot=yes systemd.firstboot=no");
}

void systemd_check_warn(const struct root_files *packed)
{
	warn_of_udev(packed);
	warn_of_masks(packed);
	warn_of_first_boot(packed);
}
