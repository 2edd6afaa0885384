/* Names and platforms, compared as container tools do. */
#include "source/image_list.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/util.h"

#define IMAGES_MAX 1000
#define LIST_TEXT_MAX 256 /* of what there is to choose from */

#ifdef __aarch64__
#define MACHINE "arm64"
#else
#define MACHINE "amd64"
#endif

/* ---- platforms ---- */

static void tidy_architecture(struct image_platform *p)
{
	if (strcmp(p->architecture, "x86_64") == 0)
		strcpy(p->architecture, "amd64");
	if (strcmp(p->architecture, "aarch64") == 0)
		strcpy(p->architecture, "arm64");
}

bool image_platform_parse(const char *text, struct image_platform *ret)
{
	struct image_platform p = { 0 };
	char *const parts[] = { p.os, p.architecture, p.variant };
	size_t n = 0;

	for (bool more = true; more; n++) {
		size_t length = strcspn(text, "/");

		if (n == ARRAY_SIZE(parts) || length == 0 || length >= sizeof(p.os))
			return false;
		memcpy(parts[n], text, length);
		more = text[length] == '/';
		text += length + more;
	}
	tidy_architecture(&p);
	if (n > 1)
		*ret = p;
	return n > 1;
}

/* How new the processors are that it needs: v8 is 8. Without a variant it is for the first of its kind. */
static unsigned rank(const struct image_platform *p)
{
	if (*p->variant)
		return (unsigned)strtoul(p->variant + (*p->variant == 'v'), NULL, 10);
	if (strcmp(p->architecture, "arm64") == 0)
		return 8;
	return strcmp(p->architecture, "arm") == 0 ? 7 : 1;
}

static bool suits(const struct image_platform *p, const struct image_platform *wanted)
{
	if ((*p->os && strcmp(p->os, wanted->os) != 0) ||
	    (*p->architecture && strcmp(p->architecture, wanted->architecture) != 0))
		return false;
	return !*wanted->variant || strcmp(p->variant, wanted->variant) == 0 ||
	       (rank(wanted) > 0 && rank(p) == rank(wanted));
}

#define PLATFORM_TEXT_MAX (3 * 32 + 4)

static const char *format_platform(char buf[PLATFORM_TEXT_MAX], const struct image_platform *p)
{
	snprintf(buf, PLATFORM_TEXT_MAX, "%s/%s%s%s", *p->os ? p->os : "linux",
		 *p->architecture ? p->architecture : "unknown", *p->variant ? "/" : "",
		 p->variant);
	return buf;
}

/* ---- names ---- */

/* Is name, of n bytes, called like that? "debian" and "12" are host/library/debian:12 and debian:12, "debian" is
 * debian:latest. */
static bool is_called(const char *name, size_t n, const char *tag)
{
	static const char latest[] = ":latest";
	size_t length = strlen(tag), end = n;

	for (int i = 0; i < 2; i++) {
		if (end >= length && memcmp(name + end - length, tag, length) == 0 &&
		    (end == length || strchr("/:", name[end - length - 1])))
			return true;
		if (n < strlen(latest) ||
		    memcmp(name + n - strlen(latest), latest, strlen(latest)) != 0)
			return false;
		end = n - strlen(latest);
	}
	return false;
}

static bool has_name(const struct image_entry *e, const char *tag)
{
	for (const char *at = e->names; *at;) {
		size_t n = strcspn(at, ",");

		if (is_called(at, n, tag))
			return true;
		at += n;
		at += strspn(at, ", ");
	}
	return strcmp(e->id, tag) == 0;
}

static int add_name(struct image_entry *e, const char *name)
{
	char *names;

	if (!name || !*name || has_name(e, name))
		return 0;
	if (asprintf(&names, "%s%s%s", e->names, *e->names ? ", " : "", name) < 0)
		return -ENOMEM;
	free(e->names);
	e->names = names;
	return 0;
}

/* ---- the list ---- */

static struct image_entry *find(const struct image_list *l, const char *id)
{
	for (size_t i = 0; i < l->n; i++)
		if (strcmp(l->entries[i].id, id) == 0)
			return &l->entries[i];
	return NULL;
}

int image_list_add(struct image_list *l, const char *id, uint64_t size, const char *name,
		   const struct image_platform *p)
{
	struct image_entry *entries, *e = find(l, id);

	if (e)
		return add_name(e, name);
	if (l->n == IMAGES_MAX)
		return -E2BIG;
	entries = array_one_more(l->entries, l->n, sizeof(*entries));
	if (!entries)
		return -ENOMEM;
	l->entries = entries;
	e = &entries[l->n];
	*e = (struct image_entry){ strdup(id), size, strdup(""), *p, false };
	tidy_architecture(&e->platform);
	if (!e->id || !e->names) {
		free(e->id);
		free(e->names);
		return -ENOMEM;
	}
	l->n++;
	return add_name(e, name);
}

void image_list_note_other(struct image_list *l, const char *id)
{
	struct image_entry *e = find(l, id);

	if (e)
		e->is_other = true;
}

void image_list_free(struct image_list *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->entries[i].id);
		free(l->entries[i].names);
	}
	free(l->entries);
	*l = (struct image_list){ 0 };
}

/* ---- choosing ---- */

struct found {
	const struct image_entry *entries[IMAGES_MAX];
	size_t n;
};

/* A list with commas between; *at is its length. What has no room ends it. */
static void append(char buf[LIST_TEXT_MAX], size_t *at, const char *text)
{
	if (*at && strcmp(buf + *at - 1, ".") == 0)
		return;
	if (*at + strlen(text) + 8 > LIST_TEXT_MAX)
		text = "...";
	*at += (size_t)snprintf(buf + *at, LIST_TEXT_MAX - *at, "%s%s", *at ? ", " : "", text);
}

/* What they are called. */
static const char *list_names(char buf[LIST_TEXT_MAX], const struct found *found)
{
	size_t at = 0;

	*buf = '\0';
	for (size_t i = 0; i < found->n; i++)
		append(buf, &at,
		       *found->entries[i]->names ? found->entries[i]->names
						 : found->entries[i]->id);
	return buf;
}

/* What they are for, each once. */
static const char *list_platforms(char buf[LIST_TEXT_MAX], const struct found *found)
{
	char text[PLATFORM_TEXT_MAX], other[PLATFORM_TEXT_MAX];
	size_t at = 0, j;

	*buf = '\0';
	for (size_t i = 0; i < found->n; i++) {
		format_platform(text, &found->entries[i]->platform);
		for (j = 0; j < i; j++)
			if (strcmp(format_platform(other, &found->entries[j]->platform), text) == 0)
				break;
		if (j == i)
			append(buf, &at, text);
	}
	return buf;
}

/* Those that tag names, all without. */
static int find_tagged(const struct image_list *l, const char *tag, const char *what,
		       struct found *ret, struct fail *f)
{
	char text[LIST_TEXT_MAX];
	struct found all = { .n = 0 };

	ret->n = 0;
	for (size_t i = 0; i < l->n; i++) {
		all.entries[all.n++] = &l->entries[i];
		if (!tag || has_name(&l->entries[i], tag))
			ret->entries[ret->n++] = &l->entries[i];
	}
	if (all.n == 0)
		return fail_set(f, ENOENT, what, "Save the image again.",
				"its list of images is empty or damaged");
	return ret->n > 0 ? 0
			  : fail_set(f, ENOENT, what, "Choose one of these with --tag.",
				     "it has no image called %s, only %s", tag,
				     list_names(text, &all));
}

/* Leaves images, if there are any. */
static void keep_images(struct found *found)
{
	struct found kept = { .n = 0 };

	for (size_t i = 0; i < found->n; i++)
		if (!found->entries[i]->is_other)
			kept.entries[kept.n++] = found->entries[i];
	if (kept.n > 0)
		*found = kept;
}

/* Leaves those that suit the platform. Without any that is wanted: this machine's, or the only one. */
static int keep_suitable(struct found *found, const struct image_platform *wanted, const char *what,
			 struct fail *f)
{
	struct image_platform p = { "linux", MACHINE, "" };
	struct found kept = { .n = 0 };
	char text[LIST_TEXT_MAX], name[PLATFORM_TEXT_MAX];

	if (wanted)
		p = *wanted;
	else if (found->n == 1) {
		const struct image_platform *only = &found->entries[0]->platform;

		strcpy(p.architecture, *only->architecture ? only->architecture : MACHINE);
	}
	for (size_t i = 0; i < found->n; i++)
		if (suits(&found->entries[i]->platform, &p))
			kept.entries[kept.n++] = found->entries[i];
	if (kept.n == 0)
		return fail_set(f, ENOENT, what, "Choose one of these with --platform.",
				"it has no image for %s, only for %s", format_platform(name, &p),
				list_platforms(text, found));
	*found = kept;
	return 0;
}

/* Of those for newer and older processors: for the oldest, since other machines than this one boot it. */
static void keep_oldest(struct found *found)
{
	unsigned lowest = rank(&found->entries[0]->platform);
	size_t n = 0;

	for (size_t i = 0; i < found->n; i++)
		if (rank(&found->entries[i]->platform) < lowest)
			lowest = rank(&found->entries[i]->platform);
	for (size_t i = 0; i < found->n; i++)
		if (rank(&found->entries[i]->platform) == lowest)
			found->entries[n++] = found->entries[i];
	found->n = n;
}

int image_list_choose(const struct image_list *l, const struct image_choice *c, const char *what,
		      const struct image_entry **ret, struct fail *f)
{
	_cleanup_free_ struct found *found = malloc(sizeof(*found));
	char text[LIST_TEXT_MAX];
	int r;

	if (!found)
		return fail_errno(f, ENOMEM, what, "cannot read it");
	r = find_tagged(l, c ? c->tag : NULL, what, found, f);
	if (r == 0)
		keep_images(found);
	if (r == 0)
		r = keep_suitable(found, c && *c->platform.os ? &c->platform : NULL, what, f);
	if (r < 0)
		return r;
	keep_oldest(found);
	if (found->n > 1)
		return fail_set(f, EINVAL, what, "Choose one of them with --tag.",
				"it has several images: %s", list_names(text, found));
	*ret = found->entries[0];
	return 0;
}
