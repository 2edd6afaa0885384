/* What pack wrote beside the image, or what somebody names. */
#include "image/image_kernel.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/elfinfo.h"
#include "kernel/kernel_image.h"
#include "base/util.h"

static const char todo_kernel[] = "Give it with --kernel FILE.";

static int check(const struct image *image, const char *path, bool is_beside, struct fail *f)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	uint16_t machine = image_machine(image);
	struct kernel_image kernel;
	int r;

	if (fd < 0)
		return fail_set(f, errno, path, todo_kernel,
				"cannot read the kernel of this image: %s", strerror(errno));
	r = kernel_image_read(fd, path, &kernel, f);
	if (r == 0 && machine && kernel.machine && machine != kernel.machine)
		return fail_set(f, ENOEXEC, path, todo_kernel, "it is for %s, the image is for %s",
				program_machine_name(kernel.machine),
				program_machine_name(machine));
	if (r == 0 && is_beside && image->has_manifest && image->manifest.has_vmlinuz_digest &&
	    !digest_is_same(&kernel.digest, &image->manifest.vmlinuz_digest))
		return fail_set(f, EBADMSG, path,
				"Pack the image again, or name a kernel with --kernel FILE.",
				"it is not the kernel that %s was packed with", image->path);
	return r;
}

int image_kernel_check_loaders(const char *path, struct fail *f)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
	struct kernel_image kernel;
	int r = fd < 0 ? fail_errno(f, errno, path, "cannot read it")
		       : kernel_image_read(fd, path, &kernel, f);

	if (r < 0 || !kernel.is_compressed)
		return r;
	return fail_set(f, ENOEXEC, path,
			"Pack the image again: pack decompresses it; or give a decompressed one "
			"with --kernel FILE.",
			"it is compressed as a whole, and neither iPXE nor UEFI firmware starts "
			"such a kernel");
}

int image_kernel_find(const struct image *image, const char *named, char **ret_path, struct fail *f)
{
	_cleanup_free_ char *path = NULL;
	int r;

	if (image->uki)
		return fail_set(
			f, EINVAL, image->path,
			"Give the image that was packed with it; `tarboot netboot --uki` "
			"publishes this one.",
			"it is a unified kernel image, which UEFI firmware starts by itself");
	if (asprintf(&path, "%s%s", named ? named : image->path, named ? "" : ".vmlinuz") < 0) {
		path = NULL;
		return fail_errno(f, ENOMEM, image->path, "cannot find its kernel");
	}
	r = check(image, path, !named, f);
	if (r == 0) {
		*ret_path = path;
		path = NULL;
	}
	return r;
}
