/*
 * The processes of this machine, as /proc has them: which is it, what is it called, which one uses a port.
 */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>
#include <sys/types.h>

#define PROCESS_NAME_MAX 64 /* "nginx (process 1234)" */

/* The process with the lowest number for which is_it() says so. False: there is none. */
bool process_find(bool (*is_it)(pid_t pid, const void *arg), const void *arg, pid_t *ret);

/* Writes its name, as `ps` shows it, and number. Returns ret. */
const char *process_describe(pid_t pid, char ret[PROCESS_NAME_MAX]);

/* Has its command line, with blanks between the arguments, this text in it? */
bool process_has_words(pid_t pid, const char *text);

/* Describes the process that has bound this address and port, of IPv4 or IPv6; type: SOCK_STREAM or SOCK_DGRAM. Returns ret: "another
 * program" where that is not known. */
const char *process_of_port(int type, const struct sockaddr *at, char ret[PROCESS_NAME_MAX]);
