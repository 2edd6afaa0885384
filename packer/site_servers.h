/*
 * Configurations for the servers of a site, ready to use: config/ has dnsmasq (DHCP and TFTP, or proxy DHCP), ISC
 * dhcpd, Kea; nginx, Apache, lighttpd; and units for systemd.
 */
#pragma once

#include "site.h"

/* Writes them all. */
int servers_write(const struct site *s, struct fail *f);

/* The first and last address that DHCP gives: those set, or the upper half of the subnet, at most 200, without the
 * server's. */
void servers_range(const struct site *s, uint32_t *first, uint32_t *last);
