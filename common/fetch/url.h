/*
 * URLs of files that are fetched. Pure: text in, struct out.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/fail.h"

#define URL_MAX 512 /* bytes of one, its NUL included */
#define URL_SUFFIX_MAX 32
#define URLS_MAX 16       /* in a list */
#define URL_LIST_MAX 1024 /* bytes of a list in tarboot.rootfs=, its NUL included */

struct url {
	char text[URL_MAX];
	char host[256]; /* without brackets */
	uint16_t port;
	bool is_ipv6; /* host is an IPv6 address */
	bool is_ipv4; /* host is an IPv4 address */
};

/* Does a value name a URL, good or bad, and no path? A file in the working directory that is called so is ./NAME. */
bool url_is_one(const char *text);

/* Reads one. 0, or -EINVAL with *f, whose what is the URL: not http:, no host, a port that is none, too long, characters that no
 * URL has, a user name in it. https: is refused with what to do instead. *ret is untouched on failure. text must not be in
 * *f. */
int url_parse(const char *text, struct url *ret, struct fail *f);

/* Reads a list with commas between: the same file on several servers. A comma in a URL is %2C. 0, or -EINVAL (also of a URL
 * without a path), -E2BIG behind URLS_MAX, -ENOMEM. ret and *ret_n are untouched on failure. */
int url_list_parse(const char *text, struct url ret[URLS_MAX], size_t *ret_n, struct fail *f);

/* The URLs of what lies beside these files: suffix behind the name, before a query. 0, or -EINVAL when one gets too long. ret has
 * room for n, and is not the list itself; suffix has less than URL_SUFFIX_MAX bytes. */
int url_list_beside(const struct url *urls, size_t n, const char *suffix, struct url *ret,
		    struct fail *f);

/* The second becomes the first, and the first the last. */
void url_list_rotate(struct url *urls, size_t n);

/* Puts the list into an order that depends on the machine's MAC and the URLs alone, so that many machines share the load of
 * the servers evenly: also that of a server that fails, and another order of the same list changes nothing. */
void url_list_order(struct url *urls, size_t n, const uint8_t mac[6]);
