/*
 * What is known of a version of an image, and what is asked for when one is published.
 */
#pragma once

#include "image/image_kernel.h"
#include "image/layer.h"
#include "site/site.h"

#define VERSION_MAX 24
#define SITE_LAYERS_MAX 8
#define APPEND_MAX 1024

/* The content of entry.conf, from which the menu is generated. */
struct site_version {
	char version[VERSION_MAX]; /* name of its directory; "" = none */
	char title[SITE_TEXT_MAX], append[APPEND_MAX];
	char check[36];               /* CRC64 of the image and the kernel, in hexadecimal */
	char architecture[16];        /* "x86-64", "aarch64"; "" = not known */
	char file[SITE_TEXT_MAX];     /* name of the image's file */
	uint64_t size;                /* bytes to load, with the kernel */
	uint64_t least_ram;           /* of the machine, in bytes */
	uint64_t least_ram_with_zram; /* with compressed swap; 0: no less */
	bool split;                   /* boot.img and root.img, instead of initrd.img */
	char payload[16]; /* what the machine fetches, with boot.img; "" = it loads all */
	uint64_t fetched; /* its bytes */
	bool is_signed;   /* its manifest is */
	bool has_keys;    /* its boot part does, and so takes no layer without a signature */
	struct site_layer layers[SITE_LAYERS_MAX]; /* for all machines */
	size_t n_layers;
};

struct site_image {
	char name[SITE_NAME_MAX];
	struct site_version current, previous;
};

/* The kernel command line without --append. */
#define SITE_DEFAULT_APPEND                                                        \
	"devfs=nomount rw panic=60 selinux=0 ip=dhcp biosdevname=0 net.ifnames=0 " \
	"ipv6.disable=0"

/* The same for a machine that fetches its root: the menu tells it its address. */
#define SITE_DEFAULT_APPEND_STREAM \
	"devfs=nomount rw panic=60 selinux=0 biosdevname=0 net.ifnames=0 ipv6.disable=0"

struct publishing {
	const char *image;
	const struct image_kernel *kernel;
	const char *name;           /* see site_name.h */
	const char *title, *append; /* NULL = as before, or the default */
	bool split, stream;
	const char *sign;           /* file of minisign's secret key; NULL = do not */
	const struct layer *layers; /* for all machines, from the lowest on */
	size_t n_layers;
};
