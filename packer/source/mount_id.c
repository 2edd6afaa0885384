/* By statx(2), one call, which says it from Linux 5.8 on; else by /proc, five calls. musl has no statx() before 1.2.5, and
 * sys/stat.h of those that have it does not go together with linux/stat.h. */
#include "source/mount_id.h"

#include <fcntl.h>
#include <linux/stat.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

static int read_fdinfo(int fd)
{
	char path[64], line[128];
	int id = -1;
	FILE *in;

	snprintf(path, sizeof(path), "/proc/self/fdinfo/%d", fd);
	in = fopen(path, "re");
	while (in && fgets(line, sizeof(line), in))
		(void)sscanf(line, "mnt_id: %d", &id);
	if (in)
		fclose(in);
	return id;
}

int mount_id_of(int fd)
{
	struct statx st = { 0 };

	if (syscall(SYS_statx, fd, "", AT_EMPTY_PATH | AT_STATX_DONT_SYNC, STATX_MNT_ID, &st) < 0 ||
	    !(st.stx_mask & STATX_MNT_ID))
		return read_fdinfo(fd);
	return (int)st.stx_mnt_id;
}
