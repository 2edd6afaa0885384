/*
 * What systemd's stub measures into the TPM, as systemd-measure calculates it from the sections.
 */
#pragma once

#include "image/uki.h"

/* *ret is the caller's: lines as "11:sha256=…", PCR 11 at the phases of a boot. -ENOENT: systemd-measure is not here.
 * *ret_version: of systemd-measure, which is right for stubs of the same version; 0 = it does not say. */
int uki_measure(const struct uki *uki, const char *path, char **ret, unsigned *ret_version,
		struct fail *f);

/* The version of the stub, of which only the first number counts; 0 = it does not say. */
unsigned uki_stub_version(const struct uki *uki);
