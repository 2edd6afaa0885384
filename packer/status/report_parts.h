/*
 * Reports of machines that arrive in parts, "OFFSET/SIZE BYTES", in order. A part that is lost loses the report. A few machines may
 * send at the same time; the one that was silent longest makes room.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/net_text.h"

#define REPORT_MAX 65536
#define REPORTS_AT_ONCE 32

struct report_parts {
	struct report_part {
		char mac[MAC_TEXT_MAX]; /* "" = free */
		uint64_t heard;
		size_t size, got;
		char text[REPORT_MAX + 1];
	} reports[REPORTS_AT_ONCE];
};

/* The whole report of the machine, when this was its last part: valid until the next call. Else NULL. */
const char *report_parts_add(struct report_parts *p, const char *mac, const char *part,
			     uint64_t now);
