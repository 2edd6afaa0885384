/*
 * Which files in config/ `tarboot netboot` has written while the servers run.
 */
#pragma once

#include <sys/stat.h>

#include "site/site.h"

enum serve_file { SERVE_FILE_HOSTS, SERVE_FILE_DNSMASQ, SERVE_FILE_NGINX, SERVE_FILES };

struct serve_watch {
	const struct site *site;
	struct stat seen[SERVE_FILES];
};

/* From now on. s must stay as long as *w. */
void serve_watch_start(struct serve_watch *w, const struct site *s);

/* One that has changed since the last look, in config/; NULL: none. *ret: which one. */
const char *serve_watch_next(struct serve_watch *w, enum serve_file *ret);
