/*
 * RUN_DIR/report.json: this boot in numbers, for the booted system. docs/report.md has the schema.
 */
#pragma once

#include "boot.h"

/* Notes how much memory is in use; of many times it keeps those that stand for all. Returns the bytes, 0 when they are
 * not known. */
uint64_t report_sample_memory(struct boot *b);

/* Writes the report; silent on failure, since no boot may fail of it. */
void report_write(const struct boot *b);
