/*
 * The images of a site: http/images/NAME/VERSION/ with kernel, image and entry.conf. A version is complete when it
 * appears and never changes, so that a machine that is downloading gets all of it. NAME/current and NAME/previous are
 * links.
 */
#pragma once

#include "site/site.h"

#define VERSION_MAX 24
#define APPEND_MAX 1024

/* The content of entry.conf, from which the menu is generated. */
struct site_version {
	char version[VERSION_MAX]; /* name of its directory; "" = none */
	char title[SITE_TEXT_MAX], append[APPEND_MAX];
	char check[36];           /* CRC64 of the image and the kernel, in hexadecimal */
	char architecture[16];    /* "x86-64", "aarch64"; "" = not known */
	char file[SITE_TEXT_MAX]; /* name of the image's file */
	uint64_t size, machine;   /* bytes to load; least RAM in bytes */
	bool split;               /* boot.img and root.img, instead of initrd.img */
};

struct site_image {
	char name[SITE_NAME_MAX];
	struct site_version current, previous;
};

/* The kernel command line without --append. */
#define SITE_DEFAULT_APPEND                                                        \
	"devfs=nomount rw panic=60 selinux=0 ip=dhcp biosdevname=0 net.ifnames=0 " \
	"ipv6.disable=0"

struct publishing {
	const char *image;
	const char *kernel;         /* NULL = IMAGE.vmlinuz */
	const char *name;           /* see site_name.h */
	const char *title, *append; /* NULL = as before, or the default */
	bool split;
};

/* Publishes an image under its name: it becomes the current version, and the current one the previous. *ret_published
 * is false if the current version has the same checksums and settings. */
int site_publish(const struct site *s, const struct publishing *p, bool *ret_published,
		 struct fail *f);

/* Deletes the incomplete versions that interrupted runs have left. The site is locked, so nobody is writing one. */
int site_sweep(const struct site *s, struct fail *f);

/* Reads the versions that are published under a name; both are "" if there is none. */
int site_read_image(const struct site *s, const char *name, struct site_image *ret, struct fail *f);

/* Swaps the current and the previous version. */
int site_roll_back(const struct site *s, const char *name, struct fail *f);

/* Removes an image with all its versions. -EBUSY: it is a default. */
int site_remove(const struct site *s, const char *name, struct fail *f);

/* All images, by name. The caller frees *ret. */
int site_images(const struct site *s, struct site_image **ret, size_t *ret_n, struct fail *f);
