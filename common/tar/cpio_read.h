/*
 * A cpio archive (newc, newc with checksums, odc) read member by member from a source of bytes, with the care that a
 * root file system needs: the end marker must be there, nothing but zeros may follow, what is no number is refused.
 * Pure: bytes in, members and pieces of data out.
 *
 * The names of a file with several are told by inode numbers. Here the data comes first, as a MEMBER_FILE, and the other
 * names as MEMBER_HARDLINKs, also where the archive has it the other way round.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "tar/member.h"
#include "tar/tar_read.h"

struct cpio_reader;

/* name: of the archive, for messages; it must outlive the reader. memory: bytes that names of files with several names
 * may take. 0, -ENOMEM. */
int cpio_reader_open(tar_source_fn *source, void *arg, const char *name, size_t memory,
		     struct cpio_reader **ret, struct fail *f);
void cpio_reader_close(struct cpio_reader *c);

/* The next member: 1; 0 at the end of the archive, which is then whole to its last byte; -errno. Its strings live until
 * the next call; it has no attributes. Sockets are left out. */
int cpio_reader_next(struct cpio_reader *c, struct member *ret, struct fail *f);

/* The next piece of the last member's data: 1; 0 at its end; -errno. */
int cpio_reader_data(struct cpio_reader *c, const void **ret_data, size_t *ret_size,
		     uint64_t *ret_offset, struct fail *f);

uint64_t cpio_reader_bytes(const struct cpio_reader *c); /* taken from the source */
uint64_t cpio_reader_members(const struct cpio_reader *c);

/* Where the reader stands: byte of the archive at which the last member's header starts, or behind the data of its file
 * when it is a name that came before that; and the member's path, cut to what messages can show; "" before the first. */
uint64_t cpio_reader_offset(
	const struct cpio_reader
		*c); /* at which it stands: of the last member's data, before any is taken */
uint64_t cpio_reader_position(const struct cpio_reader *c);
const char *cpio_reader_path(const struct cpio_reader *c);
