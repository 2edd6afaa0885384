/*
 * What the fetcher, a program of its own, tells the process that started it. One message is one packet on descriptor
 * FETCH_MESSAGES; the bytes of the file go to standard output, from the offset that was asked for, without a gap. The fetcher
 * talks to strangers, so the reader believes neither: texts may hold anything, and may lack their NUL.
 *
 *     fetch [--offset=N] [--end=N] [--size=N] [--validator=TEXT] [--proxy=URL] [--chroot=DIR] URL...
 *
 * offset: of the first byte wanted, 0 unless given. end: of the byte behind the last one wanted, the end of the file unless
 * given. size: bytes of the whole file, where they are known: a server that says otherwise has another file. validator: what
 * an earlier fetcher told in FETCH_ANSWERED, for If-Range. proxy: "environment" is what http_proxy and no_proxy there say.
 *
 * Beside these, for tests: --connect-timeout, --response-timeout (of the head of a response), --stall-timeout (in which 1 KiB
 * must come, while the reader reads), --wait (the longest pause between two tries), in milliseconds.
 *
 * It tries the URLs one after the other, from the first, and again, and ends by itself only when all bytes are written
 * (status 0), when it was started in a wrong way (status 2), and when its reader has closed the pipe or the messages or the
 * process cannot give up its rights (status 1). Each try begins at the byte that the one before came to.
 */
#pragma once

#include <stdint.h>

#define FETCH_MESSAGES 3 /* descriptor, a socket of type SOCK_SEQPACKET */
#define FETCH_TEXT_MAX 192
#define FETCH_PROXY_MAX 96
#define FETCH_SIZE_UNKNOWN UINT64_MAX
#define FETCH_PROXY_OF_ENVIRONMENT "environment"

enum fetch_kind {
	FETCH_ANSWERED, /* a server sends the file: url, size, text: its validator, "" = none */
	FETCH_FAILED,   /* a try failed, and another one follows: url, reason, status, text */
};

enum fetch_reason {
	FETCH_NO_NAME,   /* the server's name cannot be resolved */
	FETCH_NO_ROUTE,  /* network or host unreachable */
	FETCH_REFUSED,   /* nobody listens there */
	FETCH_NO_ANSWER, /* no connection, or no response, in time */
	FETCH_STALLED,   /* bytes no longer arrive, or only a few */
	FETCH_CUT,       /* the connection ended early */
	FETCH_STATUS,    /* an HTTP status that is no success; status has it */
	FETCH_WRONG_SIZE, /* another size than was asked for, size has it; or the file is not the one that began */
	FETCH_NO_FILE,      /* what comes is no archive, but a page (text/html); text: its type */
	FETCH_REDIRECTS,    /* too many, or to what is no http: URL */
	FETCH_LONG_HEADERS, /* more than a response may have */
	FETCH_NOT_HTTP,     /* what was answered cannot be understood */
	FETCH_OTHER,        /* text says it */
	FETCH_N_REASONS
};

struct fetch_message {
	uint32_t kind;
	uint32_t url;    /* which of them, from 0 */
	uint32_t reason; /* of FETCH_FAILED: enum fetch_reason */
	uint32_t status; /* HTTP's; 0 = there was none */
	/* Bytes of the whole file, as the server says; FETCH_SIZE_UNKNOWN: it does not. */
	uint64_t size;
	uint64_t offset; /* of the next byte that will be written to standard output */
	char text[FETCH_TEXT_MAX];
	/* Of FETCH_FAILED: HOST:PORT of the proxy that was asked; "" = none. */
	char proxy[FETCH_PROXY_MAX];
};
