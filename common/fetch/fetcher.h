/*
 * The fetcher as a child process: started with what it shall fetch, its pipe and its messages, ended.
 */
#pragma once

#include <stdint.h>
#include <sys/types.h>

#include "fetch/fetch_message.h"
#include "fetch/url.h"

struct fetcher {
	pid_t pid;    /* 0: none runs */
	int bytes;    /* its standard output; < 0: closed */
	int messages; /* < 0: closed */
};

/* Where a file is, and what fetches it. */
struct fetch_source {
	const char *program; /* the fetcher */
	const struct url *urls;
	size_t n_urls;
	const char *proxy;  /* URL, or FETCH_PROXY_OF_ENVIRONMENT; "" = none */
	const char *chroot; /* directory for the fetcher; NULL = none */
};

/* What one fetcher is to fetch of it. */
struct fetch_job {
	uint64_t offset, end;  /* bytes of the file; end FETCH_SIZE_UNKNOWN: to its end */
	uint64_t size;         /* of the whole file, or FETCH_SIZE_UNKNOWN */
	size_t first_url;      /* which of the URLs is tried first */
	const char *validator; /* of that URL's file; "" = none */
};

/* 0 or -errno. */
int fetcher_start(const struct fetch_source *from, const struct fetch_job *job,
		  struct fetcher *ret);

/* One message, if there is one: 0, -EAGAIN, or -EPIPE when there will be no more. What has another size is dropped. */
int fetcher_message(struct fetcher *f, struct fetch_message *ret);

/* Waits until it has ended by itself, a second at most, kills it then, and returns its wait status. */
int fetcher_wait(struct fetcher *f);

/* Kills it if it runs. */
void fetcher_stop(struct fetcher *f);
