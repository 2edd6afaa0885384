/*
 * RUN_DIR/report.json: this boot in numbers, for the booted system. docs/report.md has the schema.
 */
#pragma once

#include "boot.h"

/* Writes the report; silent on failure, since no boot may fail of it. */
void report_write(const struct boot *b);
