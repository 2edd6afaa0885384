/*
 * RUN_DIR/report.json: this boot in numbers, for the booted system. docs/report.md has the schema.
 */
#pragma once

#include "base/boot.h"

/* Records how much memory is in use; if there are too many samples, keeps a selection. Returns the bytes, 0 if they are
 * not known. */
uint64_t report_sample_memory(struct boot *b);

/* Writes the report. Failures are ignored, because a boot must not fail because of the report. */
void report_write(const struct boot *b);
