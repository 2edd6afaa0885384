/*
 * The loop over the servers that have the file.
 */
#pragma once

#include "fetch/download.h"

/* Fetches what is missing, from one server after the other. 0 when all is written, -EPIPE when the reader is gone, -ENOMEM when
 * there is not even memory to begin. */
int mirrors_fetch(struct download *d);
