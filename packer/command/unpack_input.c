/* What asks for a signature is checked before anything of the manifest is used. */
#include "command/unpack_input.h"

#include <errno.h>
#include <string.h>

#include "fetch/url.h"
#include "image/image_verify.h"
#include "image/layer_rules.h"
#include "image/members.h"
#include "image/signed_manifest.h"

/* What is given must be able to tell something; what is beside it need not be there. */
static int find_manifest(struct input *in, bool is_stdin, struct fail *f)
{
	int r = is_stdin && !in->manifest ? 0 : image_find_manifest(&in->file, in->manifest, f);

	if (r == 0 && in->manifest && image_verify_lacks(&in->file))
		return fail_set(f, EINVAL, in->manifest, IMAGE_TODO_MANIFEST, "it has no digests");
	return r;
}

static int find_signed_manifest(struct input *in, const struct signature_trust *keys,
				struct fail *f)
{
	int r = image_find_manifest(&in->file, in->manifest, f);

	if (r == 0 && in->file.is_layers)
		return 0; /* each has its own */
	if (r == 0 && in->for_check && in->file.n_members > 0)
		return boot_keys_check_image(&in->file, keys, f);
	if (r == 0)
		r = signed_manifest_check_image(&in->file, in->manifest, keys, &in->signer, f);
	in->is_signed = r == 0;
	return r;
}

static int open_url(struct input *in, const char *url, const struct signature_trust *keys,
		    struct fail *f)
{
	const struct image_fetch_wish wish = { .manifest = in->manifest, .keys = keys };
	int r = image_fetch_open(url, &wish, &in->fetch, f);

	in->image = &in->fetch.image;
	in->is_signed = r == 0 && keys;
	in->signer = in->fetch.signer;
	return r;
}

/* Signatures bind a layer to its name: init takes none under another. */
static int check_layer_name(const struct input *in, const char *argument, struct fail *f)
{
	const struct manifest *m = &in->image->manifest;

	if (!in->is_signed ||
	    strncmp(manifest_payload(m), MEMBER_LAYERS "/", strlen(MEMBER_LAYERS "/")) != 0)
		return 0;
	return layer_check_signed(m, argument, f);
}

static int open_file(struct input *in, const char *argument, const struct signature_trust *keys,
		     struct fail *f)
{
	int r;

	in->image = &in->file;
	r = in->for_check ? image_open_any(argument, &in->file, f)
			  : image_open(argument, &in->file, f);
	if (r < 0)
		return r;
	if (keys)
		return find_signed_manifest(in, keys, f);
	return in->for_check ? find_manifest(in, strcmp(argument, "-") == 0, f) : 0;
}

int input_open(struct input *in, const char *argument, const struct signature_trust *keys,
	       struct fail *f)
{
	int r = url_is_one(argument) ? open_url(in, argument, keys, f)
				     : open_file(in, argument, keys, f);

	return r == 0 ? check_layer_name(in, argument, f) : r;
}

void input_close(struct input *in)
{
	image_close(&in->file);
	image_fetch_close(&in->fetch);
}
