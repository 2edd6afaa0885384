/* Layers by URL: all of one is fetched, and is right, before it counts. */
#include "root/root_layer.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/console.h"
#include "base/memory.h"
#include "image/layer_rules.h"
#include "net/network.h"
#include "root/root_fetch.h"
#include "root/root_signed.h"

#define RESERVE (64ULL << 20) /* bytes left free */

static const char todo_publish[] = "Publish it with `tarboot netboot --layer`, which puts the "
				   "digest on the kernel command line, "
				   "or take layers as they come with tarboot.verify=root.";

/* Servers of one layer. */
struct servers {
	struct url urls[URLS_MAX];
	size_t n;
};

/* What is known of a layer before it arrives. */
struct expected {
	uint64_t max;   /* bytes */
	bool is_pinned; /* that many, says its manifest; else there is no memory for more */
	const struct digest *digest; /* NULL: none */
};

/* ---- the bytes ---- */

static int open_fetched(struct boot *b, const char *name, int fd, struct payload *ret)
{
	struct stat st;
	int r;

	*ret = (struct payload){ 0 };
	snprintf(ret->name, sizeof(ret->name), "%.127s", name);
	if (fstat(fd, &st) < 0) {
		r = -errno;
		close(fd);
	} else {
		r = payload_add(ret, fd, 0, (uint64_t)st.st_size);
	}
	return r < 0 ? fail_errno(&b->fail, r, name, "cannot keep this layer") : 0;
}

static int fail_too_large(struct boot *b, const char *name, const struct expected *e)
{
	char text[SIZE_TEXT_MAX];

	size_format(text, e->max);
	if (e->is_pinned)
		return fail_set(&b->fail, EBADMSG, name, "Publish it again.",
				"this layer is larger than its manifest says, %s", text);
	return fail_set(&b->fail, ENOSPC, name, "Add memory, or make it smaller.",
			"this layer is larger than the memory that is free, %s", text);
}

/* From the first server that has it. 1: none has it, and it may be missing. */
static int fetch_one(struct boot *b, const struct servers *s, uint64_t max,
		     const struct layer_wish *wish, struct payload *ret)
{
	int fd, r = root_fetch_file(b, s->urls, s->n, max,
				    wish->may_be_missing ? ROOT_FETCH_OPTIONAL : ROOT_FETCH_WHOLE,
				    &fd);

	if (r == -ENOENT && wish->may_be_missing)
		return 1;
	return r < 0 ? r : open_fetched(b, s->urls[0].text, fd, ret);
}

/* One with another digest or of another size than it shall have is fetched from the next server. */
static int fetch_right(struct boot *b, struct servers *s, const struct expected *e,
		       const struct layer_wish *wish, struct payload *ret)
{
	bool all_were_asked; /* until the patience ended */
	int r = 0;

	for (size_t tries = 1;; tries++) {
		r = fetch_one(b, s, e->max, wish, ret);
		all_were_asked = r != 0 && r != -EFBIG;
		if (r == -EFBIG)
			r = fail_too_large(b, s->urls[0].text, e);
		else if (r == 0 && e->digest)
			r = layer_check_digest(ret, e->digest, &b->fail);
		if (all_were_asked || r != -EBADMSG || tries >= s->n)
			break;
		payload_close(ret);
		console_log(LOG_WARNING, "%s: %s", b->fail.what, b->fail.why);
		url_list_rotate(s->urls, s->n);
	}
	if (r < 0)
		payload_close(ret);
	return r;
}

/* ---- what it must be ---- */

static int fetch_pinned(struct boot *b, struct servers *s, const struct layer_wish *wish)
{
	struct payload p = { 0 };
	struct memory m = { 0 };
	struct expected e = { .digest = wish->digest };
	int r;

	(void)memory_read(&m);
	e.max = m.available - min_u64(m.available, RESERVE);
	r = fetch_right(b, s, &e, wish, &p);
	return r == 0 ? root_layer_add(b, &p, wish, NULL) : r;
}

/* Its signed manifest says how large it is, so nobody can make it larger. */
static int fetch_signed(struct boot *b, struct servers *s, const struct layer_wish *wish)
{
	struct payload p = { 0 };
	struct manifest m = { 0 };
	int r = root_signed_fetch(b, s->urls, s->n, wish->may_be_missing, &m);

	if (r == 0)
		r = layer_check_signed(&m, s->urls[0].text, &b->fail);
	if (r == 0 && wish->digest && !digest_is_same(wish->digest, &m.payload_digest))
		r = layer_fail_digest(&b->fail, s->urls[0].text, &m.payload_digest, wish->digest);
	if (r == 0) {
		struct expected e = { m.payload_bytes, true, &m.payload_digest };

		r = fetch_right(b, s, &e, wish, &p);
	}
	if (r == 0)
		r = root_layer_add(b, &p, wish, &m);
	manifest_free(&m);
	return r;
}

static int fetch(struct boot *b, struct servers *s, const struct layer_wish *wish)
{
	if (b->has_keys)
		return fetch_signed(b, s, wish);
	if (!wish->digest && b->params.verify_layers)
		return fail_set(&b->fail, EPERM, wish->from, todo_publish,
				"nothing says what this layer must be");
	if (!wish->digest)
		console_log(LOG_WARNING,
			    "whoever can write to the network decides what is in the layer %s",
			    s->urls[0].text);
	return fetch_pinned(b, s, wish);
}

int root_layer_fetch(struct boot *b, const struct layer_wish *wish)
{
	struct servers *s = calloc(1, sizeof(*s));
	int r = s ? root_fetch_check(b, "tarboot.layer")
		  : fail_errno(&b->fail, ENOMEM, wish->from, "cannot fetch it");

	if (r == 0)
		r = url_list_parse(wish->from, s->urls, &s->n, &b->fail);
	if (r == 0) {
		root_fetch_order(b, s->urls, s->n);
		r = fetch(b, s, wish);
	}
	free(s);
	return r;
}
