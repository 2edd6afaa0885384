/*
 * The network, for a root or layers that are fetched. A separate process configures it (network_process.h), since it must never
 * keep PID 1 waiting; here are the steps of the boot that start it, wait for it, and undo what it did.
 */
#pragma once

#include "base/boot.h"

/* Is the root, or a layer, to be fetched? */
bool network_is_needed(const struct boot *b);

/* A step: starts the process, if that is so or there is a tarboot.log=, and it does not run yet. 0, or -errno with b->fail, but not for
 * the log's sake. */
int network_start(struct boot *b);

/* Waits until a network card reaches one of the servers, or until tarboot.netwait= has passed. 0, or -errno with b->fail. */
int network_wait(struct boot *b);

/* Before a failure is logged: lines go to the log server from now on, if one is known and a card has an address. If it is known, but
 * the network has not been started, or was stopped, it is started, and the lines go when it is there; is_left: the initramfs is, with
 * what that needs. */
void network_log_failure(struct boot *b, bool is_left);

/* A step: ends the process, removes addresses and routes, sets the links down. With tarboot.net=keep the card that was used
 * stays as it is, and the new system is told in /run. */
int network_stop(struct boot *b);

/* The MAC address that this machine is known by: that of BOOTIF=, else of the card that reaches the server. NULL: there is none
 * yet. */
const uint8_t *network_mac(const struct boot *b);

/* What this machine is called, by ip= or by DHCP; "" = it has no name. */
const char *network_hostname(const struct boot *b);
