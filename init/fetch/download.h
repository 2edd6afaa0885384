/*
 * The file as far as it is here, and where it goes.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fetch/fetch_message.h"
#include "fetch/url.h"

/* Milliseconds. */
struct limits {
	uint64_t connect; /* until a connection is there; the name of the server included */
	/* From then on, or from the request, until the head of the response is complete. */
	uint64_t response;
	uint64_t stall; /* in which STALL_BYTES must come, while we are ready to read */
	uint64_t wait;  /* between two tries, at most */
};

#define STALL_BYTES 1024

struct download {
	const struct url *urls;
	size_t n_urls;
	const char *proxy; /* URL, or FETCH_PROXY_OF_ENVIRONMENT; "" = none */
	uint64_t end;      /* of what is wanted; FETCH_SIZE_UNKNOWN: of the file */
	uint64_t size; /* of the file: given, or learnt from the first answer; FETCH_SIZE_UNKNOWN */
	bool is_size_given;
	size_t size_url; /* that it was learnt from */
	struct limits limits;
	int bytes, messages; /* descriptors */

	uint64_t offset;                           /* of the next byte to write */
	char validators[URLS_MAX][FETCH_TEXT_MAX]; /* of what each server has; "" = unknown */
	uint64_t blocked; /* microseconds in which the reader did not read */
	bool is_reader_gone;
};

/* Nothing of the file is missing, as far as its end is known. */
bool download_is_complete(const struct download *d);

/* Writes bytes to the reader, waiting for it. 0, or -EPIPE when it is gone. */
int download_write(struct download *d, const void *data, size_t size);

/* Tells the reader; when that fails, it is gone. */
void download_tell(struct download *d, const struct fetch_message *m);

/* Waits, until the reader closes its end at most. 0: only looks whether it has. */
void download_wait(struct download *d, int timeout_ms);
