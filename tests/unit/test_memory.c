/* What sysfs says of NUMA nodes, on kernels of several ages; a limit of one's own. */
#include "base/memory.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tap.h"
#include "base/util.h"
#include "wrap.h"

#define NODES "/sys/devices/system/node/"

/* The files that there are, NULL = none. */
static const char *has_memory, *has_normal_memory;

WRAP(FILE *, LARGE(fopen), (const char *path, const char *mode))
{
	const char *text;

	if (strncmp(path, NODES, strlen(NODES)) != 0)
		return REAL(LARGE(fopen))(path, mode);
	text = strcmp(path, NODES "has_memory") == 0          ? has_memory
	       : strcmp(path, NODES "has_normal_memory") == 0 ? has_normal_memory
							      : NULL;
	errno = ENOENT;
	return text ? fmemopen((char *)text, strlen(text), "r") : NULL;
}

static const struct {
	const char *memory, *normal;
	bool want;
} cases[] = {
	{ "0\n", "0\n", false },  { "0-1\n", "0-1\n", true }, { "0,2\n", "0,2\n", true },
	{ NULL, "0-1\n", true },  { NULL, "0,3\n", true },    { NULL, "0\n", false },
	{ "0-1\n", "0\n", true }, { "0\n", "0-1\n", false },  { "\n", "0-1\n", false },
	{ NULL, NULL, false },
};

/* In a process of its own, which says what went wrong by its exit status. */
static void limit_and_exit(void)
{
	void *volatile p;
	struct rlimit limit;

	if (!memory_limit_own(64 << 20) || getrlimit(RLIMIT_AS, &limit) < 0 ||
	    limit.rlim_cur != 64 << 20)
		_exit(1);
	if (memory_limit_own(128 << 20))
		_exit(2);
	p = malloc(128 << 20);
	if (p)
		_exit(3);
	p = malloc(1 << 20);
	_exit(p ? 0 : 4);
}

static void test_limit(void)
{
	int status = -1;
	pid_t pid;

	if (SANITIZED) {
		ok(!memory_limit_own(64 << 20), "a sanitizer's build is not limited");
		return;
	}
	pid = fork();
	if (pid == 0)
		limit_and_exit();
	waitpid(pid, &status, 0);
	is_int(status, 0, "a process is limited, and a lower limit stays");
}

int main(void)
{
	test_limit();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		has_memory = cases[i].memory;
		has_normal_memory = cases[i].normal;
		is_int(memory_is_on_several_nodes(), cases[i].want,
		       "has_memory %.3s, has_normal_memory %.3s", has_memory ? has_memory : "-",
		       has_normal_memory ? has_normal_memory : "-");
	}
	return done_testing();
}
