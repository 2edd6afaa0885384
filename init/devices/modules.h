/*
 * Loads kernel modules from the initramfs, as modprobe does: /lib/modules/RELEASE and modprobe.d.
 *
 * common/modules/modindex.c reads the index as text. libkmod is five times the code, and its binary index has no advantage for
 * the few modules of an initramfs. From Linux 5.17 on the kernel uncompresses modules itself
 * (CONFIG_MODULE_DECOMPRESS); for other kernels .xz and .zst are uncompressed here, because /init has the decoders anyway.
 */
#pragma once

#include <stdbool.h>

struct modules;

/* Reads the index of the running kernel, and the kernel command line, below the directory root ("/", except in tests).
 * NULL: out of memory. An initramfs without modules has an empty index. */
struct modules *modules_open(const char *root);

void modules_close(struct modules *m);

/* Loads the modules that match a device, and their dependencies. Failures are logged. A modalias is searched only once,
 * unless there are too many different ones. */
void modules_load_for(struct modules *m, const char *modalias);

/* Loads a module by its name, or one of its aliases, with - and _ alike, and what it needs. Failures are logged, unless the image has none of that name. */
void modules_load(struct modules *m, const char *name);

/* Has the image a module of this name, written with _? */
bool modules_has(const struct modules *m, const char *name);

/* Number of modules loaded since modules_open(). */
unsigned modules_count(const struct modules *m);

/* Was a module loaded, or there already, of those that were asked for since? */
bool modules_are_there(const struct modules *m);
