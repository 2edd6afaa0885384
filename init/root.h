/*
 * The new root: the payload that it comes from, the tmpfs that holds it, the child that fills it,
 * the init in it.
 */
#pragma once

#include "boot.h"

/* Finds the payload and its manifest and tells whether it is all here. */
int root_find_payload(struct boot *b);

/* Chooses the size of the tmpfs before anything is touched. */
int root_check_memory(struct boot *b);

int root_mount(struct boot *b);

/* Runs the unpack engine in a child chrooted into the new root. */
int root_unpack(struct boot *b);

/* Finds the init to start, inside the new root. */
int root_check_init(struct boot *b);

/* Drops what is in NEW_ROOT, which gives its memory back, and closes the payload, so that
 * root_find_payload can begin again. */
void root_forget(struct boot *b);
