/*
 * The ports that `tarboot serve` needs: may its servers have them? If not, who has them, and what to do.
 */
#pragma once

#include <sys/socket.h>

#include "site/site.h"

/* interface: of the site; status: "ADDRESS:PORT" of the status page, as in the option, and as an address; NULL: there is none. 0, or
 * -errno. */
int serve_ports_check(const struct site *s, const char *interface, const char *status,
		      const struct sockaddr_storage *status_at, struct fail *f);
