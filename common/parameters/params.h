/*
 * The kernel command line: tarboot.* and the few kernel parameters that init uses.
 * Pure: text in, struct out: init reads what the kernel was given, the command checks what is given to --append. docs/tarboot.parameters.7 describes them for users.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/fail.h"
#include "base/size.h"
#include "fetch/url.h"
#include "image/signature.h"
#include "parameters/log_server.h"

#define COMMAND_LINE_MAX 2048 /* bytes with the NUL that a kernel reads, on x86 and arm64 */

#define SHELL_FAIL 1
#define SHELL_START 2
#define SHELL_UNPACKED 4
#define SHELL_END 8

#define ROOTFS_MAX URL_LIST_MAX /* a path, or URLs with commas between */
#define NETWAIT_SECONDS 600     /* unless tarboot.netwait= says otherwise */
#define UNKNOWN_MAX 4           /* unknown keys that are named */

enum onfail { ONFAIL_BY_PANIC, ONFAIL_REBOOT, ONFAIL_POWEROFF, ONFAIL_HALT, ONFAIL_SHELL };

/* Compressed swap. */
struct zram_param {
	enum { ZRAM_AUTO, ZRAM_OFF, ZRAM_BYTES, ZRAM_PERCENT } kind;
	uint64_t value; /* bytes, or per cent of RAM */
};

struct params {
	struct size size;
	struct zram_param zram;
	char rootfs[ROOTFS_MAX]; /* "" = where root_find.c looks */
	char init[256];          /* "" = not given */
	char mount[256];         /* further tmpfs options; "" = none */
	unsigned shell;          /* SHELL_* bits */
	enum onfail onfail;
	bool has_failwait, has_panic;
	long failwait;    /* seconds */
	long panic;       /* seconds; < 0 at once, 0 never */
	unsigned threads; /* 0 = as many as CPUs */
	bool hotplug, quiet, debug;

	/* What only counts when the root is fetched. The texts are as on the line, and for net/options.h to understand,
	 * since other systems have forms that tarboot does not know; several values stand with blanks between. */
	struct text_param {
		char text[512]; /* "" = not given */
		bool is_too_long;
	} ip, bootif, nameserver, vlan;
	char proxy[512];          /* URL; "" = none */
	bool has_log;             /* also of an empty one, which says that nothing is sent */
	char log[LOG_SERVER_MAX]; /* HOST or HOST:PORT, for syslog; "" = none */
	char layers
		[COMMAND_LINE_MAX]; /* of tarboot.layer=, as layer_param_parse() takes them, each with a newline behind it */
	long netwait; /* seconds; 0 = for ever */
	bool keep_network;
	bool verify;        /* false: tarboot.verify=no */
	bool verify_layers; /* false: that, or tarboot.verify=root */
	bool firmware_id;   /* tarboot.machine-id=firmware */
	char manifest_min
		[SIGNATURE_DATE_MAX]; /* the oldest signed manifest that counts; "" = any */

	struct unknown_param {
		char key[64];
		const char *suggestion; /* the most similar known key */
	} unknown[UNKNOWN_MAX];         /* the first ones, each key once */
	size_t n_unknown;               /* tarboot.* keys, also those without room there */
};

/* Reads a whole command line (NUL-terminated, as /proc/cmdline has it, quotes and "--" as the kernel
 * takes them). The last of several counts. 0, or -EINVAL with the first invalid key and value in *f; *ret then has all
 * valid values, so that the failure is handled as they say. */
int params_parse(const char *cmdline, struct params *ret, struct fail *f);

/* The unknown tarboot.* key of this number, from 0 on: -EINVAL with it and the most similar known one in *f, or, of UNKNOWN_MAX, with how
 * many more there are. 0: there is none. */
int params_check_known(const struct params *p, size_t number, struct fail *f);

/* Does tarboot.mount= say how large the root is? */
bool params_mount_has_size(const struct params *p);
