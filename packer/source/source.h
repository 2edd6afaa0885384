/*
 * Where a root comes from: a directory, a tar or cpio archive, or the disk of a virtual machine, read as one sequence of
 * members. The data of files stays where it is, as far as it can be read later.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "source/file_data.h"
#include "tar/member.h"

struct source_member {
	struct member m;
	int error; /* errno; what is in this directory, or its attributes, could not be read; 0 = all is known */
	bool is_mount; /* of this directory: a mount point or a subvolume, which was not entered */
};

struct source;

/* Bytes that the whole source has on disk, for progress; 0 = not known. And how many were read. */
uint64_t source_total(const struct source *s);
uint64_t source_position(const struct source *s);

/* Bytes of an archive without its compression; 0 = not compressed, or not known. */
uint64_t source_uncompressed(const struct source *s);

/* The next member: 1; 0 at the end; -errno. *ret is valid until the next call; its attributes may be taken out of it. */
int source_next(struct source *s, struct source_member **ret, struct fail *f);

/* Where the data of the last member, a file, can be read as long as the source is open: *ret is the caller's to free. 1; 0:
 * nowhere, it must be read now; -errno. */
int source_place(struct source *s, struct file_data *ret, struct fail *f);

/* The next piece of the last member's data: 1; 0 at its end; -errno. Holes are left out. Only where source_place() returned
 * 0. */
int source_read(struct source *s, const void **ret_data, size_t *ret_size, uint64_t *ret_offset,
		struct fail *f);

/* The last member's map, for what source_read() reads; the caller frees it. NULL: it has no holes. 0 or -ENOMEM. */
int source_map(struct source *s, struct file_map **ret);

/* No member will be asked for any more, only data that has its place in it. */
void source_settle(struct source *s);

void source_close(struct source *s);

/* Passes over the file that is open at fd: the image that was packed before may lie inside the root. fd < 0: nothing. */
void source_leave_out(struct source *s, int fd);

/* Members that were left out because no archive can hold them (sockets). */
uint64_t source_skipped(const struct source *s);

/* ---- kinds ---- */

/* Can this directory be read as a source? -EINVAL: it is the running system. fd stays the caller's; path: for messages. */
int source_directory_check(int fd, const char *path, struct fail *f);

/* A directory that can be. fd is taken over. */
int source_directory_open(int fd, const char *path, struct source **ret, struct fail *f);

/* A tar or cpio archive, plain or compressed (gz, bz2, xz, zst…). */
int source_tar_open(const char *path, struct source **ret, struct fail *f);

/* The same on standard input, of which head, taken over, has been read; NULL: nothing. */
int source_stdin_open(char *head, size_t head_size, struct source **ret, struct fail *f);

/* The same in a part of a file: size bytes from offset. fd is taken over. */
int source_tar_open_range(int fd, uint64_t offset, uint64_t size, const char *name,
			  struct source **ret, struct fail *f);

/* The same for a layer of a container image. is_whole: a digest says so; then it may be empty or lack its end, as some tools
 * write layers, and all container engines take them. */
int source_layer_open(int fd, uint64_t offset, uint64_t size, bool is_whole, const char *name,
		      struct source **ret, struct fail *f);

/* The tar that a program writes to its standard output; its failure is the source's. name: for messages. */
int source_command_open(const char *const argv[], const char *name, struct source **ret,
			struct fail *f);

/* The root of the system on a virtual machine's disk. format: as qemu calls it. */
int source_disk_open(const char *path, const char *format, struct source **ret, struct fail *f);

/* What kind of disk a file is (raw, qcow2, vmdk, vdi…), or NULL for none. */
const char *source_disk_format(const char *path);
