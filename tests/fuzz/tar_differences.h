/*
 * What our tar reader and libarchive's (3.7.4) make of an archive differently, and why ours is right. Rows of a
 * table in fuzz_tar_diff.c.
 */

/* ---- what ours refuses ---- */
{ "a number that is none", BIT(OURS_REFUSES), ALWAYS, "is no number" },
{ "a number out of range", BIT(OURS_REFUSES), ALWAYS, "out of range" },
{ "owners that Linux has not", BIT(OURS_REFUSES), ALWAYS, "Linux knows no" },
{ "records that are none", BIT(OURS_REFUSES), ALWAYS, "of its extended header" },
{ "records with other values", BIT(OURS_REFUSES), ALWAYS, "in its extended header" },
{ "ACLs and attributes that are none", BIT(OURS_REFUSES), ALWAYS, "its extended header has" },
{ "maps that cannot be", BIT(OURS_REFUSES), ALWAYS, "its map of holes" },
{ "sparse files without map or version", BIT(OURS_REFUSES), ALWAYS, "it is a sparse file" },
{ "no end marker", BIT(OURS_REFUSES), ALWAYS, "no end marker" },
{ "more behind the end", BIT(OURS_REFUSES), ALWAYS, "more data follows" },
{ "no name", BIT(OURS_REFUSES), ALWAYS, "a member has no name" },
{ "no target", BIT(OURS_REFUSES), ALWAYS, "a link to nothing" },
{ "a directory with data", BIT(OURS_REFUSES), ALWAYS, "it has data" },
{ "headers of no member", BIT(OURS_REFUSES), ALWAYS, "belongs to no member" },
{ "another volume", BIT(OURS_REFUSES), ALWAYS, "volume" },
