#include "root/root_url.h"

#include <errno.h>
#include <stdio.h>
#include <unistd.h>

#include "image/pinned.h"
#include "root/root_fetch.h"
#include "root/root_signed.h"
#include "root/root_unpinned.h"

static int fail_not_pinned(struct boot *b)
{
	return fail_set(
		&b->fail, EPERM, b->fetch.urls[0].text,
		"Boot the boot part that `tarboot netboot --stream` published with it, or take "
		"it as it comes with tarboot.verify=no.",
		"no manifest in the image says what it must be");
}

/* Its Blocks by the manifest. */
static int list_pinned(struct boot *b)
{
	b->fetch.arrives = true;
	b->fetch.payload_bytes = b->manifest.payload_bytes;
	return pinned_list_blocks(&b->manifest, manifest_payload(&b->manifest), &b->blocks,
				  &b->fail);
}

static int find(struct boot *b)
{
	int r;

	if (b->has_keys) {
		manifest_free(&b->manifest);
		r = root_signed_fetch(b, b->fetch.urls, b->fetch.n_urls, false, &b->manifest);
		b->has_manifest = r == 0;
		if (r == 0)
			r = root_signed_check_root(b, &b->manifest);
		return r == 0 ? list_pinned(b) : r;
	}
	if (b->params.verify)
		return b->has_manifest && pinned_is_possible(&b->manifest) ? list_pinned(b)
									   : fail_not_pinned(b);
	r = root_unpinned_find(b);
	return r == 0 && b->has_manifest ? list_pinned(b) : r;
}

int root_url_find(struct boot *b)
{
	char size[SIZE_TEXT_MAX];
	int r = url_list_parse(b->params.rootfs, b->fetch.urls, &b->fetch.n_urls, &b->fail);

	if (r < 0)
		return r;
	r = root_fetch_check(b, "tarboot.rootfs");
	if (r < 0)
		return r;
	snprintf(b->payload.name, sizeof(b->payload.name), "%.127s", b->fetch.urls[0].text);
	r = find(b);
	if (r == 0)
		snprintf(b->detail, sizeof(b->detail), "%s of %.100s",
			 size_format(size,
				     b->fetch.arrives ? b->fetch.payload_bytes : b->payload.size),
			 b->payload.name);
	return r;
}
