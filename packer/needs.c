/* Sums; see docs/performance.md for the measurements behind them. */
#include "needs.h"

#include <stdio.h>

#include "plan.h"
#include "rootsize.h"
#include "say.h"
#include "size.h"

/* Measured with Linux 6.1 of Debian: the kernel and its tables; a page's descriptor is a 64th of it. */
#define KERNEL_BYTES (58ULL << 20)
#define STEP (8ULL << 20)

/* Real mode boot loaders and 32-bit iPXE keep the image below 2 GiB, and the PC's devices take the rest. */
#define BIOS_IMAGE_MAX (2ULL << 30)

void needs_of(const struct image *image, const struct block_list *blocks, struct needs *ret)
{
	struct rootsize_need need = { 0 };
	struct engine_plan plan;
	uint64_t most;

	engine_plan(blocks, 1, 0, &plan);
	need.tree = image->has_manifest ? image->manifest.unpacked_bytes : blocks->uncompressed;
	need.inodes = image->has_manifest ? image->manifest.inodes : 0;
	need.engine = plan.memory;
	ret->load = 2 * image->size;
	ret->unpack = rootsize_needed(&need) + image->size - image->payload.size;
	most = ret->load > ret->unpack ? ret->load : ret->unpack;
	ret->machine = ((most + KERNEL_BYTES) / 63 * 64 + STEP - 1) / STEP * STEP;
}

void needs_print(const struct image *image, const struct needs *n)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

	printf("memory   %s to load the image, %s to unpack the root\n", size_format(a, n->load),
	       size_format(b, n->unpack));
	printf("machine  boots with %s of memory, about; the rest is for its work\n",
	       size_format(a, n->machine));
	if (image->size > BIOS_IMAGE_MAX)
		say_warning(
			"an image of %s is more than BIOS boot loaders and 32-bit iPXE can load: "
			"boot by UEFI, or pack less",
			size_format(a, image->size));
}
