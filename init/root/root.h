/*
 * The steps around the new root, each in a file of its own: find the payload, check memory, mount the tmpfs, unpack in a child
 * process, give the machine its name, check the new init.
 */
#pragma once

#include "base/boot.h"

/* Finds the payload and its manifest, and checks that it is complete. */
int root_find_payload(struct boot *b);

/* Finds the layers: those of the initramfs, and those that tarboot.layer= names, which it fetches. */
int root_find_layers(struct boot *b);

/* Checks that there is enough memory, and chooses the size of the tmpfs. */
int root_check_memory(struct boot *b);

int root_mount(struct boot *b);

/* Runs the unpack engine in a child chrooted into the new root: the payload, and the layers over it. */
int root_unpack(struct boot *b);

/* Writes the host name and the machine-id that the new root shall have. A failure is a warning. */
int root_name(struct boot *b);

/* Finds the init to start, inside the new root. */
int root_check_init(struct boot *b);

/* Unmounts NEW_ROOT, which frees its memory, and closes the payload, so that root_find_payload can start again. */
void root_forget(struct boot *b);
