#include "zram/zram_keep.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/run_file.h"

#define UNITS "/run/systemd/system"
#define SERVICE "tarboot-zram.service"

/* With its default dependencies systemd's own unit for the device ends before file systems are unmounted. */
static void keep_unit(const char *device)
{
	char directory[96];
	FILE *out;

	snprintf(directory, sizeof(directory), UNITS "/dev-%s.swap.d", device);
	out = run_file_create(directory, "tarboot.conf", 0644);
	if (!out)
		return;
	fputs("# What is in it has no room elsewhere.\n[Unit]\nDefaultDependencies=no\n", out);
	fclose(out);
}

/* And systemd-shutdown, as the last, swaps off all that it finds in /proc/swaps. */
static void hide_at_the_end(void)
{
	FILE *out = run_file_create(UNITS, SERVICE, 0644);

	if (!out)
		return;
	fputs("[Unit]\n"
	      "Description=Leave swap in RAM alone\n"
	      "DefaultDependencies=no\n"
	      "After=shutdown.target umount.target\n"
	      "Before=final.target\n\n"
	      "[Service]\n"
	      "Type=oneshot\n"
	      "ExecStart=/bin/mount --bind /dev/null /proc/swaps\n",
	      out);
	fclose(out);
	(void)mkdir(UNITS "/final.target.wants", 0755);
	(void)!symlink("../" SERVICE, UNITS "/final.target.wants/" SERVICE);
}

void zram_keep(const char *device)
{
	keep_unit(device);
	hide_at_the_end();
}
