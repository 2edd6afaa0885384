/*
 * Decimal numbers in texts of others. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

/* Reads digits, without sign or blanks; *at moves behind them. False: there are none, and *ret is untouched. Too large a number is UINT64_MAX. */
bool number_take(const char **at, uint64_t *ret);
