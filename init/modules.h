/*
 * Loads kernel modules out of the initramfs, as modprobe would: /lib/modules/RELEASE and modprobe.d.
 *
 * The index is read as text by common/modindex.c, not by libkmod: it is a fifth of the code, and with the
 * few modules of an initramfs nothing is won by a binary index. Compressed modules are the kernel's
 * business from Linux 5.17 on (CONFIG_MODULE_DECOMPRESS); for others xz is unpacked here, whose
 * decoder is in /init anyway. Modules that are in an image uncompressed need neither.
 */
#pragma once

struct modules;

/* Reads the index of the running kernel and the kernel command line below the directory root, which is "/" but in
 * tests. NULL: no memory. An initramfs without modules has an empty index. */
struct modules *modules_open(const char *root);

void modules_close(struct modules *m);

/* Loads what fits a device, and what that needs. Failures are logged: another device may go on. Devices of the same
 * kind are searched for once, as long as there are not too many kinds. */
void modules_load_for(struct modules *m, const char *modalias);

/* How many were loaded since modules_open(). */
unsigned modules_count(const struct modules *m);
