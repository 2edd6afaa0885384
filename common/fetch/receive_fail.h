/*
 * What a fetcher told about a try that failed, as a person will read it. Pure.
 */
#pragma once

#include "base/fail.h"
#include "fetch/fetch_message.h"
#include "fetch/url.h"

/* Fills *ret. m: any bytes, since it is from the fetcher; url: what was tried; size: bytes that the file should have, or
 * FETCH_SIZE_UNKNOWN. */
void receive_explain(const struct fetch_message *m, const struct url *url, uint64_t size,
		     struct fail *ret);
