/*
 * What the status page is made of: the page itself, status.json with all machines, log/N.txt and timeline/N.svg of each. In a
 * directory that a web server serves; every file is written aside and renamed.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "base/fail.h"
#include "status/machines.h"

struct status_files {
	char directory[PATH_MAX];
	const struct machines *machines;
	struct status_place {
		uint64_t serial;  /* of the machine whose files these are; 0 = there are none */
		uint64_t lines;   /* that its log has */
		uint64_t picture; /* bytes */
	} places[MACHINES_MAX];
	uint64_t pictures; /* bytes of all */
	size_t next;       /* whose log is looked at first */
};

/* Creates the directory and the page in it. 0, or -errno. */
int status_files_open(struct status_files *s, const char *directory,
		      const struct machines *machines, struct fail *f);

/* Writes what has changed; of many logs, some the next time. url: that machines boot from. A failure is ignored: the page says how old
 * it is. */
void status_files_write(struct status_files *s, const char *url, uint64_t now);

/* Draws the report of a machine. False: it is none, or too large a picture, or there are too many. */
bool status_files_draw(struct status_files *s, const struct machine *k, const char *report);

/* The part of nginx.conf that serves the directory at "ADDRESS:PORT". */
void status_files_configure(const char *directory, const char *at, FILE *out);
