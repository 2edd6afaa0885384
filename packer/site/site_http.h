/*
 * Configurations for web servers, which serve http/ of a site.
 */
#pragma once

#include "site/site_config.h"

/* The site alone, for an existing nginx, and for `tarboot serve`; and a whole configuration that includes it. */
void site_http_print_nginx_site(const struct site_config *c);
void site_http_print_nginx(const struct site_config *c);

void site_http_print_apache(const struct site_config *c);
void site_http_print_lighttpd(const struct site_config *c);
