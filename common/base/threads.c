#include "base/threads.h"

#include <signal.h>

int threads_start(pthread_t *threads, unsigned n, void *(*run)(void *arg), void *arg,
		  unsigned *ret_n)
{
	sigset_t all, old;
	int r = 0;

	*ret_n = 0;
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	while (r == 0 && *ret_n < n) {
		r = pthread_create(&threads[*ret_n], NULL, run, arg);
		*ret_n += r == 0;
	}
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	return *ret_n > 0 ? 0 : -r;
}
