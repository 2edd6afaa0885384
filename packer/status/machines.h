/*
 * How far each machine has come, from the servers' logs and from what init itself says by syslog. Pure: time is an argument. All that
 * machines say is distrusted: texts are escaped when they are taken in, and there are limits to everything, 30 MB in all.
 */
#pragma once

#include "status/machine.h"
#include "status/syslog_line.h"

/* An event of a server's log. mac: of the machine with that address, "" = not known; what: the event in words, "" = none. Returns the
 * machine, NULL: it is none that boots. */
struct machine *machines_note_event(struct machines *m, const struct serve_event *e,
				    const char *mac, const char *what, uint64_t now);

/* A message from an address. mac: of the machine that is known to have it, and then it counts, whatever the message says; "" = not
 * known: the MAC in the message counts, unless that machine is known to have another address. *ret_failed: it is the first that says why
 * this machine, which is returned, fails. NULL: it is of none. */
struct machine *machines_note_syslog(struct machines *m, const struct syslog_line *s,
				     const char *address, const char *mac, uint64_t now,
				     bool *ret_failed);

const char *machine_stage_name(enum machine_stage stage);

/* For qsort of pointers: failures first, then those that boot, the furthest last, then by MAC. */
int machine_compare(const void *a, const void *b);
