#include "root/root_layer.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/console.h"
#include "base/read_all.h"
#include "root/root_signed.h"

#define READ_SIZE 16384

static const char todo_copy[] =
	"Publish it again. If the kernel command line has a digest, it must be that of this file.";

/* ---- is it the right one? ---- */

int root_layer_check_digest(struct boot *b, const struct payload *p, const struct digest *digest)
{
	char wanted[DIGEST_TEXT_MAX], has[DIGEST_TEXT_MAX];
	uint8_t buf[READ_SIZE];
	struct digest_state s;
	struct digest is;

	digest_begin(&s);
	for (uint64_t at = 0; at < p->size;) {
		ssize_t n = payload_read(p, at, buf, sizeof(buf));

		if (n <= 0)
			return payload_fail_read(p, n < 0 ? (int)n : -EIO, &b->fail);
		digest_add(&s, buf, (size_t)n);
		at += (uint64_t)n;
	}
	is = digest_end(&s);
	if (digest_is_same(&is, digest))
		return 0;
	return fail_set(&b->fail, EBADMSG, p->name, todo_copy,
			"this layer's digest is %.16s..., and must be %.16s...",
			digest_format(has, &is), digest_format(wanted, digest));
}

/* The name of the file at that path, or URL: without directories and query. */
static const char *name_of(const char *from, size_t *ret_length)
{
	size_t length = strcspn(from, *from == '/' ? "" : "?,");
	const char *name = from + length;

	while (name > from && name[-1] != '/')
		name--;
	*ret_length = length - (size_t)(name - from);
	return name;
}

int root_layer_check_name(struct boot *b, const struct manifest *m, const char *from)
{
	const char *is = manifest_payload(m), *name;
	size_t length;

	name = name_of(from, &length);
	if (strncmp(is, MEMBER_LAYERS "/", strlen(MEMBER_LAYERS "/")) == 0 &&
	    strlen(is + strlen(MEMBER_LAYERS "/")) == length &&
	    memcmp(is + strlen(MEMBER_LAYERS "/"), name, length) == 0)
		return 0;
	return fail_set(&b->fail, EKEYREJECTED, from,
			"Publish it with `tarboot netboot --sign` under the name that it has.",
			"the signed manifest beside this layer is about %s, not " MEMBER_LAYERS "/"
			"%.*s",
			is, (int)length, name);
}

/* ---- adding it ---- */

static int append(struct boot *b, const struct layer *l)
{
	struct layer *layers = array_one_more(b->layers, b->n_layers, sizeof(*layers));

	if (!layers)
		return fail_errno(&b->fail, ENOMEM, l->payload.name, "cannot note this layer");
	b->layers = layers;
	layers[b->n_layers++] = *l;
	return 0;
}

/* Adds its needs to those of the root. */
static void add_need(struct boot *b, const struct layer *l, const struct manifest *m)
{
	struct rootsize_need need;

	rootsize_need(m, l->blocks.least, l->blocks.uncompressed, (uint64_t)sysconf(_SC_PAGESIZE),
		      &need);
	if (l->discard)
		need.given_back = l->payload.size;
	rootsize_add(&b->need, &need);
}

static void warn_unchecked(const struct layer *l, bool is_pinned)
{
	if (l->blocks.unchecked && !is_pinned)
		console_log(LOG_WARNING,
			    "the layer %s has no integrity check: damage may go unnoticed",
			    l->payload.name);
}

static int check_digests(struct boot *b, const struct payload *p, const struct layer_wish *wish,
			 const struct manifest *m)
{
	int r = wish->digest ? root_layer_check_digest(b, p, wish->digest) : 0;

	if (r == 0 && m && m->has_payload_digest)
		r = root_layer_check_digest(b, p, &m->payload_digest);
	return r;
}

int root_layer_add(struct boot *b, struct payload *payload, const struct layer_wish *wish,
		   const struct manifest *m)
{
	char size[SIZE_TEXT_MAX];
	struct layer l = { .payload = *payload, .discard = *wish->from != '/' || !b->keep_payload };
	int r = check_digests(b, payload, wish, m);

	if (r == 0)
		r = block_list_read(&l.payload, &l.blocks, &b->fail);
	if (r == 0)
		r = append(b, &l);
	if (r < 0) {
		block_list_free(&l.blocks);
		payload_close(&l.payload);
		return r;
	}
	console_log(LOG_NOTICE, "layer %s, %s", l.payload.name, size_format(size, l.payload.size));
	warn_unchecked(&l, wish->digest || (m && m->has_payload_digest));
	add_need(b, &l, m);
	return 0;
}

/* ---- from the initramfs ---- */

static int read_manifest(struct boot *b, const char *path, uint64_t size, struct manifest *ret)
{
	_cleanup_free_ char *text = NULL;
	size_t length;
	int r = read_file(path, &text, &length);

	if (r == -ENOENT)
		return 1;
	if (r == 0)
		r = manifest_parse(text, length, ret);
	if (r < 0)
		return manifest_fail(r, path, &b->fail);
	if (ret->payload_bytes == size)
		return 0;
	manifest_free(ret);
	return fail_set(&b->fail, EBADMSG, path, todo_copy,
			"the layer beside it has another size than it says");
}

/* 1: it has none, and needs none. */
static int find_manifest(struct boot *b, const struct payload *p, struct manifest *ret)
{
	char path[sizeof(p->name) + 16];
	int r;

	snprintf(path, sizeof(path), "%s.manifest", p->name);
	if (!b->has_keys)
		return read_manifest(b, path, p->size, ret);
	r = root_signed_read(b, p->name, p->size, ret);
	if (r == 0)
		r = root_layer_check_name(b, ret, p->name);
	if (r == 0 && !ret->has_payload_digest)
		r = fail_set(&b->fail, EKEYREJECTED, path, todo_copy, "it has no payload-digest");
	if (r < 0)
		return -b->fail.error;
	return 0;
}

int root_layer_read(struct boot *b, const struct layer_wish *wish)
{
	struct manifest m = { 0 };
	struct payload p;
	int r = payload_open(AT_FDCWD, wish->from, true, &p, &b->fail);

	if (r == -ENOENT && wish->may_be_missing)
		return 1;
	if (r == -ENOENT)
		return fail_set(
			&b->fail, ENOENT, wish->from,
			"Have the boot loader load it as an initrd, or put \"?\" behind its "
			"name if it may be missing.",
			"this layer is not in the initramfs");
	if (r < 0)
		return r;
	r = find_manifest(b, &p, &m);
	if (r >= 0)
		r = root_layer_add(b, &p, wish, r == 0 ? &m : NULL);
	else
		payload_close(&p);
	manifest_free(&m);
	return r;
}
