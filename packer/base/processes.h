/*
 * The processes of this machine, as /proc has them: which is it, what is it called, which one uses a port.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#define PROCESS_NAME_MAX 64 /* "nginx (process 1234)" */

/* When it started, in ticks since the machine did: another process that has its number later has another. 0: it has ended. */
unsigned long long process_start(pid_t pid);

/* Describes the process that has bound this address and port, of IPv4 or IPv6; type: SOCK_STREAM or SOCK_DGRAM. Returns ret: "another
 * program" where that is not known. */
const char *process_of_port(int type, const struct sockaddr *at, char ret[PROCESS_NAME_MAX]);
