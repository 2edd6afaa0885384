/* What pack wrote beside the image, or what somebody names. */
#include "image/image_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/elfinfo.h"
#include "base/util.h"

static const char todo_kernel[] = "Give it with --kernel FILE.";

static int check(const struct image *image, const struct image_kernel *k, bool is_beside,
		 struct fail *f)
{
	uint16_t machine = image_machine(image);

	if (machine && k->is.machine && machine != k->is.machine)
		return fail_set(f, ENOEXEC, k->path, todo_kernel,
				"it is for %s, the image is for %s",
				program_machine_name(k->is.machine), program_machine_name(machine));
	if (is_beside && image->has_manifest && image->manifest.has_vmlinuz_digest &&
	    !digest_is_same(&k->is.digest, &image->manifest.vmlinuz_digest))
		return fail_set(f, EBADMSG, k->path,
				"Pack the image again, or name a kernel with --kernel FILE.",
				"it is not the kernel that %s was packed with", image->path);
	return 0;
}

static int open_kernel(struct image_kernel *k, struct fail *f)
{
	k->fd = open(k->path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	if (k->fd < 0 || fstat(k->fd, &k->seen) < 0)
		return fail_set(f, errno, k->path, todo_kernel,
				"cannot read the kernel of this image: %s", strerror(errno));
	return kernel_image_read(k->fd, k->path, &k->is, f);
}

int image_kernel_open(const struct image *image, const char *named, struct image_kernel *ret,
		      struct fail *f)
{
	struct image_kernel k = { 0 };
	int r;

	if (image->uki)
		return fail_set(
			f, EINVAL, image->path,
			"Give the image that was packed with it; `tarboot netboot --uki` "
			"publishes this one.",
			"it is a unified kernel image, which UEFI firmware starts by itself");
	if (asprintf(&k.path, "%s%s", named ? named : image->path, named ? "" : ".vmlinuz") < 0)
		return fail_errno(f, ENOMEM, image->path, "cannot find its kernel");
	r = open_kernel(&k, f);
	if (r == 0)
		r = check(image, &k, !named, f);
	if (r < 0)
		image_kernel_close(&k);
	else
		*ret = k;
	return r;
}

void image_kernel_close(struct image_kernel *k)
{
	if (!k->path)
		return;
	cleanup_close(&k->fd);
	free(k->path);
	*k = (struct image_kernel){ 0 };
}

int image_kernel_check_loaders(const struct image_kernel *k, struct fail *f)
{
	if (!k->is.is_compressed)
		return 0;
	return fail_set(f, ENOEXEC, k->path,
			"Pack the image again: pack decompresses it; or give a decompressed one "
			"with --kernel FILE.",
			"it is compressed as a whole, and neither iPXE nor UEFI firmware starts "
			"such a kernel");
}
