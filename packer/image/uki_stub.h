/*
 * systemd's stub, the program that a unified kernel image begins with: in the root that is packed, else on this machine.
 */
#pragma once

#include "image/pe.h"
#include "base/fail.h"
#include "tree/root_files.h"

struct uki_stub {
	char path[128]; /* for messages */
	char *data;     /* owned; without what follows its sections */
	size_t size;
	struct pe pe;
};

/* machine: of ELF. -ENOENT: there is none. */
int uki_stub_find(const struct root_files *root, uint16_t machine, struct uki_stub *ret,
		  struct fail *f);
void uki_stub_free(struct uki_stub *s);
