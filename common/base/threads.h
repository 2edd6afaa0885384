/* Threads that do the same. */
#pragma once

#include <pthread.h>

/* Starts up to n of them with all signals blocked, which are the main thread's business, and counts them in *ret_n. One is enough
 * to go on with: 0, or -errno when there is none. */
int threads_start(pthread_t *threads, unsigned n, void *(*run)(void *arg), void *arg,
		  unsigned *ret_n);
