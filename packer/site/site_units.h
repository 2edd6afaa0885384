/*
 * Units for systemd, for the servers of a site.
 */
#pragma once

#include "site/site_config.h"

/* what: it serves. The command, NULL for this tarboot, reads that file of the site, which begins with a slash; "": the site itself. */
void site_units_print(const struct site_config *c, const char *what, const char *command,
		      const char *file);
