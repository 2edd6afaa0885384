/*
 * The kernel's description of a device: a netlink message, or the file uevent of its directory in sysfs, which has the
 * same KEY=value text. Pure.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

/* The texts point into the parsed bytes; NULL = absent. */
struct uevent {
	const char *action;    /* add, remove, change, bind…; only in messages */
	const char *subsystem; /* only in messages */
	const char *modalias;
	const char *devname;   /* below /dev; only with a node that is safe to make there */
	unsigned major, minor; /* with devname */
	unsigned mode;         /* with devname: permissions, 0600 where the kernel does not care */
};

/* Reads a text of size bytes, whose lines end in NUL or newline and which text[size] ends with NUL; newlines become
 * NUL. A first line "ACTION@DEVPATH" is skipped, because its content is repeated below. False: it has nothing that
 * could be used. */
bool uevent_parse(char *text, size_t size, struct uevent *ret);
