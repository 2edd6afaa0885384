/* The CPUs of this machine. */
#pragma once

/* How many this process may use, by its affinity; 1 where that cannot be told. */
unsigned cpus_usable(void);
