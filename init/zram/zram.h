/*
 * Compressed swap under the root, where it would not fit otherwise: pages of the tree are compressed in RAM as it grows, and
 * uncompressed when they are read.
 */
#pragma once

#include "base/boot.h"

/* A step: sets it up as tarboot.zram= says, once; by default if the root would leave less than a quarter of its size free. A
 * kernel that cannot do it is no failure: the check of the memory that follows decides. */
int zram_set_up(struct boot *b);

/* Bytes of RAM that it is taken to save while the tree is unpacked; 0 when there is none. */
uint64_t zram_will_gain(const struct boot *b);

/* Bytes of RAM that can still become free by it, of what is in use now; incompressible: bytes of that that are not worth it. For the
 * unpack child, too. */
uint64_t zram_can_gain(const struct zram *z, const struct memory *m, uint64_t incompressible);

/* For a child that must not be swapped: keeps in RAM what it has and gets, if there is zram. */
void zram_lock_process(const struct zram *z);

/* Adds to what a user can do who has too little memory. */
void zram_advise(const struct boot *b, struct fail *f);

/* Before another try: the payload may be swapped again. */
void zram_unlock_payload(struct zram *z);

/* After unpacking: takes what came of it into b->zram, and says it. */
void zram_conclude(struct boot *b);
