/* A child with a pipe for its output, errors included. */
#include "base/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/wait.h>

#include "base/piped_child.h"
#include "base/read_all.h"

const char *tool_path_of(int fd, char ret[TOOL_PATH_MAX])
{
	snprintf(ret, TOOL_PATH_MAX, "/proc/self/fd/%d", fd);
	return ret;
}

static bool is_program(const char *directory, size_t length, const char *name)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%.*s/%s", (int)length, directory, name) < PATH_MAX &&
	       access(path, X_OK) == 0;
}

bool tool_is_there(const char *program)
{
	const char *at = getenv("PATH");
	size_t length;

	if (strchr(program, '/'))
		return access(program, X_OK) == 0;
	for (at = at ? at : "/usr/bin:/bin"; *at; at += length + (at[length] == ':')) {
		length = strcspn(at, ":");
		if (is_program(at, length, program))
			return true;
	}
	return false;
}

_Noreturn static void start(const struct tool *tool)
{
	for (const int *fd = tool->keep; fd && *fd >= 0; fd++)
		(void)fcntl(*fd, F_SETFD, 0);
	(void)dup2(STDOUT_FILENO, STDERR_FILENO);
	execvp(tool->argv[0], (char *const *)tool->argv);
	_exit(127);
}

/* The first line that says what is wrong: libraries add theirs behind it. Cuts output there. */
static const char *first_line(char *output, const char *progress)
{
	char *line, *rest = output;

	while ((line = strsep(&rest, "\n")))
		if (*line && strncasecmp(line, "warning:", 8) != 0 &&
		    !(progress && strcmp(line, progress) == 0))
			return line;
	return "";
}

static int fail_run(const struct tool *tool, const char *what, const char *todo, char *output,
		    struct fail *f)
{
	const char *line = output ? first_line(output, tool->progress) : "";

	if (!*line && tool->todo_silent)
		todo = tool->todo_silent;

	return fail_set(f, EIO, what, todo, "the program %s failed%s%s", tool->argv[0],
			*line ? ": " : "", line);
}

int tool_run(const struct tool *tool, const char *what, const char *todo, char **ret_output,
	     struct fail *f)
{
	_cleanup_free_ char *output = NULL;
	_cleanup_close_ int fd = -1;
	char install[96];
	int status = 0, r;
	size_t size;
	pid_t pid;

	if (!tool_is_there(tool->argv[0])) {
		snprintf(install, sizeof(install), "Install it (%s).", tool->package);
		return fail_set(f, ENOENT, what, install,
				"this takes the program %s, which is not here", tool->argv[0]);
	}
	pid = piped_child(&fd);
	if (pid == 0)
		start(tool);
	if (pid < 0)
		return fail_errno(f, pid, tool->argv[0], "cannot start it");
	r = read_all(fd, &output, &size);
	if (waitpid(pid, &status, 0) < 0 || r < 0)
		return fail_errno(f, r < 0 ? r : errno, tool->argv[0], "cannot read what it says");
	if (status != 0)
		return fail_run(tool, what, todo, output, f);
	*ret_output = output;
	output = NULL;
	return 0;
}
