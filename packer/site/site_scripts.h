/*
 * The iPXE scripts of single machines, http/mac-MAC.ipxe, and what of the menu is about them. A machine whose script cannot be loaded
 * boots nothing: it would have another entry than its own, or lack its layer.
 */
#pragma once

#include <stdio.h>

#include "site/site.h"

/* Runs the script of the machine, which it need not have if tarboot has written none. */
void site_scripts_print_call(FILE *out, const struct site *s);

/* A line that goes to the failure below if the machine lacks its script; "": no machine has one. */
const char *site_scripts_check(const struct site *s);

/* What follows it is print_failures() in site_menu.c. */
void site_scripts_print_failure(FILE *out, const struct site *s);

/* Writes those that are needed: before the menu, which lists them. */
int site_scripts_write(const struct site *s, struct fail *f);

/* Is that path, "/mac-MAC.ipxe" below http/, the script of a machine that needs it? */
bool site_scripts_has(const struct site *s, const char *path);

/* Deletes those that are not needed any more; scripts of the administrator stay. Call it after the menu is written, which then no longer
 * names them. */
int site_scripts_remove_old(const struct site *s, struct fail *f);
