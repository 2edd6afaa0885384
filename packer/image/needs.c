/* docs/performance.md has the measurements for these formulas. */
#include "image/needs.h"

#include <elf.h>
#include <stdio.h>

#include "engine/plan.h"
#include "image/rootsize.h"
#include "image/zramguess.h"
#include "base/print.h"
#include "base/size.h"

/* Measured with Debian's Linux 6.1: the kernel and its tables; struct page takes a 64th of the memory. */
#define KERNEL_BYTES (58ULL << 20)
#define STEP (8ULL << 20)

/* Of those that the image has modules of. */
static const char *best_compressor(const struct image *image)
{
	return image_has_module(image, "zstd_compress") ? "zstd" : "lz4";
}

static uint64_t compressed(const struct image *image)
{
	return image->is_boot_part ? image->manifest.payload_bytes : image->payload.size;
}

/* What init requires, with this page size; ret_gain: of it, what zram may save. */
static uint64_t unpack_bytes(const struct image *image, const struct block_list *blocks,
			     const struct manifest *m, uint64_t page, uint64_t *ret_gain)
{
	struct rootsize_need need;
	struct engine_plan plan;

	rootsize_need(m, blocks->least, blocks->uncompressed, page, &need);
	engine_plan(blocks, 1, 0, &plan);
	need.engine = plan.memory;
	*ret_gain = zramguess_gain(rootsize_swappable(&need),
				   zramguess_ratio(best_compressor(image), compressed(image),
						   blocks->uncompressed));
	return rootsize_needed(&need) + image->size - image->payload.size;
}

/* Least RAM of a machine for which so many bytes are loaded, and so many free when it unpacks. Of an image it is three times its
 * size: as it was loaded, and the kernel's copy, for which there is half of what is free then. */
static uint64_t least_machine(uint64_t load, uint64_t unpack)
{
	uint64_t most = load > unpack ? load : unpack;

	return ((most + KERNEL_BYTES) / 63 * 64 + STEP - 1) / STEP * STEP;
}

void needs_of(const struct image *image, const struct block_list *blocks,
	      const struct treesize *counted, struct needs *ret)
{
	struct manifest is = { 0 };
	const struct manifest *m = image->has_manifest ? &image->manifest : NULL;
	uint64_t gain, unused, load = 3 * image->size,
			       load_part = 3 * (image->size - image->payload.size);

	if (counted) {
		treesize_tell(counted, &is);
		m = &is;
	}
	*ret = (struct needs){
		.load = 2 * image->size,
		.unpack = unpack_bytes(image, blocks, m, 4 << 10, &gain),
		.unpack_16k = unpack_bytes(image, blocks, m, 16 << 10, &unused),
		.unpack_64k = unpack_bytes(image, blocks, m, 64 << 10, &unused),
		.is_estimate = !m,
		.has_zram = image_has_module(image, "zram"),
	};
	ret->machine = least_machine(load, ret->unpack);
	if (image_can_fetch(image) && !image->is_boot_part)
		ret->fetching_machine = least_machine(load_part, ret->unpack);
	if (gain == 0 || !ret->has_zram)
		return;
	ret->zram_machine = least_machine(load, ret->unpack - gain);
	if (ret->fetching_machine)
		ret->zram_fetching_machine = least_machine(load_part, ret->unpack - gain);
}

/* ", with zram about 240 MiB", where it is less. */
static const char *with_zram(const struct needs *n, char buf[64], uint64_t machine,
			     uint64_t zram_machine)
{
	char size[SIZE_TEXT_MAX];

	*buf = '\0';
	if (zram_machine && zram_machine < machine)
		snprintf(buf, 64, ", with zram about %s", size_format(size, zram_machine));
	else if (n->has_zram)
		snprintf(buf, 64, ", with zram as much");
	return buf;
}

void needs_print(const struct image *image, const struct needs *n)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX], zram[64];

	printf("memory   %s to load the image, %s%s to unpack the root\n", size_format(a, n->load),
	       n->is_estimate ? "at least " : "", size_format(b, n->unpack));
	if (image_machine(image) == EM_AARCH64)
		printf("         %s where pages have 16 KiB, %s where they have 64 KiB\n",
		       size_format(a, n->unpack_16k), size_format(b, n->unpack_64k));
	printf("machine  needs about %s of RAM to boot%s; the rest is free\n",
	       size_format(a, n->machine), with_zram(n, zram, n->machine, n->zram_machine));
	if (n->fetching_machine)
		printf("         about %s%s where it loads the boot part of %s and fetches the "
		       "root\n",
		       size_format(a, n->fetching_machine),
		       with_zram(n, zram, n->fetching_machine, n->zram_fetching_machine),
		       size_format(b, image->size - image->payload.size));
	if (!n->has_zram)
		puts("         no figure with zram: the image has no module of that name, "
		     "and if the kernel has it built in is not known");
	if (image->size > BIOS_IMAGE_MAX && n->fetching_machine)
		print_warning("an image of %s is too large for BIOS boot loaders and 32-bit iPXE: "
			      "boot with UEFI, or publish it with `tarboot netboot --stream`",
			      size_format(a, image->size));
	else if (image->size > BIOS_IMAGE_MAX)
		print_warning("an image of %s is too large for BIOS boot loaders and 32-bit iPXE: "
			      "boot with UEFI, or make it smaller",
			      size_format(a, image->size));
}
