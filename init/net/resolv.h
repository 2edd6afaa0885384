/*
 * DNS servers: resolv.conf, in the directory that the fetcher is shut into, and in the initramfs for the probe.
 */
#pragma once

#include "base/console.h"
#include "net/config.h"

#define FETCH_ROOT RUN_DIR "/fetch"

/* Writes both; earlier contents are replaced. nic: the network card that link-local addresses are on. 0 or -errno. */
int resolv_write(const struct net_config *dns, const char *nic);

/* Deletes both. */
void resolv_forget(void);

/* Adds the DNS servers and the domain that the kernel's own ip= has learnt. */
void resolv_read_kernels(struct net_config *c);
