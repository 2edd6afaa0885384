/*
 * A message of syslog, as it arrives by UDP: RFC 5424; of older forms only that it is one. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SYSLOG_MESSAGE_MAX 2048 /* bytes; what is longer is cut */

struct syslog_line {
	unsigned severity; /* 0 to 7 */
	char program[49];  /* APP-NAME; "" = an older form, or none */
	char process[33];  /* PROCID: init puts the MAC address there */
	char host[65];     /* "" = none */
	char kind[33];     /* MSGID; "" = none */
	char text[SYSLOG_MESSAGE_MAX];
};

/* False: it is no message. */
bool syslog_line_parse(const char *data, size_t size, struct syslog_line *ret);
