/*
 * Configurations for the servers of a site, ready to use: config/ has dnsmasq (DHCP and TFTP, or proxy DHCP), ISC
 * dhcpd, Kea; nginx, Apache, lighttpd; and units for systemd.
 */
#pragma once

#include "site/site.h"

/* Writes them all. */
int site_servers_write(const struct site *s, struct fail *f);
