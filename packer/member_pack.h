/*
 * One member after the other into the payload, with what scrubbing makes of its data.
 */
#pragma once

#include "fail.h"
#include "names.h"
#include "payload_write.h"
#include "selection.h"
#include "sketch.h"
#include "source.h"

struct member_pack {
	struct selection *selection;
	struct payload_writer *writer; /* NULL: nothing is written, only told */
	struct sketch *sketch;         /* for the checks, in a dry run, too */
	struct root_tree *names;       /* of what was packed so far */
	uint64_t members, bytes;       /* so far */
};

/* Packs the last member of the source, which the selection wanted, as m describes it. */
int member_pack(struct member_pack *p, struct source *s, struct source_member *m, struct fail *f);

/* Packs a file whose data, all of it, is in the one open at fd. */
int member_pack_file(struct member_pack *p, struct source_member *m, int fd, struct fail *f);

/* Adds what the root lacks, when all members of a layer have been packed. */
int member_pack_additions(struct member_pack *p, struct fail *f);
