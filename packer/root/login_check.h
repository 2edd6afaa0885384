/*
 * Can somebody log in? Only what is sure is said: there are other ways than passwords and keys, and most of them are known here.
 */
#pragma once

#include "tree/root_files.h"

/* Warns of a root with systemd in which nobody can. packed: what goes into the image. */
void login_check_warn(const struct root_files *packed);
