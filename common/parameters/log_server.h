/*
 * The log server of tarboot.log=. Pure.
 */
#pragma once

#include <stdbool.h>

#include "fetch/url.h"

#define LOG_SERVER_MAX 128 /* bytes of HOST:PORT, its NUL included */

/* The server, as tarboot.log= names it: "HOST", "HOST:PORT", "IPv6", "[IPv6]:PORT"; the port is 514 if there is none. False: it is none of
 * these. Of *ret only the host and the port are of use. text is shorter than LOG_SERVER_MAX. */
bool log_server_parse(const char *text, struct url *ret);
