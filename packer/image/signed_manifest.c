#include "image/signed_manifest.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/read_all.h"
#include "image/pinned.h"

int signed_manifest_check(const char *name, const char *text, size_t size, const char *signature,
			  const struct signature_trust *trust, struct signature_about *ret,
			  struct fail *f)
{
	_cleanup_free_ char *signed_text = NULL;
	struct signed_text t = { .text = text, .size = size };
	int r = read_file(signature, &signed_text, &t.signature_size);

	if (r == -ENOENT)
		return fail_set(f, EKEYREJECTED, signature,
				"Copy it, too: it lies beside the manifest where that was "
				"published. Or make it: " SIGNATURE_BY_HAND ".",
				"it is not there, and --trust asks for a signature");
	if (r < 0)
		return fail_errno(f, r, signature, "cannot read this signature");
	t.signature = signed_text;
	return signature_check_manifest(name, &t, trust, ret, f);
}

int signed_manifest_check_image(const struct image *image, const char *path,
				const struct signature_trust *trust, struct signature_about *ret,
				struct fail *f)
{
	char beside[PATH_MAX], signature[PATH_MAX];
	int r;

	if (image->n_members > 0)
		return fail_set(f, EINVAL, "--trust", "Leave it out.",
				"%s is an image, and has its manifest in it", image->path);
	if (snprintf(beside, sizeof(beside), "%s.manifest", image->path) >= PATH_MAX ||
	    snprintf(signature, sizeof(signature), "%s" SIGNATURE_SUFFIX, path ? path : beside) >=
		    PATH_MAX)
		return fail_errno(f, ENAMETOOLONG, image->path, "cannot find its manifest");
	path = path ? path : beside;
	if (!image->has_manifest)
		return fail_set(f, EKEYREJECTED, path, "Copy it, too.",
				"it is not there, and --trust asks for a signed manifest");
	r = signed_manifest_check(path, image->manifest_text, strlen(image->manifest_text),
				  signature, trust, ret, f);
	if (r == 0 && !pinned_is_possible(&image->manifest))
		return fail_set(f, EKEYREJECTED, path, SIGNED_MANIFEST_TODO,
				"it lists no Blocks, so its signature says nothing of the payload");
	return r;
}
