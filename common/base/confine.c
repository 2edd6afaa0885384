/* System calls in the only order that works: see confine(). */
#include "base/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#define NOBODY 65534
#define FILES_MAX 32 /* 0 to 3, connections to several addresses of a server, name servers */

/* close_range() came with Linux 5.9. */
static void close_behind(int last)
{
	struct rlimit limit;

	if (syscall(SYS_close_range, (unsigned)last + 1, ~0U, 0) == 0)
		return;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur > 65536)
		limit.rlim_cur = 65536;
	for (int fd = last + 1; fd < (int)limit.rlim_cur; fd++)
		close(fd);
}

/* Kernels without CONFIG_MULTIUSER have no other users; in a user namespace, groups may be fixed, and nobody unmapped: root is
 * not root there. Its capabilities, which are what matters, go in any case. */
static bool is_impossible(int r)
{
	return r < 0 && (errno == ENOSYS || errno == EINVAL || errno == EPERM);
}

static const char *become_nobody(void)
{
	int r = setgroups(0, NULL);

	if (r < 0 && !is_impossible(r))
		return "setgroups";
	r = setgid(NOBODY);
	if (r < 0 && !is_impossible(r))
		return "setgid";
	r = setuid(NOBODY);
	if (r < 0 && !is_impossible(r))
		return "setuid";
	return NULL;
}

static int drop_capabilities(void)
{
	struct __user_cap_header_struct header = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { 0 };

	return (int)syscall(SYS_capset, &header, none);
}

static int limit(int resource, rlim_t max)
{
	return setrlimit(resource, &(struct rlimit){ max, max });
}

/* A file can be written only where somebody gave it to us: as standard output. */
static const char *limit_resources(bool writes_files)
{
	if (limit(RLIMIT_CORE, 0) < 0 || limit(RLIMIT_NOFILE, FILES_MAX) < 0)
		return "setrlimit";
	if (!writes_files && (limit(RLIMIT_NPROC, 0) < 0 || limit(RLIMIT_FSIZE, 0) < 0))
		return "setrlimit";
	return NULL;
}

const char *confine(const char *directory, int last)
{
	pid_t parent = getppid();
	const char *step;

	signal(SIGPIPE, SIG_IGN);
	close_behind(last);
	if (directory && (chroot(directory) < 0 || chdir("/") < 0))
		return "chroot";
	step = geteuid() == 0 ? become_nobody() : NULL;
	if (!step)
		step = limit_resources(directory == NULL);
	if (step)
		return step;
	if (drop_capabilities() < 0)
		return "capset";
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 && errno != EINVAL) /* since 3.5 */
		return "prctl";
	/* At the end: a change of the user takes it back. */
	(void)prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != parent)
		raise(SIGKILL);
	return NULL;
}
