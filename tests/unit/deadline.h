/*
 * A case that does not end: what it is called is the last line of the test's output. The test names each case, and calls alarm() for it.
 */
#pragma once

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char case_name[200]; /* what runs */

static inline void deadline_end(int signal)
{
	static const char text[] = "Bail out! this does not end: ";

	(void)signal;
	(void)!write(STDOUT_FILENO, text, sizeof(text) - 1);
	(void)!write(STDOUT_FILENO, case_name, strlen(case_name));
	(void)!write(STDOUT_FILENO, "\n", 1);
	_exit(EXIT_FAILURE);
}

static inline void deadline_open(void)
{
	signal(SIGALRM, deadline_end);
}
