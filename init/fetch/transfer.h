/*
 * One try to fetch the rest of a file from one server, by libcurl. Its errors become reasons here.
 */
#pragma once

#include <curl/curl.h>

#include "fetch/download.h"
#include "fetch/response.h"

struct transfer {
	CURLM *multi;
	CURL *easy;
	struct download *d; /* borrowed */
	uint64_t start;     /* offset at which it began */
	char error[CURL_ERROR_SIZE];

	/* of the request that runs */
	size_t url;
	struct request request;
	struct response response;
	struct verdict verdict;
	bool is_judged;      /* the head is complete */
	bool is_held;        /* see held */
	uint8_t held;        /* the last byte of the file, until the response has ended there */
	uint64_t at;         /* in the file: of the next byte of the body */
	uint64_t stop;       /* in the file: behind the last byte to take; FETCH_SIZE_UNKNOWN */
	uint64_t head_bytes; /* of all heads since the try began */
	uint64_t asked;      /* when the request went out; 0: there is no connection yet */
	uint64_t window;     /* when bytes began to be counted, less what the reader took by then */
	uint64_t window_bytes;
	uint64_t body_bytes; /* that came since it went out, wanted or not */
	bool is_too_long;    /* the body goes on where the file ends */
	bool is_stopped;     /* by us, because all is here */
	bool is_by_proxy;
};

/* 0, or -ENOMEM. */
int transfer_open(struct transfer *t, struct download *d);
void transfer_close(struct transfer *t);

/* Fetches from one URL as much as comes; d says how far it came. Returns 0 when all is here; else fills *m, a FETCH_FAILED, and
 * returns -EAGAIN; -EPIPE when the reader is gone. */
int transfer_run(struct transfer *t, size_t url, struct fetch_message *m);
