/*
 * The receiver: the process that starts the fetcher, writes what it fetches into the payload's file, and tells the engine
 * (codec/arrival.h). The fetcher talks to strangers and so has no more than a pipe and a socket; when it dies it is started again
 * where it was, and when a Block is wrong it is told to fetch that from the next mirror. See fetch_message.h for its side.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "codec/arrival.h"
#include "fetch/fetcher.h"

/* What is fetched, and how. */
struct receive_options {
	struct fetch_source from;
	unsigned patience; /* seconds without a byte after which it gives up; 0 = never */

	bool is_size_unknown; /* the arrival's size is only the most that the file may have */
	bool is_part; /* only the bytes up to the arrival's size are wanted, of a file whose size nobody knows; -ENOTSUP when a
		       * server sends it from its start instead */
	bool may_be_missing; /* -ENOENT, and no failure, when each server says that there is no such file; nobody is about to
			      * publish it, so that it does not wait where each has one of another size, either */

	bool only_if_nowhere; /* with that: a server must say 404 or 410, and every one of them, whatever the others' faults are */

	const char *directory; /* where fd's file lies, by TMPDIR; NULL: in memory */

	/* Told when something changes that a person wants to know: a line, without its end. May be NULL. */
	void (*tell)(void *arg, bool is_trouble, const char *line);
	void *tell_arg;
};

/* Fetches a file into fd, from what the arrival says has arrived on, until it is complete or the reader has cancelled. Returns 0, or -errno with *f set; the
 * arrival is told the same. Runs in a process of its own, or in a thread while no other one forks. */
int receive_run(struct arrival *a, int fd, const struct receive_options *o, struct fail *f);

/* For whoever started the process that runs it: it has ended with that wait status. When it died before it could tell, the reader is
 * told now. todo: what the user can do. */
void receive_note_end(struct arrival *a, int status, const char *todo);
