/*
 * Keeps systemd from taking the swap away.
 */
#pragma once

/* For a root whose init is systemd: at its end it would swap off, for which there is no memory, and the kernel panics instead of
 * powering off. Writes units below /run that prevent it. Without memory for them it goes as it goes. */
void zram_keep(const char *device);
