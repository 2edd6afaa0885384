/*
 * The keys in a boot part: whose signed manifests it takes. Written when it is packed, and read back from an image.
 */
#pragma once

#include "image/bootpart.h"
#include "image/image.h"
#include "image/signature.h"

/* Reads the keys in n files of minisign's. */
int boot_keys_read(char *const *paths, size_t n, struct signature_trust *ret, struct fail *f);

/* Puts them into a boot part, each by its id. */
int boot_keys_add(const struct signature_trust *trust, struct bootpart *b, struct fail *f);

/* tarboot.manifest-min= of a kernel command line may ask for a later date than the boot part. */
void boot_keys_apply_line(struct signature_trust *trust, const char *line);

/* Those of an image's boot part; none when it has none. */
int boot_keys_of_image(const struct image *image, struct signature_trust *ret, struct fail *f);

/* Does the image's boot part take a root that is signed with one of these keys, since that date, and none but that? 0, or -EKEYREJECTED
 * with *f set. */
int boot_keys_check_image(const struct image *image, const struct signature_trust *wanted,
			  struct fail *f);

/* Prints a line for each, and the date; nothing when there is none. */
void boot_keys_print(const struct signature_trust *trust);
