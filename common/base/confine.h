/*
 * What a program gives up before it reads what strangers sent.
 */
#pragma once

/* Closes all descriptors behind last; as root, changes its root directory (chroot, NULL = not), becomes nobody,
 * without groups and capabilities; starts no processes, dumps no memory, gains no rights by exec; dies with the process
 * that started it. Returns NULL, or the name of the step that failed, with errno. */
const char *confine(const char *chroot, int last);
