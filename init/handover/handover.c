/* switch_root. */
#include "handover/handover.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/console.h"
#include "base/empty_directory.h"
#include "base/terminals.h"

extern char **environ;

/* pivot_root(".", ".") stacks the old root on the new one, from where it is detached. A rootfs can
 * be pivoted only where a nullfs lies under it (Linux 7). */
static int pivot(void)
{
	if (syscall(SYS_pivot_root, ".", ".") < 0)
		return -errno;
	if (umount2(".", MNT_DETACH) < 0)
		console_log(LOG_DEBUG, "cannot detach the initramfs: %m");
	return 0;
}

static int move_root(void)
{
	int r = mount(".", "/", NULL, MS_MOVE, NULL) < 0 ? -errno : 0;

	if (r < 0 || chroot(".") == 0)
		return r;
	r = -errno;
	(void)mount(".", NEW_ROOT, NULL, MS_MOVE, NULL);
	return r;
}

/* Nothing of the initramfs runs in the new system, not even a process of the network that somebody took over and that left its
 * parent. Behind the switch the kernel may start programs of the new root. To PID 1 all others are all processes; elsewhere, in a
 * test, they are somebody's. */
static void end_all_others(void)
{
	if (getpid() != 1)
		return;
	(void)kill(-1, SIGKILL);
	while (waitpid(-1, NULL, WNOHANG) > 0) /* who takes longer is the new init's */
		;
}

int handover_switch_root(struct boot *b)
{
	_cleanup_close_ int old_root_fd = open("/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	int r;

	if (old_root_fd < 0)
		return fail_errno(&b->fail, errno, "the initramfs", "cannot open it");
	if (chdir(NEW_ROOT) < 0)
		return fail_errno(&b->fail, errno, NEW_ROOT, "cannot enter it");
	end_all_others();
	r = pivot();
	console_log(LOG_DEBUG, "pivot_root: %s", r < 0 ? strerror(-r) : "done");
	if (r < 0)
		r = move_root();
	if (chdir("/") < 0 && r == 0) /* the new root, or the old one again */
		r = -errno;
	if (r < 0)
		return fail_errno(&b->fail, r, NEW_ROOT, "cannot make it the root");
	b->old_root_fd = take_fd(&old_root_fd);
	return 0;
}

int handover_delete_initramfs(struct boot *b)
{
	int r = empty_directory(take_fd(&b->old_root_fd));

	if (r == -ENOTSUP) {
		console_log(LOG_WARNING, "the initramfs is on a disk file system: not deleted");
		return 0;
	}
	return r < 0 ? fail_errno(&b->fail, r, "the initramfs", "cannot access it") : 0;
}

/* The kernel opened 0, 1 and 2 on a node of the initramfs; the new init gets the one in its /dev.
 * They are the only descriptors that it shall inherit. */
static void reopen_console(void)
{
	int fd = open("/dev/console", O_RDWR | O_NOCTTY);

	if (fd < 0) /* no console: nothing that leads into the initramfs */
		fd = open("/dev/null", O_RDWR | O_NOCTTY);
	for (int i = 0; fd >= 0 && i <= 2; i++)
		if (i != fd)
			dup2(fd, i);
	if (fd > 2)
		close(fd);
}

int handover_exec(struct boot *b)
{
	char *own_name = b->argv[0];

	reopen_console();
	terminals_close();
	child_restore_signals();
	umask(022); /* as the kernel gave it */
	b->argv[0] = b->new_init;
	execve(b->new_init, b->argv, environ);
	b->argv[0] = own_name;
	(void)child_init();
	return fail_errno(&b->fail, errno, b->new_init, "cannot start it");
}
