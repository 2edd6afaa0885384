/*
 * Finds values in JSON text. Pure: a value is a pointer to its start in a NUL-terminated text. Invalid JSON is treated
 * as missing; text after a value that was found is not checked.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The value of a key of an object, or NULL. value may be NULL. */
const char *json_member(const char *value, const char *key);

/* Item i of an array, or NULL. */
const char *json_item(const char *value, size_t i);

/* Entry i of an object: its key, copied as json_string() does, and its value. False: there is none, or its key is none that
 * json_string() takes. */
bool json_entry(const char *value, size_t i, char *ret_key, size_t room, const char **ret_value);

/* The item after one in an array, or NULL. item may be NULL. */
const char *json_next(const char *item);

/* Reads a number. */
bool json_number(const char *value, double *ret);

/* Copies a string without its quotes. False: it is not a string, is too long, or has escapes other than those of a
 * single character. */
bool json_string(const char *value, char *ret, size_t room);
