/*
 * The modules that the kernel itself asks for by name (request_module): phylib's drivers for the PHY of a network card, for which the card's own
 * driver waits; file systems, protocols. While init plugs in devices, the kernel starts /init for that, as it starts modprobe otherwise.
 */
#pragma once

#include <stdbool.h>

/* From now on, as far as this kernel lets itself be told. */
void modprobe_take_over(void);

/* As it was. */
void modprobe_give_back(void);

/* Is this process one that the kernel started for that? */
bool modprobe_is_call(int argc, char **argv);

/* Loads what it asks for. The exit status: 0 when there was something to load. */
int modprobe_run(char **argv);
