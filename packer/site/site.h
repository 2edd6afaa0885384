/*
 * A site: a directory from which machines boot over the network, and its settings.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "base/digest.h"
#include "base/fail.h"
#include "base/net_text.h"
#include "base/util.h"
#include "fetch/url.h"

#define SITE_NAME_MAX 33 /* including the NUL; see name_is_plain() */
#define SITE_TEXT_MAX 256
#define SITE_MIRRORS_MAX (URLS_MAX - 1) /* beside the site's own */

#define SITE_LAYER_FILE_MAX 96
#define SITE_LAYERS "http/layers" /* those of single machines */

/* A layer as it is published. */
struct site_layer {
	char file[SITE_LAYER_FILE_MAX]; /* in its directory; "" = there is none */
	char digest[DIGEST_TEXT_MAX];   /* of the archive */
};

struct site_machine {
	char mac[MAC_TEXT_MAX];   /* lower case, with colons */
	uint32_t address;         /* fixed, or 0 */
	char name[SITE_NAME_MAX]; /* host name, or "" */
	char boot[SITE_NAME_MAX]; /* menu entry that it boots by default, or "" */
	struct site_layer layer;  /* in SITE_LAYERS */
	bool is_in_file;          /* that netboot --hosts reads */
};

struct site {
	const char *directory;
	uint32_t server;      /* 0 = not set yet; so are the others */
	struct subnet subnet; /* of the machines; bits 0 = none */
	uint32_t first, last; /* range of addresses to assign */
	uint32_t router, dns;
	bool proxy;              /* another DHCP server assigns the addresses */
	unsigned port;           /* of HTTP */
	char url[SITE_TEXT_MAX]; /* of http/, without slash at its end; "" = derived from server and port */
	char mirrors[SITE_MIRRORS_MAX][SITE_TEXT_MAX]; /* other URLs of http/, likewise */
	size_t n_mirrors;
	char ipxe[SITE_TEXT_MAX];      /* directory of iPXE's programs */
	char installer[SITE_TEXT_MAX]; /* URL of a directory with linux and initrd.gz; "" = none */
	char boot[SITE_NAME_MAX];      /* the default entry; "" = the first image */
	unsigned timeout, versions;
	struct site_machine *machines; /* owned */
	size_t n_machines;
};

/* Sets the defaults. */
void site_init(struct site *s, const char *directory);

/* The machine with this MAC address, in lower case with colons. NULL: it is not known. */
struct site_machine *site_find_machine(const struct site *s, const char *mac);

/* The same, but adds it if it is not known. NULL: no memory. */
struct site_machine *site_find_or_add_machine(struct site *s, const char *mac);

/* Forgets the machine with this MAC address. False: it was not known. */
bool site_forget_machine(struct site *s, const char *mac);

/* Reads FILE#DIGEST, as layers stand in settings. False: it is none. */
bool site_layer_parse(const char *text, struct site_layer *ret);

/* Are the settings consistent? */
int site_check(const struct site *s, struct fail *f);

/* The range of addresses for DHCP: as set, or the longest free range in the upper half of the subnet, at most 200.
 * False: there is no address but those of server, router and DNS server. */
bool site_range(const struct site *s, uint32_t *ret_first, uint32_t *ret_last);

/* Can the users that servers run as enter the directory? Only root can check that; for others the result is 0.
 * -EACCES. */
int site_check_reachable(const struct site *s, struct fail *f);

/* Warns if others than root can change what the servers are told, which start as root. */
void site_warn_of_writers(const struct site *s);

/* Opens and locks the directory, so that only one program changes it. The caller closes *ret_fd. */
int site_lock(const struct site *s, int *ret_fd, struct fail *f);

/* The URL of http/, for example "http://192.168.7.1". */
void site_url(const struct site *s, char ret[SITE_TEXT_MAX]);

/* Writes the URLs of a path below http/, of the site and then of its mirrors, with commas between. */
void site_print_urls(FILE *out, const struct site *s, const char *path);

/* In config/, the machines that dnsmasq gives a fixed address or a name; it reads them again on SIGHUP. */
#define SITE_DNSMASQ_HOSTS "dnsmasq.hosts"

void site_free(struct site *s);
