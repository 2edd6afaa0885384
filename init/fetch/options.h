/*
 * The command line of the fetcher (see fetch_message.h). Pure, but for the message.
 */
#pragma once

#include "fetch/download.h"

struct options {
	struct download download; /* its URLs point into urls */
	struct url urls[URLS_MAX];
	const char *chroot; /* NULL: none */
};

/* 0, or -EINVAL with *f. */
int options_parse(char *const *argv, struct options *ret, struct fail *f);
