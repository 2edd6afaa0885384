/*
 * Does this machine's kernel keep as many addresses in mind as there may be machines?
 */
#pragma once

#include "site/site.h"

/* Warns if it does not. */
void serve_warn_of_neighbours(const struct site *s);
