/*
 * The machines that boot from a site, as data. Texts are escaped (base/escape.h). A machine is vouched for when a server has given it an
 * address or sent it a file, or when ARP knows its address; others may be inventions, and make room for those.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/net_text.h"
#include "site/serve_event.h"

#define MACHINES_MAX 2048
#define CLAIMS_MAX 16        /* machines that nobody vouches for, of one sender of messages */
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
	STAGE_FETCH,       /* init has fetched a layer, or a part of the root */
	STAGE_UNPACK,      /* all of the root is here */
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
	uint64_t serial; /* its own: its place may be used again for another one */
	char mac[MAC_TEXT_MAX];
	char address[IPV4_TEXT_MAX]; /* "" = not known; so are the other texts */
	enum serve_source source;    /* of the address */
	char name[MACHINE_TEXT_MAX];
	char image[MACHINE_TEXT_MAX];
	enum machine_stage stage;
	enum machine_stage before;         /* STAGE_FAILED: where it was */
	char failure[MACHINE_FAILURE_MAX]; /* a sentence, and what to do */
	bool has_said;                     /* the sentence is the machine's own */
	unsigned percent;                  /* of the root, fetched or unpacked; 0: not known */
	double rate;                       /* bytes per second of the last large file */
	bool is_loaded;                    /* all of its root was sent, or init unpacks it */
	bool has_booted;                   /* before this boot */
	unsigned timelines;                /* drawn of this boot: for the owner of the reports */
	uint64_t start, since, heard;      /* of its boot, of the stage, the last sign */
	/* Since when it fails, in the same stage, for files that are missing; a message of init sets it to 0. */
	uint64_t missed;
	struct machine_line lines[MACHINE_LINES_MAX]; /* a ring */
	uint64_t n_lines;
};

struct machines {
	struct machine machines[MACHINES_MAX];
	struct machine_place {
		uint64_t mac; /* as a number, to be found fast; so are the others here */
		uint32_t
			claimed_by; /* address of the sender that has said there is this machine; 0 = none */
		bool is_vouched;
	} places[MACHINES_MAX];
	size_t n, hand;     /* hand: where to look next for one that makes room */
	uint64_t made;      /* serial of the last */
	uint64_t forgotten; /* machines that had to make room for others, or found none */
	uint64_t ignored;   /* messages in the name of a machine that has another address */
	struct dhcp_class {
		uint32_t request;
		unsigned flags;
	} classes[DHCP_CLASSES_MAX]; /* a ring */
	size_t n_classes;
};

/* Its kind of message has a part of its report: OFFSET/SIZE and bytes. */
#define MACHINE_REPORT_KIND "report"
