/*
 * A shell on the console, as a child of PID 1 with its own terminal.
 */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "image/members.h"

#define SHELL_PROGRAM "/" MEMBER_BUSYBOX

/* True if the image has a shell and gives it. */
bool shell_is_there(void);

enum shell_end {
	SHELL_FAILED,        /* it could not be started, or died; the reason has been logged */
	SHELL_ENDED_AT_ONCE, /* left at once, or its terminal has no input */
	SHELL_LEFT,
};

/* Runs the shell until it is left, on the console with that device, or, of 0, on /dev/console. failed: the step that failed, for
 * $TARBOOT_FAILED; NULL: none. exit_means: what happens when it is left, for the banner. */
enum shell_end shell_run(dev_t console, const char *failed, const char *exit_means);
