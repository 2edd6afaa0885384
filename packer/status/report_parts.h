/*
 * Reports of machines that arrive in parts, "OFFSET/SIZE BYTES", in order. A part that is lost loses the report. A few machines may
 * send at the same time.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/net_text.h"

#define REPORT_MAX 65536
#define REPORTS_AT_ONCE 32
#define REPORT_PAUSE_MS 1000 /* who is silent for so long in the middle may lose his place */

struct report_parts {
	struct report_part {
		char mac[MAC_TEXT_MAX]; /* "" = free */
		uint64_t heard;
		size_t size, got;
		char text[REPORT_MAX + 1];
	} reports[REPORTS_AT_ONCE];
};

/* A part from a machine, at a time in milliseconds. A report that is whole is kept until it is taken. */
void report_parts_add(struct report_parts *p, const char *mac, const char *part, uint64_t now);

/* The report that has been whole for longest, which is kept no more: valid until the next part is added. NULL: there is none. */
const char *report_parts_take(struct report_parts *p, char ret_mac[MAC_TEXT_MAX]);
