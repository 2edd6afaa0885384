#include "image/layer_rules.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"
#include "image/members.h"
#include "image/signature.h"

#define READ_SIZE 16384
#define MANIFEST_SUFFIX ".manifest"
#define SIGNATURE_OF_MANIFEST MANIFEST_SUFFIX SIGNATURE_SUFFIX

static const char todo_again[] =
	"Publish it again. If the kernel command line has a digest, it must be that of this file.";

bool layer_is_beside(const char *name)
{
	return layer_length_beside(name) < strlen(name);
}

size_t layer_length_beside(const char *name)
{
	size_t length = strlen(name);

	if (ends_with(name, SIGNATURE_OF_MANIFEST))
		return length - strlen(SIGNATURE_OF_MANIFEST);
	return ends_with(name, MANIFEST_SUFFIX) ? length - strlen(MANIFEST_SUFFIX) : length;
}

int layer_fail_alone(const char *path, struct fail *f)
{
	return fail_set(f, ENOENT, path,
			"Make the initrd again with both, or take this file out of it too.",
			"the layer that it is about is not there");
}

int layer_check_kind(const char *path, struct fail *f)
{
	if (ends_with(path, ".tar") || ends_with(path, ".tar.xz") || ends_with(path, ".tar.zst"))
		return 0;
	return fail_set(f, EINVAL, path,
			"Take it out of the initrd, or give it a name that ends so.",
			"it is among the layers, but is no .tar, .tar.xz or .tar.zst");
}

int layer_check_size(const struct manifest *m, const char *path, uint64_t size, struct fail *f)
{
	if (m->payload_bytes == size)
		return 0;
	return fail_set(f, EBADMSG, path, todo_again,
			"the layer beside it has another size than it says");
}

const char *layer_name_of(const char *from, size_t *ret_length)
{
	size_t length = strcspn(from, *from == '/' ? "" : "?,");
	const char *name = from + length;

	while (name > from && name[-1] != '/')
		name--;
	*ret_length = length - (size_t)(name - from);
	return name;
}

int layer_check_signed(const struct manifest *m, const char *from, struct fail *f)
{
	const char *is = manifest_payload(m), *name;
	size_t length;

	name = layer_name_of(from, &length);
	if (strncmp(is, MEMBER_LAYERS "/", strlen(MEMBER_LAYERS "/")) != 0 ||
	    strlen(is + strlen(MEMBER_LAYERS "/")) != length ||
	    memcmp(is + strlen(MEMBER_LAYERS "/"), name, length) != 0)
		return fail_set(f, EKEYREJECTED, from,
				"Publish it with `tarboot netboot --sign` under the name that it "
				"has.",
				"the signed manifest beside this layer is about %s, "
				"not " MEMBER_LAYERS "/%.*s",
				is, (int)length, name);
	if (m->has_payload_digest)
		return 0;
	return fail_set(f, EKEYREJECTED, from, "Publish it again with `tarboot netboot --sign`.",
			"the manifest of this layer has no payload-digest");
}

int layer_fail_digest(struct fail *f, const char *name, const struct digest *is,
		      const struct digest *wanted)
{
	char wants[DIGEST_TEXT_MAX], has[DIGEST_TEXT_MAX];

	return fail_set(f, EBADMSG, name, todo_again,
			"this layer's digest is %.16s..., and must be %.16s...",
			digest_format(has, is), digest_format(wants, wanted));
}

int layer_check_digest(const struct payload *p, const struct digest *wanted, struct fail *f)
{
	uint8_t buf[READ_SIZE];
	struct digest_state s;
	struct digest is;

	digest_begin(&s);
	for (uint64_t at = 0; at < p->size;) {
		ssize_t n = payload_read(p, at, buf, sizeof(buf));

		if (n <= 0)
			return payload_fail_read(p, n < 0 ? (int)n : -ENODATA, f);
		digest_add(&s, buf, (size_t)n);
		at += (uint64_t)n;
	}
	is = digest_end(&s);
	return digest_is_same(&is, wanted) ? 0 : layer_fail_digest(f, p->name, &is, wanted);
}
