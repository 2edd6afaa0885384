/*
 * What is there while a `tarboot serve` runs, and only then: a directory for the configuration of nginx and for the status page, and the
 * servers that are noted in it. One that was killed leaves both: dnsmasq, which has another user, does not get the signal that
 * piped_child() asks for. So a process of its own waits for that, and the next `tarboot serve` looks, too.
 */
#pragma once

#include <sys/types.h>

#include "base/fail.h"

#define SERVE_DIRECTORY_MAX 32

struct serve_directory {
	char path[SERVE_DIRECTORY_MAX];
	int lock; /* by it others see that it is in use */
	pid_t guardian;
};

/* Ends the servers and removes the directories that were left, or waits until that is done. Says so. */
void serve_directory_sweep(void);

/* Makes one, with the process that waits. */
int serve_directory_open(struct serve_directory *d, struct fail *f);

/* In a process that becomes a server at once: notes it there, to be ended if it is left. 0, or -errno. */
int serve_directory_note(const char *path);

/* Removes it, when the servers have been stopped. */
void serve_directory_close(struct serve_directory *d);
