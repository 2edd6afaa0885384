/* The manifest has the kernel's digest; a signature is of everything. */
#include "image/uki_verify.h"

#include <errno.h>

#include "base/read_range.h"
#include "image/uki_sign.h"

static int digest_of_kernel(const struct uki *uki, struct digest *ret)
{
	uint64_t at = uki->kernel->offset;

	return digest_of_range(uki->fd, at, at + pe_content_size(uki->kernel), ret);
}

static int verify_kernel(const struct image *image, bool *ret, struct fail *f)
{
	struct digest is;
	int r;

	*ret = image->has_manifest && image->manifest.has_vmlinuz_digest;
	if (!*ret)
		return 0;
	r = digest_of_kernel(image->uki, &is);
	if (r < 0)
		return fail_errno(f, r, image->path, "cannot read its kernel");
	return digest_is_same(&is, &image->manifest.vmlinuz_digest)
		       ? 0
		       : fail_set(f, EBADMSG, image->path, UKI_TODO_COPY,
				  "the kernel in it is not the one that its image was packed "
				  "with, or damaged");
}

/* Sections that the stub hands over, too, and nothing that is checked here is about. */
static int verify_sections(const struct image *image, struct fail *f)
{
	static const char *const foreign[] = { ".ucode", ".dtb", ".dtbauto", ".efifw", ".profile" };

	for (size_t i = 0; i < ARRAY_SIZE(foreign); i++)
		if (pe_count(&image->uki->pe, foreign[i]) > 0)
			return fail_set(f, EBADMSG, image->path,
					"Make it again with `tarboot pack --uki`, which adds no "
					"such section.",
					"it has a section %s, which changes what boots and which "
					"tarboot cannot check",
					foreign[i]);
	return 0;
}

int uki_verify(const struct image *image, const char *cert, struct uki_verdict *ret, struct fail *f)
{
	struct uki_verdict v = { .has_signature = uki_is_signed(image->uki), .has_cert = cert };
	int r = verify_sections(image, f);

	if (r < 0)
		return r;
	if (cert && !v.has_signature)
		return fail_set(f, EBADMSG, image->path,
				"Sign it: `tarboot pack --uki` with --secureboot-key.",
				"it is not signed");
	if (v.has_signature)
		r = uki_check_signature(image->uki, image->path, f);
	if (r == 0 && cert)
		r = uki_check_cert(image->uki, image->path, cert, f);
	if (r == 0)
		r = verify_kernel(image, &v.has_kernel, f);
	if (r == 0)
		*ret = v;
	return r;
}
