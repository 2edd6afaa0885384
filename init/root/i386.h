/*
 * Programs of i386 under a 64-bit kernel: most kernels run them, and some do not (CONFIG_IA32_EMULATION, ia32_emulation=).
 */
#pragma once

#include <stdbool.h>

/* Does this kernel run them? It is tried, with a program in the initramfs that does nothing. */
bool i386_runs(void);
