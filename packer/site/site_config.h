/*
 * What the configurations of a site's servers are made of.
 */
#pragma once

#include "site/site_firmware.h"

struct site_config {
	FILE *out;
	const struct site *site;
	char directory[PATH_MAX]; /* absolute */
	char tarboot[PATH_MAX];   /* path of this program */
	char url[SITE_TEXT_MAX];
	char server[IPV4_TEXT_MAX], network[IPV4_TEXT_MAX], mask[IPV4_TEXT_MAX];
	char first[IPV4_TEXT_MAX], last[IPV4_TEXT_MAX];
	char router[IPV4_TEXT_MAX], dns[IPV4_TEXT_MAX]; /* "" = none */
	struct firmware firmware[FIRMWARE_MAX];         /* whose programs are in the site */
	size_t n_firmware;
};
