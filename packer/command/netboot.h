/*
 * A run of `tarboot netboot`: what is asked for, and what is open until it is published.
 */
#pragma once

#include <string.h>
#include <sys/stat.h>

#include "command/netboot_layers.h"
#include "image/image_kernel.h"
#include "image/image_report.h"
#include "site/site_publish.h"
#include "site/site_uki.h"

/* An image that is given: it stays open, so that what is published is what was checked. */
struct netboot_image {
	struct stat seen; /* before it was read: see unchanged.h */
	struct image_report report;
	struct image_kernel kernel;
};

struct netboot {
	struct site site;
	struct publishing publishing; /* of each image; image and name are set for each */
	const char *kernel, *roll_back, *remove, *hosts;
	const char *uki; /* a path, or none; NULL = what is there stays */
	struct site_uki given_uki;
	bool quiet;
	struct netboot_layers layers;
	struct site_draft *drafts;    /* of the images; owned */
	char **images;                /* of argv */
	char (*names)[SITE_NAME_MAX]; /* of the images; owned */
	struct netboot_image *given;  /* the images; owned */
	size_t n_images;
	bool has_published; /* machines may load something of it */
	int lock;           /* the directory */
};

/* Else, if there is a uki, it is none. */
static inline bool netboot_gives_uki(const struct netboot *n)
{
	return n->uki && strcmp(n->uki, "none") != 0;
}
