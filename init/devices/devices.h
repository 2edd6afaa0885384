/*
 * Coldplug and hotplug while the root is unpacked: loads modules for the devices that are present and for those that
 * are plugged in, and creates device nodes if there is no devtmpfs.
 *
 * This is done in a separate process: a module that crashes kills the process that loads it, and one that waits for
 * its hardware blocks it, neither of which may happen to PID 1. The process ends before the mounts are moved; udev of
 * the new system handles all devices again.
 */
#pragma once

#include "base/boot.h"

/* A step: starts the process. The boot continues if that fails. */
int devices_start(struct boot *b);

/* Waits a short time until all devices that are present have been handled, so that a shell has a keyboard. */
void devices_settle(struct boot *b);

/* Deletes the modules of the initramfs that no device has asked for, once all that are present were seen: where memory is short, they
 * are worth more than what is plugged in while the root is unpacked, which udev of the new system handles again. */
void devices_drop_modules(struct boot *b);

/* A step: tells the process to end, waits a short time, then kills it. */
int devices_stop(struct boot *b);
