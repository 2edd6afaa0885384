/*
 * Where a root comes from: a directory, a tar archive or a disk, read as one sequence of members.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fail.h"
#include "member.h"
#include "tar_extent.h"

/* More extents of one file would be more than every boot can take (PLAN_HEADERS_LEAST). */
#define SOURCE_EXTENTS_MAX 131072

/* A member with the map of its data: extents in order; none = all of it is data. A file that is
 * one hole has one extent of size 0 at its end. */
struct source_member {
	struct member m;
	struct tar_extent *extents; /* owned by the source until its next member */
	size_t n_extents;
};

struct source;

/* Opens a directory, a tar file (plain or compressed: gz, bz2, xz, zst…), a virtual machine's disk (raw,
 * qcow2, vmdk, vdi…), a container image (docker save, OCI) or "-" for a tar on stdin. */
int source_open(const char *path, struct source **ret, struct fail *f);

/* Bytes that the whole source has on disk, for progress; 0 = not known. And how many were read. */
uint64_t source_total(const struct source *s);
uint64_t source_position(const struct source *s);

/* The root as a directory, or -1 when it is none. Stays the source's. */
int source_directory(const struct source *s);

/* The next member: 1; 0 at the end; -errno. ret is valid until the next call. */
int source_next(struct source *s, struct source_member *ret, struct fail *f);

/* The next piece of the last member's data: 1; 0 at its end; -errno. Holes are left out. */
int source_read(struct source *s, const void **ret_data, size_t *ret_size, uint64_t *ret_offset,
		struct fail *f);

/* The first bytes of the last member's data, as many as want unless it ends before, holes as zeros; before source_read(),
 * which gives them again, and then with these zeros. *ret lives until the next member. 0 or -errno. */
int source_peek(struct source *s, size_t want, const void **ret, size_t *ret_size, struct fail *f);

void source_close(struct source *s);

/* Passes over the members that wanted() says no to: in a directory they are not even opened, so an unreadable
 * one does no harm, and the next name of a file becomes its first. wanted() is asked with the names, types,
 * sizes and owners that are known by then; the target of a hard link only in a tar. */
void source_filter(struct source *s, bool (*wanted)(const struct member *m, void *arg), void *arg);

/* Never packs the file that is open at fd: the output may lie inside the root. fd < 0: nothing. */
void source_leave_out(struct source *s, int fd);

/* The paths of its directories that were passed by and on which other file systems are mounted: they are packed empty.
 * The strings are the source's. */
const char *const *source_mounts(const struct source *s, size_t *ret_n);

/* Members that were left out because no archive can hold them (sockets). */
uint64_t source_skipped(const struct source *s);
