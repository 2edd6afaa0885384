/*
 * Plugs in devices while the root is unpacked: loads modules for what is there and for what comes, and
 * where there is no devtmpfs makes the nodes.
 *
 * A process of its own does it, since a module that crashes takes its loader along, and one that waits
 * for its hardware makes it wait: neither may happen to PID 1. It ends before the mounts are moved; the
 * new system's udev goes over all devices again.
 */
#pragma once

#include "boot.h"

/* A step: starts the process. No failure of it stops the boot. */
int devices_start(struct boot *b);

/* Waits, not for long, until all that is there has been seen: keyboards and consoles for people. */
void devices_settle(struct boot *b);

/* Tells the process to end and waits for that, not for long. A step, too. */
int devices_stop(struct boot *b);
