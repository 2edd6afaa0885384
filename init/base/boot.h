/*
 * What PID 1 knows about this boot: one struct that every step reads and adds to.
 * A step returns 0, or -errno with boot->fail filled; it logs nothing about its own failure.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/background.h"
#include "codec/codec.h"
#include "base/fail.h"
#include "image/manifest.h"
#include "base/message.h"
#include "parameters/params.h"
#include "codec/payload.h"
#include "image/rootsize.h"
#include "engine/unpack.h"
#include "fetch/url.h"

#define NEW_ROOT "/newroot"
#define STEPS_MAX 24
#define ZRAM_NAME_MAX 32
#define BLOCK_TIMES_MAX 1024 /* Blocks whose times are recorded */
#define MEMORY_SAMPLES_MAX 256

struct step_record {
	const char *name;
	uint64_t start, duration; /* microseconds since the kernel started; microseconds */
};

struct memory_sample {
	uint64_t time, used; /* microseconds since the kernel started; bytes */
};

/* How a payload arrived. Times in microseconds since the kernel started. */
struct fetch_record {
	uint64_t first_byte, last_byte;
	uint64_t held; /* microseconds that the receiver had no room: the cores were the limit */
	uint64_t bytes;
	uint64_t failures; /* tries that failed */
	uint64_t end;      /* when the unpacking was done with it */
	uint32_t from;     /* the server that sent the last byte: number of its URL */
};

/* Compressed swap; zram/zram.h. */
struct zram {
	char device[ZRAM_NAME_MAX]; /* "zram0"; "" = there is none */
	char algorithm[ZRAM_NAME_MAX];
	uint64_t size;  /* bytes that it can hold, uncompressed */
	unsigned ratio; /* that is taken to come of it; per cent */
	struct zram_lock {
		void *at;
		size_t size;
	} * locks; /* owned: the parts of the payload, as they are kept in RAM */
	size_t n_locks;
	int use_fd; /* for zram_device_use() */
	struct zram_use {
		uint64_t stored;         /* bytes that are in it */
		uint64_t taken;          /* bytes of RAM that they take, all told */
		uint64_t incompressible; /* bytes of both that are kept as they are */
	} use;                           /* after unpacking */
};

/* An archive that is laid over the root. All of it is here, and is what it shall be. */
struct layer {
	struct payload payload;
	struct block_list blocks;
	struct engine_plan plan;
	bool discard; /* its pages go behind the decoder */
};

/* What is fetched: the root, then layers, and what was signed of them. */
struct boot_fetch {
	bool arrives;           /* nothing of it is here yet, it arrives while it is unpacked */
	uint64_t payload_bytes; /* then: its size */
	struct url urls[URLS_MAX];
	size_t n_urls;
	struct arrival *arrival; /* shared with receiver and unpack child; NULL: nothing arrives */
	struct background receiver; /* the process that writes what the fetcher fetches */
};

/* What it took, for the report. */
struct boot_record {
	struct step_record steps[STEPS_MAX];
	size_t n_steps;
	struct fetch_record fetched;
	struct unpack_result unpacked;
	uint64_t unpack_peak; /* peak memory of the unpack child, bytes */
	uint64_t memory_peak; /* peak memory use of the machine while unpacking, bytes */
	struct memory_sample memory_samples[MEMORY_SAMPLES_MAX];
	size_t n_memory_samples;
	uint64_t sample_every; /* microseconds */
	struct block_time block_times[BLOCK_TIMES_MAX];
};

struct boot {
	char **argv; /* as the kernel gave it, for the new init */

	struct params params;
	struct fail bad_parameter; /* error = 0: all values are valid */
	bool make_nodes;           /* there is no devtmpfs */
	struct background devices; /* the process that loads modules for devices */
	struct manifest manifest;
	bool has_manifest;
	bool has_keys; /* the boot part has: manifests from elsewhere must be signed */
	struct payload payload;
	char payload_path[ROOTFS_MAX]; /* of one in the image: its name may be cut */
	struct block_list blocks;      /* of the payload */
	/* Digests of its Blocks, of one that is in the image; NULL: it has none. */
	struct arrival *held;
	struct engine_plan plan; /* how it is unpacked */
	struct layer *layers;    /* owned; from the lowest on */
	size_t n_layers;
	struct zram zram;
	struct boot_fetch fetch;
	/* What the root takes, from manifest or Index, or as measured after unpacking. */
	struct rootsize_need need;

	uint64_t root_size; /* bytes, chosen for the root tmpfs */
	bool keep_payload;  /* for another try after a shell */
	int new_root_fd;    /* NEW_ROOT once mounted, else -1 */
	int old_root_fd;    /* the initramfs, for its deletion */

	struct devices_seen devices_seen;
	struct background network; /* configures the network, if the root is fetched */
	struct network_seen network_seen;
	struct background log_sender; /* sends lines to a log server */
	char new_init[256];

	struct boot_record record;
	const char *failed_step; /* NULL: none */
	struct fail fail;
	bool has_nothing_to_do; /* the current step: its line is for the logs; cleared before each step */
	char detail[160]; /* added to the log line of the current step; cleared before each step */
};
