/*
 * What the firmware says of this machine (SMBIOS).
 */
#pragma once

#include <stdbool.h>

#define FIRMWARE_TEXT_MAX 64
#define MACHINE_ID_MAX 33 /* 32 hexadecimal digits and a NUL */

/* A file in /sys/class/dmi/id, in lower case if it is a UUID, without blanks at its end; "" when there is none. */
void firmware_read(const char *name, char ret[FIRMWARE_TEXT_MAX]);

/* Pure: the machine-id that a UUID of the firmware makes. False: it is none, or one that many machines have: all digits the same,
 * or what a maker of firmware writes who does not care. */
bool firmware_machine_id(const char *uuid, char ret[MACHINE_ID_MAX]);
