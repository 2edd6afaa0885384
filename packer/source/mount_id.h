/*
 * Which mount an open file is in, as Linux numbers them.
 */
#pragma once

/* -1: not known. */
int mount_id_of(int fd);
