/*
 * All that is known of an image: what image_report.h collects and inspect_json.h prints.
 */
#pragma once

#include "image/boot_keys.h"
#include "image/contents.h"
#include "image/needs.h"
#include "image/disk_usage.h"

struct image_report {
	struct image image;
	struct block_list blocks; /* of the payload */
	struct needs needs;
	struct signature_trust keys; /* of the boot part */
	struct contents contents;
	struct disk_usage usage;
};
