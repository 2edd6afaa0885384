/*
 * Finds values in JSON text. Pure: a value is where it starts in a text that ends with NUL; what is no JSON
 * is as if it were not there. What stands behind a value that was found is not looked at.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The value of a key of an object, or NULL. value may be NULL. */
const char *json_member(const char *value, const char *key);

/* Item i of an array, or NULL. */
const char *json_item(const char *value, size_t i);

/* The item behind one of an array, or NULL. item may be NULL. */
const char *json_next(const char *item);

/* Reads a number. */
bool json_number(const char *value, double *ret);

/* Copies a string without its quotes. False: it is none, is too long, or has escapes other than of a
 * character by itself. */
bool json_string(const char *value, char *ret, size_t room);
