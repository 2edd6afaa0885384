/* The manifest: one table of keys for each kind of value serves parser and writer. */
#include "image/manifest.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define PAGE 4096ULL

static const struct {
	const char *key;
	size_t offset;
} numbers[] = {
	{ "payload-bytes", offsetof(struct manifest, payload_bytes) },
	{ "unpacked-bytes", offsetof(struct manifest, unpacked_bytes) },
	{ "unpacked-bytes-16k", offsetof(struct manifest, unpacked_bytes_16k) },
	{ "unpacked-bytes-64k", offsetof(struct manifest, unpacked_bytes_64k) },
	{ "inodes", offsetof(struct manifest, inodes) },
	{ "members", offsetof(struct manifest, members) },
	{ "files", offsetof(struct manifest, files) },
	{ "data-bytes", offsetof(struct manifest, data_bytes) },
	{ "directories", offsetof(struct manifest, directories) },
	{ "xattr-bytes", offsetof(struct manifest, xattr_bytes) },
};

static const struct {
	const char *key;
	size_t offset, room;
} texts[] = {
	{ "payload", offsetof(struct manifest, payload), sizeof(((struct manifest *)0)->payload) },
	{ "init", offsetof(struct manifest, init), sizeof(((struct manifest *)0)->init) },
	{ "build-id", offsetof(struct manifest, build_id),
	  sizeof(((struct manifest *)0)->build_id) },
};

static const struct {
	const char *key;
	size_t offset, has;
} digests[] = {
	{ "payload-digest", offsetof(struct manifest, payload_digest),
	  offsetof(struct manifest, has_payload_digest) },
	{ "outside-digest", offsetof(struct manifest, outside_digest),
	  offsetof(struct manifest, has_outside_digest) },
	{ "boot-digest", offsetof(struct manifest, boot_digest),
	  offsetof(struct manifest, has_boot_digest) },
	{ "vmlinuz-digest", offsetof(struct manifest, vmlinuz_digest),
	  offsetof(struct manifest, has_vmlinuz_digest) },
};

static const char text_digest_key[] = "text-digest";

/* ---- parsing ---- */

struct parser {
	struct manifest m;
	bool has_digest_name; /* DIGEST_NAME was said */
	bool has_ended;       /* nothing may follow */
	const char *text;
};

static int parse_u64(const char *text, uint64_t *ret)
{
	uint64_t value = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++) {
		if (*text < '0' || *text > '9' || value > (UINT64_MAX - 9) / 10)
			return -EINVAL;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	*ret = value;
	return 0;
}

static int copy_text(char *to, size_t room, const char *text)
{
	if (strlen(text) >= room)
		return -EINVAL;
	strcpy(to, text);
	return 0;
}

int manifest_add_block(struct manifest *m, const struct manifest_block *block)
{
	struct manifest_block *blocks = array_one_more(m->blocks, m->n_blocks, sizeof(*blocks));

	if (!blocks)
		return -ENOMEM;
	m->blocks = blocks;
	m->blocks[m->n_blocks++] = *block;
	return 0;
}

/* OFFSET BYTES UNCOMPRESSED DECODER-MEMORY DIGEST, with one blank between. value is written to. */
static int parse_block(char *value, struct manifest *m)
{
	struct manifest_block b = { 0 };
	uint64_t *const fields[] = { &b.offset, &b.bytes, &b.uncompressed, &b.decoder_memory };

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		char *blank = strchr(value, ' ');

		if (!blank)
			return -EINVAL;
		*blank = '\0';
		if (parse_u64(value, fields[i]) < 0)
			return -EINVAL;
		value = blank + 1;
	}
	if (digest_parse(value, &b.digest) < 0)
		return -EINVAL;
	return manifest_add_block(m, &b);
}

static int parse_format(const char *value, struct manifest *m)
{
	if (parse_u64(value, &m->format) < 0)
		return -EINVAL;
	return m->format > MANIFEST_FORMAT ? -EPROTO : 0;
}

/* line: the text's last, which has the digest of all before it. */
static int check_text(const char *value, const char *line, struct parser *p)
{
	struct digest said, is = digest_of(p->text, (size_t)(line - p->text));

	p->has_ended = true;
	if (digest_parse(value, &said) < 0)
		return -EINVAL;
	p->m.has_text_digest = true;
	return digest_is_same(&said, &is) ? 0 : -EBADMSG;
}

/* The keys that are in no table. line: where in the text its line begins. */
static int parse_other(const char *key, char *value, const char *line, struct parser *p)
{
	struct manifest *m = &p->m;

	if (strcmp(key, "format") == 0)
		return parse_format(value, m);
	if (strcmp(key, "kernel") == 0 && *value && m->n_kernels < MANIFEST_KERNELS_MAX)
		return copy_text(m->kernels[m->n_kernels++], sizeof(m->kernels[0]), value);
	if (strcmp(key, "block") == 0)
		return parse_block(value, m);
	if (strcmp(key, "digest") == 0) {
		p->has_digest_name = true;
		return strcmp(value, DIGEST_NAME) == 0 ? 0 : -EPROTO;
	}
	return strcmp(key, text_digest_key) == 0 ? check_text(value, line, p) : 0;
}

static int parse_pair(const char *key, char *value, const char *line, struct parser *p)
{
	char *m = (char *)&p->m;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (strcmp(key, numbers[i].key) == 0)
			return parse_u64(value, (uint64_t *)(m + numbers[i].offset));
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		if (strcmp(key, texts[i].key) == 0)
			return copy_text(m + texts[i].offset, texts[i].room, value);
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++)
		if (strcmp(key, digests[i].key) == 0) {
			*(bool *)(m + digests[i].has) = true;
			return digest_parse(value, (struct digest *)(m + digests[i].offset));
		}
	return parse_other(key, value, line, p);
}

/* One line of the text, without its newline. */
static int parse_line(const char *text, size_t length, struct parser *p)
{
	char line[MANIFEST_LINE_MAX], *value;

	if (length >= sizeof(line) || memchr(text, '\0', length) || p->has_ended)
		return -EINVAL;
	memcpy(line, text, length);
	line[length] = '\0';
	if (!*line || *line == '#')
		return 0;
	value = strchr(line, '=');
	if (!value)
		return -EINVAL;
	*value++ = '\0';
	return parse_pair(line, value, text, p);
}

/* What one line cannot tell. */
static int check_whole(const struct parser *p)
{
	const struct manifest *m = &p->m;
	bool has_digest = m->n_blocks || m->has_text_digest;
	uint64_t end = 0;

	if (m->payload_bytes == UINT64_MAX)
		return -EINVAL;
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++)
		has_digest = has_digest || *(const bool *)((const char *)m + digests[i].has);
	if (has_digest && !p->has_digest_name)
		return -EINVAL;
	for (size_t i = 0; i < m->n_blocks; i++) {
		const struct manifest_block *b = &m->blocks[i];

		if (b->bytes == 0 || b->offset < end || b->offset > m->payload_bytes ||
		    b->bytes > m->payload_bytes - b->offset)
			return -EINVAL;
		end = b->offset + b->bytes;
	}
	return 0;
}

int manifest_parse(const char *text, size_t size, struct manifest *ret)
{
	struct parser p = { .m = { .format = 1, .payload_bytes = UINT64_MAX }, .text = text };
	const char *end = text + size;
	int r = size > MANIFEST_TEXT_MAX ? -E2BIG : 0;

	while (r == 0 && text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));
		size_t length = (size_t)((newline ? newline : end) - text);

		r = parse_line(text, length, &p);
		text += length + (newline ? 1 : 0);
	}
	if (r == 0)
		r = check_whole(&p);
	if (r < 0) {
		manifest_free(&p.m);
		return r;
	}
	*ret = p.m;
	return 0;
}

int manifest_fail(int error, const char *what, struct fail *f)
{
	static const char todo_copy[] = "The image is damaged: copy or pack it again.";

	switch (error) {
	case -EPROTO:
		return fail_set(f, EPROTO, what,
				"Use the version of tarboot, and of its /init, that packed it.",
				"a newer tarboot wrote its manifest");
	case -EBADMSG:
		return fail_set(f, EBADMSG, what, todo_copy,
				"its manifest is damaged: it does not match its own text-digest");
	case -EINVAL:
		return fail_set(f, EBADMSG, what, todo_copy, "its manifest is damaged");
	case -E2BIG:
		return fail_set(f, E2BIG, what, todo_copy, "its manifest has more than %u MiB",
				(unsigned)(MANIFEST_TEXT_MAX >> 20));
	default:
		return fail_errno(f, error, what, "cannot read its manifest");
	}
}

/* ---- writing ---- */

struct writer {
	char *text; /* owned */
	size_t used, room;
	int error;
};

static bool make_room(struct writer *w)
{
	size_t room = w->room ? w->room * 2 : 4096;
	char *text;

	if (w->room - w->used >= MANIFEST_LINE_MAX)
		return true;
	text = realloc(w->text, room);
	if (!text)
		return false;
	w->text = text;
	w->room = room;
	return true;
}

/* Appends one line; the first error is kept. */
static void append(struct writer *w, const char *key, const char *value)
{
	int n;

	if (w->error)
		return;
	if (strchr(value, '\n') || strlen(key) + strlen(value) + 3 > MANIFEST_LINE_MAX)
		w->error = -EINVAL;
	else if (!make_room(w))
		w->error = -ENOMEM;
	if (w->error)
		return;
	n = snprintf(w->text + w->used, w->room - w->used, "%s=%s\n", key, value);
	w->used += (size_t)n;
	if (w->used > MANIFEST_TEXT_MAX)
		w->error = -E2BIG;
}

static void append_text(struct writer *w, const char *key, const char *value)
{
	if (*value)
		append(w, key, value);
}

static void append_number(struct writer *w, const char *key, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	append(w, key, text);
}

static void append_digest(struct writer *w, const char *key, const struct digest *d)
{
	char text[DIGEST_TEXT_MAX];

	append(w, key, digest_format(text, d));
}

static void append_block(struct writer *w, const struct manifest_block *b)
{
	char text[DIGEST_TEXT_MAX + 4 * 24], digest[DIGEST_TEXT_MAX];

	snprintf(text, sizeof(text), "%llu %llu %llu %llu %s", (unsigned long long)b->offset,
		 (unsigned long long)b->bytes, (unsigned long long)b->uncompressed,
		 (unsigned long long)b->decoder_memory, digest_format(digest, &b->digest));
	append(w, "block", text);
}

static void append_digests(struct writer *w, const struct manifest *m)
{
	append(w, "digest", DIGEST_NAME);
	for (size_t i = 0; i < ARRAY_SIZE(digests); i++)
		if (*(const bool *)((const char *)m + digests[i].has))
			append_digest(w, digests[i].key,
				      (const struct digest *)((const char *)m + digests[i].offset));
	for (size_t i = 0; i < m->n_blocks; i++)
		append_block(w, &m->blocks[i]);
}

static void append_text_digest(struct writer *w)
{
	struct digest d = digest_of(w->text, w->used);

	append_digest(w, text_digest_key, &d);
}

int manifest_format(const struct manifest *m, char **ret)
{
	struct writer w = { 0 };

	append_number(&w, "format", MANIFEST_FORMAT);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		append_text(&w, texts[i].key, (const char *)m + texts[i].offset);
	for (unsigned i = 0; i < m->n_kernels; i++)
		append_text(&w, "kernel", m->kernels[i]);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		append_number(&w, numbers[i].key,
			      *(const uint64_t *)((const char *)m + numbers[i].offset));
	append_digests(&w, m);
	if (w.error == 0)
		append_text_digest(&w);
	if (w.error) {
		free(w.text);
		return w.error;
	}
	*ret = w.text;
	return (int)w.used;
}

/* ---- what it tells ---- */

static const char *without_slashes(const char *path)
{
	while (*path == '/' || strncmp(path, "./", 2) == 0)
		path++;
	return path;
}

const char *manifest_payload(const struct manifest *m)
{
	return without_slashes(*m->payload ? m->payload : MANIFEST_PAYLOAD);
}

bool manifest_is_about(const struct manifest *m, const char *path)
{
	return strcmp(without_slashes(path), manifest_payload(m)) == 0;
}

uint64_t manifest_tree_bytes(const struct manifest *m, uint64_t page)
{
	/* A file that ends inside a page of 4 KiB takes the rest of a larger one, too. */
	uint64_t ends = m->files ? m->files : m->inodes;

	if (page <= PAGE)
		return m->unpacked_bytes;
	if (page == 4 * PAGE && m->unpacked_bytes_16k)
		return m->unpacked_bytes_16k;
	if (page == 16 * PAGE && m->unpacked_bytes_64k)
		return m->unpacked_bytes_64k;
	return add_u64(m->unpacked_bytes, multiply_u64(ends, page - PAGE));
}

const char *manifest_compare_tree(const struct manifest *a, const struct manifest *b,
				  uint64_t *ret_a, uint64_t *ret_b)
{
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		*ret_a = *(const uint64_t *)((const char *)a + numbers[i].offset);
		*ret_b = *(const uint64_t *)((const char *)b + numbers[i].offset);
		if (*ret_a != *ret_b &&
		    numbers[i].offset != offsetof(struct manifest, payload_bytes))
			return numbers[i].key;
	}
	return NULL;
}

void manifest_free(struct manifest *m)
{
	free(m->blocks);
	*m = (struct manifest){ 0 };
}
