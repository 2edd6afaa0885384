/*
 * The codec seam: Blocks in, chunks out. A payload is a list of Blocks that can be decoded in any order,
 * each by itself; only its codec knows more. Another codec is one more file that defines a struct codec,
 * and a line in codec.c.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"
#include "codec/payload.h"

#define BLOCKS_MAX \
	(1U << 18) /* in one file: 256 GiB of 1 MiB each. Bounds the memory of the list */

#define CODEC_HEAD 512 /* bytes that tell the codec; fewer may be all of the file */

struct block {
	uint64_t number;       /* from 1, over the whole file */
	uint64_t offset;       /* of its first byte in the payload */
	uint64_t total;        /* bytes in the payload */
	uint64_t uncompressed; /* bytes; at most so many when it does not say its size */
	bool is_unsized;       /* it does not */
	bool is_unchecked;     /* it has no integrity check */
	/* Of what it holds, in the uncompressed file; at most, behind one that is unsized. */
	uint64_t start;
	uint64_t memory; /* bytes that decoding it takes, the decoder's own not counted */
};

struct block_list {
	const struct codec *codec;
	struct block *blocks; /* in file order; owned */
	size_t n;
	void *own;       /* what the codec notes of the Blocks beside, one after the other; owned */
	size_t own_size; /* bytes of that for each Block */
	bool is_known; /* it is not the file's own: of a Block that does not say its size, it tells the most, and does not mark it */
	uint64_t streams;
	uint64_t unsized;        /* Blocks that do not say their size */
	uint64_t unchecked;      /* Blocks without an integrity check */
	uint64_t uncompressed;   /* bytes of all Blocks, at most */
	uint64_t least;          /* and at least */
	uint64_t largest;        /* bytes of one Block, uncompressed, at most */
	uint64_t decoder_memory; /* bytes that one decoder takes, at most: its dictionary, mostly */
	uint64_t whole_memory;   /* the same where it decodes whole Blocks; 0 = it cannot */
};

struct codec {
	const char *name;
	const char *suffix; /* of the names of its files, behind ".tar" */
	const char *
		smaller; /* what to compress with for a decoder to take less memory; NULL: it takes next to none */

	/* May a file be one of this codec's that starts with these bytes, CODEC_HEAD of them unless it is shorter? */
	bool (*is_kind)(const uint8_t *head, size_t size);

	size_t decoder_size; /* bytes of a decoder beside what its Block takes */

	/* Adds the Blocks of p to an empty list and sets streams. Everything but the content of the Blocks is checked
	 * here. */
	int (*list)(const struct payload *p, struct block_list *l, struct fail *f);

	/* The same for a file that is not here yet, whose Blocks are in l already, with offset, total, uncompressed and memory, as an
	 * earlier list had them: sets what else list would have set. What the Blocks' own headers say is checked when they are
	 * decoded; so the digest of a Block must be right before it is. 0 or -ENOMEM. NULL: there is nothing else. */
	int (*list_known)(struct block_list *l);

	/* A decoder for many Blocks of the list, which is of p; used by one thread at a time. 0 or -ENOMEM. */
	int (*decoder_new)(const struct payload *p, const struct block_list *l, void **ret);
	void (*decoder_free)(void *decoder); /* NULL is fine */

	int (*start)(void *decoder, const struct block *block, struct fail *f);

	/* After start: there is room for all of the Block at memory, and that is where buf will be, piece behind piece. So the
	 * decoder needs no dictionary of its own, and copies nothing. NULL: it cannot. */
	void (*start_whole)(void *decoder, void *memory);

	/* Fills buf with size bytes, fewer only at the end of the Block, and never more in all than its
	 * uncompressed: the pool has room for that. Returns 1 when the Block goes on, 0 when it has ended
	 * and is whole (its check and sizes included), with its last byte at the latest, or -errno.
	 * *ret_size is the bytes written either way. */
	int (*read)(void *decoder, void *buf, size_t size, size_t *ret_size, struct fail *f);

	/* All before this offset of the payload has been read for the current Block. */
	uint64_t (*position)(const void *decoder);
};

extern const struct codec codec_xz, codec_zstd, codec_stored;

/* The codec of a file that starts with these bytes, CODEC_HEAD of them unless it is shorter; NULL when there is none. */
const struct codec *codec_find(const uint8_t *head, size_t size);

/* Finds the codec of p by its first bytes and lists the Blocks. On failure *ret is empty. */
int block_list_read(const struct payload *p, struct block_list *ret, struct fail *f);

/* The codec of a file by its name: what ends neither in .xz nor in .zst is not compressed. */
const struct codec *codec_by_name(const char *name);

/* The list of a file that is not here yet: its name, and n Blocks with offset, total, uncompressed and memory. 0, -E2BIG behind
 * BLOCKS_MAX, -EINVAL when a Block cannot be, or -ENOMEM; on failure *ret is empty. */
int block_list_known(const char *name, const struct block *blocks, size_t n,
		     struct block_list *ret);

/* For codecs: appends a Block; number and start are set here. 0, -ENOMEM, or -E2BIG behind BLOCKS_MAX. */
int block_list_add(struct block_list *l, const struct block *block);

/* For codecs: counts again what the Blocks have, after their sizes became better known. */
void block_list_count(struct block_list *l);

/* The Block that holds this offset of the uncompressed file, or an earlier one when some are unsized; NULL behind the end. */
const struct block *block_list_find(const struct block_list *l, uint64_t offset);

/* Bytes of a payload of so many that may lie between what has arrived and what is decoded: 64 MiB, so that the line goes on while
 * the decoders are at work on what takes long, or what so many decoders need, if that is more. */
uint64_t block_list_window(const struct block_list *l, uint64_t size, unsigned decoders);

/* Bytes of a payload of so many that must fit between what has arrived and what is decoded, for so many decoders to have work: a
 * Block for each and one that arrives. All of a payload that is one Block. */
uint64_t block_list_least_window(const struct block_list *l, uint64_t size, unsigned decoders);

void block_list_free(struct block_list *l);

/* What to do when bytes are not as they were made. */
#define CODEC_TODO_COPY "Copy it again; build it again if what it was copied from is damaged, too."

/* For codecs: a Block that is damaged, or whose decoder finds no memory. They return the failure. */
int codec_fail_damaged(const struct payload *p, const struct block *at, struct fail *f);
int codec_fail_memory(const struct payload *p, const struct block *at, const struct codec *codec,
		      struct fail *f);

/* What to do when decoding takes too much memory, as a sentence: what helps with every codec, and how to compress instead. */
#define CODEC_TODO_MAX 192
#define CODEC_TODO_ADD "Add memory"
#define CODEC_TODO_THREADS "Use fewer threads (tarboot.threads=1), add memory"
const char *codec_todo_memory(const struct codec *codec, const char *helps,
			      char buf[CODEC_TODO_MAX]);

/* Decodes a file that is open at fd, which stays the caller's, into buf. *ret_size: its bytes, room at most. 0; -EFBIG: it has
 * more, or decoding takes more than room; or another -errno. name: for messages. */
int codec_decode(int fd, const char *name, void *buf, size_t room, size_t *ret_size,
		 struct fail *f);
