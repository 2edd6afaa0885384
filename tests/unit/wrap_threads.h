/*
 * Threads that a test counts, and that cannot be created when it says so. The test has pthread_create and pthread_join in its WRAP_NAME
 * (see wrap.h).
 */
#pragma once

#include <pthread.h>

#include "wrap.h"

/* The error that takes the place of the next thread, or 0. */
static int thread_error(void);

/* By one more, or by one less; by 0 when a thread could not be created. */
static void count_threads(int change);

WRAP(int, pthread_create,
     (pthread_t * thread, const pthread_attr_t *attr, void *(*start)(void *), void *arg))
{
	int r = thread_error();

	if (r == 0)
		r = REAL(pthread_create)(thread, attr, start, arg);
	count_threads(r == 0);
	return r;
}

WRAP(int, pthread_join, (pthread_t thread, void **ret))
{
	count_threads(-1);
	return REAL(pthread_join)(thread, ret);
}
