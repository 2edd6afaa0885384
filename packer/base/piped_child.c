/* The kernel tells the child when its parent ends. */
#include "base/piped_child.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/print.h"

static pid_t start(bool has_input, int *ret_fd)
{
	pid_t pid, parent = getpid();
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGTERM);
		if (getppid() != parent) /* it has ended before that */
			_exit(EXIT_FAILED);
		if ((!has_input &&
		     dup2(open("/dev/null", O_RDONLY | O_CLOEXEC), STDIN_FILENO) < 0) ||
		    dup2(ends[1], STDOUT_FILENO) < 0)
			_exit(EXIT_FAILED);
		return 0;
	}
	if (pid < 0)
		pid = -errno;
	close(ends[1]);
	if (pid < 0)
		close(ends[0]);
	else
		*ret_fd = ends[0];
	return pid;
}

pid_t piped_child(int *ret_fd)
{
	return start(false, ret_fd);
}

pid_t piped_child_with_input(int *ret_fd)
{
	return start(true, ret_fd);
}
