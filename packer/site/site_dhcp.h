/*
 * Configurations for DHCP servers; that of dnsmasq is for TFTP, too. All do the same: firmware gets iPXE by TFTP (or by HTTP if it asks
 * for that), or a unified kernel image; iPXE, recognized by its user class, gets the menu, so that there is no loop. Firmware of a type
 * that is not in the table of site_firmware.c gets nothing.
 */
#pragma once

#include "site/site_config.h"

void site_dhcp_print_dnsmasq(const struct site_config *c);

/* The machines that dnsmasq gives a fixed address or a name. */
void site_dhcp_print_dnsmasq_hosts(const struct site_config *c);

void site_dhcp_print_dhcpd(const struct site_config *c); /* of ISC */
void site_dhcp_print_kea(const struct site_config *c);
