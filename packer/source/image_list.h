/*
 * The images that a container archive or layout has in it, and which of them is packed: the one that is asked for, else the
 * one for this machine. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

/* As the OCI image specification names them: linux, arm64, v8. "" = not said. */
struct image_platform {
	char os[32], architecture[32], variant[32];
};

struct image_choice {
	struct image_platform platform; /* without os: this machine's */
	const char *tag;                /* NULL = any */
};

struct image_entry {
	char *id;      /* what its archive finds it by; owned */
	uint64_t size; /* bytes of its manifest; UINT64_MAX = not said */
	char *names;   /* with ", " between; "" = none; owned */
	struct image_platform platform;
	bool is_other; /* has no layers of a root: a signature, a list of what is in an image */
};

struct image_list {
	struct image_entry *entries; /* owned */
	size_t n;
};

/* Reads "OS/ARCH" or "OS/ARCH/VARIANT". x86_64 and aarch64 are understood, too. False: it is neither. */
bool image_platform_parse(const char *text, struct image_platform *ret);

/* Adds an image, or the name to one that has the same id. name may be NULL. 0, -ENOMEM, or -E2BIG. */
int image_list_add(struct image_list *l, const char *id, uint64_t size, const char *name,
		   const struct image_platform *p);

/* What has that id is no container image: it is chosen only by its name, or when there is nothing else. */
void image_list_note_other(struct image_list *l, const char *id);

/* *ret is l's. c may be NULL: neither platform nor tag is asked for. what: for messages. */
int image_list_choose(const struct image_list *l, const struct image_choice *c, const char *what,
		      const struct image_entry **ret, struct fail *f);

void image_list_free(struct image_list *l);
