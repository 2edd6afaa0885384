/*
 * netplan's YAML: the cards that it is for, and what they get. Knows mappings in lines and in braces, lists, quotes and comments; no
 * anchors, tags and texts of several lines. Pure.
 */
#pragma once

#include <stddef.h>

#include "root/network_stanza.h"

/* text: size bytes, in which the fields of *ret lie. */
void netplan_read(const char *text, size_t size, struct network_config *ret);
