/*
 * PID 1's side of the log server: when lines go there, and what comes at the end. The process that sends them is log_sender.h.
 */
#pragma once

#include "base/boot.h"

/* HOST or HOST:PORT: what tarboot.log= says, also if that is empty, or else DHCP; "" = none. */
const char *network_log_server(const struct boot *b);

/* Lines go to the log server from now on, with this MAC address and host name ("" = none), if a server is known and a card has an address. Nothing happens while
 * that is not so, if they do already, or when remote_log_close() was called. */
void network_log_start(struct boot *b, const uint8_t mac[6], const char *name);

/* Sends the report that was written last, of a root that was fetched. */
void network_log_report(const struct boot *b);

/* No more lines. Waits a moment for those that are on their way. */
void network_log_end(struct boot *b);

/* The same, after a line that says that this is the end, and the report. */
void network_log_hand_over(struct boot *b);
