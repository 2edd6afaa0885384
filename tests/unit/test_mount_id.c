/* The number of a mount by statx(2), and by /proc where the kernel has no statx, or one that does not say it. */
#include "source/mount_id.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/stat.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/util.h"
#include "tap.h"
#include "wrap.h"

static enum { NEW, SILENT, MISSING } kernel;
static unsigned asked;

WRAP(long, syscall, (long number, long a, long b, long c, long d, long e, long f))
{
	long r;

	if (number != SYS_statx)
		return REAL(syscall)(number, a, b, c, d, e, f);
	asked++;
	if (kernel == MISSING) {
		errno = ENOSYS;
		return -1;
	}
	r = REAL(syscall)(number, a, b, c, d, e, f);
	if (kernel == SILENT)
		((struct statx *)(uintptr_t)e)->stx_mask &= ~STATX_MNT_ID;
	return r;
}

int main(void)
{
	static const char *const names[] = { "Linux 5.8", "Linux 5.7", "Linux 4.10" };
	_cleanup_close_ int root = open("/", O_PATH | O_CLOEXEC);
	_cleanup_close_ int directory = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	_cleanup_close_ int proc = open("/proc", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int ids[3];

	for (kernel = NEW; kernel <= MISSING; kernel++) {
		ids[kernel] = mount_id_of(root);
		ok(ids[kernel] > 0, "%s: / is in a mount", names[kernel]);
		is_int(mount_id_of(directory), ids[kernel], "however it was opened");
		ok(mount_id_of(proc) > 0 && mount_id_of(proc) != ids[kernel],
		   "/proc is in another");
	}
	is_int(ids[SILENT], ids[NEW], "/proc says the same as statx");
	is_int(ids[MISSING], ids[NEW], "in a kernel without it, too");
	is_int(asked, 12, "statx is asked each time");
	kernel = NEW;
	is_int(mount_id_of(-1), -1, "what is not open is in none");
	return done_testing();
}
