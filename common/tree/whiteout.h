/*
 * Whiteouts: members of a layer that delete what lower layers have, as the layers of container images have them (image-spec,
 * layer.md). Only a layer has them; in any other archive they are names like others.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>

#include "base/fail.h"
#include "tree/root_tree.h"

#define WHITEOUT_PREFIX ".wh." /* of the component that says it */
#define WHITEOUT_OPAQUE_NAME ".wh..wh..opq"

enum whiteout {
	WHITEOUT_NONE,   /* a member like others */
	WHITEOUT_NAME,   /* .wh.NAME: NAME in the same directory goes */
	WHITEOUT_OPAQUE, /* .wh..wh..opq: all in the same directory goes */
	WHITEOUT_NOTE, /* of the tool that made the layer, or what lies in such a directory: nothing */
	WHITEOUT_NAMELESS, /* .wh. alone, or one for "." or "..": an error */
};

/* What a member with this path is. *ret_at: where in path the component stands that says so, its end if none does. */
enum whiteout whiteout_read(const char *path, const char **ret_at);

/* Of WHITEOUT_NAME at that place of path: the path of what goes, whose name may be as long as any, so that one with the prefix would be too
 * long. False: it is longer than paths can be, and nothing has it. */
bool whiteout_deleted(const char *path, const char *at, char ret[PATH_MAX]);

/* It is WHITEOUT_NAMELESS. Returns -EBADMSG. */
int whiteout_fail(struct fail *f, const char *path);

/* Does to a tree of names what a member with this path says. 1: nothing, it is a member like others; 0; -EBADMSG with *f set. */
int whiteout_apply(struct root_tree *t, const char *path, struct fail *f);
