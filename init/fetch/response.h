/*
 * What a server answered, and whether that is the file. Pure: lines in, struct out, a verdict; the body never comes here.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "fetch/fetch_message.h"

#define LOCATION_MAX 2048

/* The status line and headers that matter. Texts are printable ASCII, "" = none or useless. */
struct response {
	unsigned status; /* 0: there was no status line */
	bool is_chunked;
	uint64_t length; /* of the body; FETCH_SIZE_UNKNOWN */

	enum { RANGE_NONE, RANGE_WRONG, RANGE_GOOD, RANGE_UNSATISFIED } range;
	uint64_t first, last; /* bytes of the file, if RANGE_GOOD */
	uint64_t total; /* of the file, if RANGE_GOOD or RANGE_UNSATISFIED; FETCH_SIZE_UNKNOWN */

	char type[64];
	char etag[FETCH_TEXT_MAX];     /* only a strong one */
	char modified[FETCH_TEXT_MAX]; /* Last-Modified */
	char location[LOCATION_MAX];
	bool has_location;
};

/* What was asked for. */
struct request {
	uint64_t offset, end;  /* of the file; end FETCH_SIZE_UNKNOWN: to its end */
	uint64_t size;         /* of the file; FETCH_SIZE_UNKNOWN */
	uint64_t least;        /* bytes that the file has for certain */
	bool is_size_given;    /* and not only learnt from an earlier answer */
	const char *validator; /* of the file whose first bytes are here already; "" = none */
};

enum decision {
	DECISION_PASS,     /* the body is the file, or a part of it that holds what was asked for */
	DECISION_DONE,     /* there are no bytes left to fetch */
	DECISION_REDIRECT, /* to location */
	DECISION_FAIL,
};

struct verdict {
	enum decision decision;
	uint64_t first; /* of PASS: where in the file the body starts, not behind the offset */
	uint64_t size;  /* of the file, as the server says; FETCH_SIZE_UNKNOWN */
	enum fetch_reason reason;  /* of FAIL */
	char text[FETCH_TEXT_MAX]; /* of FAIL */
};

/* True when a request has a Range header. */
bool request_has_range(const struct request *q);

/* Takes one line of the head, with or without its end; a status line starts anew. */
void response_line(struct response *r, const char *line, size_t size);

/* An interim response, after which another one comes. */
bool response_is_interim(const struct response *r);

/* What If-Range can have, or "". */
const char *response_validator(const struct response *r);

void response_judge(const struct response *r, const struct request *q, struct verdict *ret);
