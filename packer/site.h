/*
 * A directory that machines boot from over the network, and its settings: DIR/netboot.conf, lines of KEY = VALUE with
 * the names of the options of `tarboot netboot`.
 */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "fail.h"
#include "net_text.h"
#include "util.h"

#define SITE_NAME_MAX 33 /* with NUL; see name_is_plain */
#define SITE_TEXT_MAX 256

struct site_machine {
	char mac[MAC_TEXT_MAX];   /* lower case, with colons */
	uint32_t address;         /* fixed, or 0 */
	char name[SITE_NAME_MAX]; /* host name, or "" */
	char boot[SITE_NAME_MAX]; /* entry of the menu that it boots, or "" */
};

struct site {
	const char *directory;
	uint32_t server;      /* 0 = not set yet; so are the others */
	struct subnet subnet; /* that the server gives addresses of; bits 0 = none */
	uint32_t first, last; /* of those addresses */
	uint32_t router, dns;
	bool proxy;    /* another server gives the addresses */
	unsigned port; /* of HTTP */
	char url[SITE_TEXT_MAX]; /* where http/ is served, without slash at its end; "" = by server and port */
	char ipxe[SITE_TEXT_MAX];      /* where iPXE's programs are */
	char installer[SITE_TEXT_MAX]; /* URL of a directory with linux and initrd.gz; "" = none */
	char boot[SITE_NAME_MAX];      /* the default entry; "" = the first image */
	unsigned timeout, versions;
	struct site_machine *machines; /* owned */
	size_t n_machines;
};

/* Starts with the defaults. */
void site_init(struct site *s, const char *directory);

/* Sets one value. NULL, or what is wrong with it, as a sentence that goes behind the value. */
const char *site_set(struct site *s, const char *key, const char *value);

/* Reads netboot.conf. -EEXIST: there is none, so the directory is somebody else's; but with claim an empty or absent
 * one will do. */
int site_load(struct site *s, bool claim, struct fail *f);

/* Makes the directory when it is not there, which *ret_made tells. */
int site_make_directory(const struct site *s, bool *ret_made, struct fail *f);

/* Makes a netboot.conf without settings, when site_load() found none. */
int site_claim(const struct site *s, struct fail *f);

/* Do the settings go together? */
int site_check(const struct site *s, struct fail *f);

/* The first and last address that DHCP gives: those set, or the longest free run in the upper half of the subnet, at most
 * 200. False: there is none left beside server, router and DNS server. */
bool site_range(const struct site *s, uint32_t *ret_first, uint32_t *ret_last);

/* May the users that servers become enter the directories that they serve? Root can tell; for others the answer is yes.
 * -EACCES. */
int site_check_reachable(const struct site *s, struct fail *f);

/* Opens and locks the directory, so that one program at a time changes it. The caller closes *ret_fd. */
int site_lock(const struct site *s, int *ret_fd, struct fail *f);

/* Writes netboot.conf. */
int site_save(const struct site *s, struct fail *f);

/* Where http/ is served: "http://192.168.7.1". */
void site_url(const struct site *s, char ret[SITE_TEXT_MAX]);

/* The path of something in the directory. */
const char *site_path(const struct site *s, char ret[PATH_MAX], const char *format, ...)
	_printf_(3, 4);

/* Brings a text to this path of the directory, made if need be, unless it is there already. -EEXIST: there is a file
 * that was not made by tarboot, which its first lines would say. */
int site_write(const struct site *s, const char *path, const char *text, struct fail *f);

/* The same with what print prints. */
int site_print(const struct site *s, const char *path, void (*print)(FILE *out, const void *arg),
	       const void *arg, struct fail *f);

/* Brings bytes to this path, unless they are there, whoever made what is there now. */
int site_replace(const struct site *s, const char *path, const void *data, size_t size,
		 struct fail *f);

/* Is there such a file at this path, made by tarboot? */
bool site_owns(const char *path);

/* What those lines say, in a file that the site owns. */
#define SITE_MARK "Made by tarboot netboot"

void site_free(struct site *s);
