/*
 * The addresses that dnsmasq has given, as it keeps them in DIR/dnsmasq.leases while it does not run.
 */
#pragma once

#include "site/site.h"

/* Forgets those that are the fixed address of another machine now: dnsmasq would not give it that one until they end, hours later. */
int site_leases_prune(const struct site *s, struct fail *f);
