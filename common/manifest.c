/* The manifest: one table of keys serves parser and writer. */
#include "manifest.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "util.h"

static const struct {
	const char *key;
	size_t offset;
} numbers[] = {
	{ "payload-bytes", offsetof(struct manifest, payload_bytes) },
	{ "unpacked-bytes", offsetof(struct manifest, unpacked_bytes) },
	{ "inodes", offsetof(struct manifest, inodes) },
	{ "members", offsetof(struct manifest, members) },
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

static int parse_pair(const char *key, const char *value, struct manifest *m)
{
	uint64_t format;

	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++)
		if (strcmp(key, numbers[i].key) == 0)
			return parse_u64(value, (uint64_t *)((char *)m + numbers[i].offset));
	if (strcmp(key, "format") == 0) {
		if (parse_u64(value, &format) < 0)
			return -EINVAL;
		return format > MANIFEST_FORMAT ? -EPROTO : 0;
	}
	if (strcmp(key, "init") == 0)
		return copy_text(m->init, sizeof(m->init), value);
	if (strcmp(key, "build-id") == 0)
		return copy_text(m->build_id, sizeof(m->build_id), value);
	if (strcmp(key, "kernel") == 0 && *value && m->n_kernels < MANIFEST_KERNELS_MAX)
		return copy_text(m->kernels[m->n_kernels++], sizeof(m->kernels[0]), value);
	return 0;
}

int manifest_parse(const char *text, size_t size, struct manifest *ret)
{
	struct manifest m = { .payload_bytes = UINT64_MAX };
	const char *end = text + size;
	char line[1024], *value;
	size_t length;
	int r;

	while (text < end) {
		const char *newline = memchr(text, '\n', (size_t)(end - text));

		length = (size_t)((newline ? newline : end) - text);
		if (length >= sizeof(line) || memchr(text, '\0', length))
			return -EINVAL;
		memcpy(line, text, length);
		line[length] = '\0';
		text += length + (newline ? 1 : 0);
		if (!*line || *line == '#')
			continue;
		value = strchr(line, '=');
		if (!value)
			return -EINVAL;
		*value++ = '\0';
		r = parse_pair(line, value, &m);
		if (r < 0)
			return r;
	}
	if (m.payload_bytes == UINT64_MAX)
		return -EINVAL;
	*ret = m;
	return 0;
}

/* Appends one line; *used only ever grows, an overflow shows as *used >= MANIFEST_TEXT_MAX. A value
 * that would be two lines does not fit either. */
static void append(char *buf, int *used, const char *key, const char *value)
{
	if (strchr(value, '\n'))
		*used = MANIFEST_TEXT_MAX;
	if (*value && *used < MANIFEST_TEXT_MAX)
		*used += snprintf(buf + *used, (size_t)(MANIFEST_TEXT_MAX - *used), "%s=%s\n", key,
				  value);
}

int manifest_format(const struct manifest *m, char buf[MANIFEST_TEXT_MAX])
{
	char number[24];
	int used;

	used = snprintf(buf, MANIFEST_TEXT_MAX, "# what this tarboot image holds\nformat=%u\n",
			MANIFEST_FORMAT);
	for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
		uint64_t value = *(const uint64_t *)((const char *)m + numbers[i].offset);

		snprintf(number, sizeof(number), "%llu", (unsigned long long)value);
		append(buf, &used, numbers[i].key, number);
	}
	for (unsigned i = 0; i < m->n_kernels; i++)
		append(buf, &used, "kernel", m->kernels[i]);
	append(buf, &used, "init", m->init);
	append(buf, &used, "build-id", m->build_id);
	return used < MANIFEST_TEXT_MAX ? used : -ENAMETOOLONG;
}
