/*
 * The machines that boot from a site: how far each has come, from the servers' logs and from what init itself says by syslog.
 * Pure: time is an argument. All that machines say is distrusted: texts are escaped (base/escape.h) when they are taken in, and there
 * are limits to everything, 30 MB in all.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/net_text.h"
#include "site/serve_event.h"
#include "status/syslog_line.h"

#define MACHINES_MAX 2048
#define MACHINE_LINES_MAX 64 /* of each; older ones are forgotten */
#define MACHINE_LINE_MAX 200 /* bytes; what is longer is cut */
#define MACHINE_TEXT_MAX 64
#define MACHINE_FAILURE_MAX 400
#define DHCP_CLASSES_MAX 256

enum machine_stage {
	STAGE_DHCP,
	STAGE_FIRMWARE,    /* has loaded a boot loader */
	STAGE_MENU,        /* which has loaded the menu */
	STAGE_KERNEL,      /* and a kernel, which runs, or init */
	STAGE_FETCH,       /* of the root; a part is here */
	STAGE_UNPACK,      /* all of it is here */
	STAGE_HANDED_OVER, /* the new system starts */
	STAGE_UP,          /* and has been heard of */
	STAGE_FAILED,
};

struct machine_line {
	uint64_t time;
	char text[MACHINE_LINE_MAX];
};

/* All times: milliseconds since 1970; 0 = never. */
struct machine {
	char mac[MAC_TEXT_MAX];
	char address[IPV4_TEXT_MAX]; /* "" = not known; so are the other texts */
	char name[MACHINE_TEXT_MAX];
	char image[MACHINE_TEXT_MAX];
	enum machine_stage stage;
	enum machine_stage before;         /* STAGE_FAILED: where it was */
	char failure[MACHINE_FAILURE_MAX]; /* a sentence, and what to do */
	bool has_said;                     /* the sentence is the machine's own */
	unsigned percent;                  /* of STAGE_FETCH and STAGE_UNPACK */
	double rate;                       /* bytes per second of the last large file */
	bool is_loaded;                    /* all that it needs of this server */
	bool has_timeline;            /* for the owner of the report; cleared when a boot begins */
	uint64_t start, since, heard; /* of its boot, of the stage, the last sign */
	struct machine_line lines[MACHINE_LINES_MAX]; /* a ring */
	uint64_t n_lines;
};

struct machines {
	struct machine machines[MACHINES_MAX];
	uint64_t macs[MACHINES_MAX]; /* of each, as a number, to be found fast */
	size_t n;
	uint64_t forgotten; /* machines that had to make room for others */
	struct dhcp_class {
		uint32_t request;
		unsigned flags;
	} classes[DHCP_CLASSES_MAX]; /* a ring */
	size_t n_classes;
};

/* An event of a server's log. mac: of the machine with that address, "" = not known; what: the event in words, "" = none. Returns the
 * machine, NULL: it is none that boots. */
struct machine *machines_note_event(struct machines *m, const struct serve_event *e,
				    const char *mac, const char *what, uint64_t now);

/* A message from an address. mac: as above, and then it counts, whatever the message says. *ret_failed: it is
 * the first that says why this machine, which is returned, fails. */
struct machine *machines_note_syslog(struct machines *m, const struct syslog_line *s,
				     const char *address, const char *mac, uint64_t now,
				     bool *ret_failed);

/* Its kind of message has a part of its report: OFFSET/SIZE and bytes. */
#define MACHINE_REPORT_KIND "report"

const char *machine_stage_name(enum machine_stage stage);

/* For qsort of pointers: failures first, then those that boot, the furthest last, then by MAC. */
int machine_compare(const void *a, const void *b);
