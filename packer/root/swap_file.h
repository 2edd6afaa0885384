/*
 * What mkswap and hibernation leave at the end of the first page of a swap file. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#define SWAP_FILE_LEAST 40960 /* bytes: mkswap makes none of fewer than ten pages */
#define SWAP_FILE_HEAD 65536  /* bytes at its beginning that tell: the largest page */

/* head: the first bytes of a file, as many as there are, but no more than SWAP_FILE_HEAD are looked at. */
bool swap_file_is(const void *head, size_t size);
