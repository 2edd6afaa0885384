/*
 * Calls that a test gets hold of: linked with --wrap=F (WRAP_NAME for test_NAME in the Makefile), a call of F
 * by anything in the program, the libraries included, comes to __wrap_F, which finds F itself as
 * __real_F. A name that stands in one of the two places only does not link.
 */
#pragma once

#include <features.h>

/* With 64-bit file offsets glibc's headers have names of their own for these; musl's have not. */
#ifdef __GLIBC__
#define LARGE(symbol) symbol##64
#else
#define LARGE(symbol) symbol
#endif

/* Opens the definition of __wrap_SYMBOL. Parameters of variadic functions are the most there are: what a
 * caller left out is passed on as it comes, and nobody looks at it. */
#define WRAP(type, symbol, parameters) WRAP_EXPANDED(type, symbol, parameters)
#define WRAP_EXPANDED(type, symbol, parameters) \
	type __real_##symbol parameters;        \
	type __wrap_##symbol parameters;        \
	type __wrap_##symbol parameters

/* The call itself. */
#define REAL(symbol) REAL_EXPANDED(symbol)
#define REAL_EXPANDED(symbol) __real_##symbol
