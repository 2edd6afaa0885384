/*
 * The layers of a container image as one root. The topmost layer comes first: what it has or deletes is known
 * when the lower ones go by, so nothing is read that is not packed.
 *
 * Each layer is read twice: for its names, deletions and hard links, then for its members. For a hard link comes
 * without data, and the name that has the data may be covered by a layer above: the data then goes to the link.
 */
#include <errno.h>
#include <search.h>
#include <stdio.h>
#include <string.h>

#include "blobs.h"
#include "glob.h"
#include "image_layers.h"
#include "source_kinds.h"

#define DELETION ".wh."
#define DELETES_ALL ".wh..wh..opq"
#define NEVER UINT16_MAX

/* What the layers from the top down to the current one say of a path. Layers are numbered from the top. */
struct known {
	uint16_t seen;    /* the first layer that has it */
	uint16_t deleted; /* the first that deletes it, or NEVER */
	uint16_t emptied; /* the first that deletes all below it, or NEVER */
	bool is_directory;
	char *heir; /* of a covered file of the current layer: the hard link that gets its data; owned */
	char path[];
};

struct source_layers {
	struct source base;
	struct blobs blobs;
	struct image_layers layers;
	size_t current;       /* from the top */
	struct source *layer; /* NULL: before the first, or between two */
	void *known;          /* tsearch tree of struct known */
	char *name;           /* of the current layer, for messages; owned */
};

/* ---- what is known ---- */

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct known *)a)->path, ((const struct known *)b)->path);
}

static size_t length_of(const char *path)
{
	size_t n = strlen(path);

	while (n > 0 && path[n - 1] == '/')
		n--;
	return n;
}

static struct known *known_new(const char *path, size_t n)
{
	struct known *k = calloc(1, sizeof(*k) + n + 1);

	if (k) {
		k->seen = k->deleted = k->emptied = NEVER;
		memcpy(k->path, path, n);
	}
	return k;
}

static struct known *lookup(const struct source_layers *l, const char *path, size_t n)
{
	struct known *wanted = known_new(path, n), **found;

	found = wanted ? tfind(wanted, &l->known, compare) : NULL;
	free(wanted);
	return found ? *found : NULL;
}

/* The entry of a path, made when it is new. NULL: no memory. */
static struct known *lookup_or_add(struct source_layers *l, const char *path, size_t n)
{
	struct known *wanted = known_new(path, n), **found;

	found = wanted ? tsearch(wanted, &l->known, compare) : NULL;
	if (!found || *found != wanted)
		free(wanted);
	return found ? *found : NULL;
}

/* Does a layer above have, replace or delete it? */
static bool is_covered(const struct source_layers *l, const char *path)
{
	size_t n = length_of(path);
	const struct known *k = lookup(l, path, n);

	if (k && (k->seen < l->current || k->deleted < l->current))
		return true;
	for (size_t i = 0; i < n; i++) {
		if (i > 0 && path[i] != '/')
			continue;
		k = lookup(l, path, i);
		if (k && (k->deleted < l->current || k->emptied < l->current ||
			  (k->seen < l->current && !k->is_directory)))
			return true;
	}
	return false;
}

/* ---- the names of a layer ---- */

static void first(uint16_t *layer, const struct source_layers *l)
{
	if (*layer == NEVER)
		*layer = (uint16_t)l->current;
}

/* What stands behind the first ".wh." that begins a name: of a deletion what it deletes. NULL: a member of the root. */
static const char *deleted_name(const char *path)
{
	const char *at = strncmp(path, DELETION, strlen(DELETION)) == 0
				 ? path
				 : strstr(path, "/" DELETION);

	return at ? at + (*at == '/') + strlen(DELETION) : NULL;
}

static int note_deletion(struct source_layers *l, const char *path, const char *name)
{
	size_t directory = (size_t)(name - strlen(DELETION) - path);
	struct known *k;
	char *deleted;

	if (strcmp(name - strlen(DELETION), DELETES_ALL) == 0) {
		k = lookup_or_add(l, path, directory ? directory - 1 : 0);
		if (k)
			first(&k->emptied, l);
		return k ? 0 : -ENOMEM;
	}
	if (strncmp(name, DELETION, strlen(DELETION)) == 0)
		return 0; /* another note of the tool that made it, or what lies in one */
	if (asprintf(&deleted, "%.*s%s", (int)directory, path, name) < 0)
		return -ENOMEM;
	k = lookup_or_add(l, deleted, length_of(deleted));
	free(deleted);
	if (k)
		first(&k->deleted, l);
	return k ? 0 : -ENOMEM;
}

/* A link whose data is covered inherits it, unless another of the same file has done so. */
static int note_heir(struct source_layers *l, const struct member *m)
{
	const char *target = path_in_root(m->target);
	struct known *k;

	if (is_covered(l, path_in_root(m->path)) || !is_covered(l, target))
		return 0;
	k = lookup_or_add(l, target, length_of(target));
	if (k && !k->heir)
		k->heir = strdup(m->path);
	return k && k->heir ? 0 : -ENOMEM;
}

static int note(struct source_layers *l, const struct member *m)
{
	const char *path = path_in_root(m->path), *name = deleted_name(path);
	struct known *k;
	int r = 0;

	if (name)
		return note_deletion(l, path, name);
	if (m->type == MEMBER_HARDLINK)
		r = note_heir(l, m);
	k = r == 0 ? lookup_or_add(l, path, length_of(path)) : NULL;
	if (!k)
		return -ENOMEM;
	if (k->seen == NEVER) {
		k->seen = (uint16_t)l->current;
		k->is_directory = m->type == MEMBER_DIRECTORY;
	}
	return 0;
}

/* Heirs are of one layer only. */
static void forget_heirs(const void *node, VISIT visit, int depth)
{
	struct known *k = *(struct known *const *)node;

	(void)depth;
	if (visit == postorder || visit == leaf) {
		free(k->heir);
		k->heir = NULL;
	}
}

/* ---- layer after layer ---- */

static int open_layer(struct source_layers *l, struct source **ret, struct fail *f)
{
	const char *name = l->layers.names[l->layers.n - 1 - l->current];
	uint64_t offset, size;
	int fd, r = blobs_find(&l->blobs, name, &fd, &offset, &size, f);

	if (r < 0)
		return r;
	free(l->name);
	if (asprintf(&l->name, "%s, layer %s", l->blobs.path, name) < 0) {
		l->name = NULL;
		close(fd);
		return fail_errno(f, ENOMEM, l->blobs.path, "cannot read it");
	}
	return source_tar_open_range(fd, offset, size, l->name, ret, f);
}

static int note_names(struct source_layers *l, struct fail *f)
{
	struct source_member m;
	struct source *s;
	int r = open_layer(l, &s, f), noted = 0;

	if (r < 0)
		return r;
	twalk(l->known, forget_heirs);
	while (noted == 0 && (r = source_next(s, &m, f)) > 0)
		noted = note(l, &m.m);
	l->base.position += source_position(s) / 2;
	source_close(s);
	return noted < 0 ? fail_errno(f, noted, l->blobs.path, "cannot read it") : r;
}

/* Is this member of the current layer part of the root? May rename it to its heir. */
static bool is_part(const struct source_layers *l, struct member *m)
{
	const char *path = path_in_root(m->path);
	const struct known *k;

	if (deleted_name(path))
		return false;
	if (m->type == MEMBER_HARDLINK) {
		const char *target = path_in_root(m->target);

		k = lookup(l, target, length_of(target));
		if (k && k->heir && !is_covered(l, path)) {
			m->target = k->heir;
			return strcmp(m->path, k->heir) != 0; /* the heir itself has come already */
		}
	}
	if (!is_covered(l, path))
		return true;
	k = lookup(l, path, length_of(path));
	if (!k || !k->heir || m->type == MEMBER_HARDLINK)
		return false;
	m->path = k->heir;
	return true;
}

/* Makes the layer's current member the current one, with all it owns. */
static int take_member(struct source_layers *l)
{
	struct source_member *from = &l->layer->current, *to = &l->base.current;
	int r = 0;

	to->m = from->m;
	from->m.xattrs = (struct xattrs){ 0 };
	for (size_t i = 0; r == 0 && i < from->n_extents; i++)
		r = source_add_extent(&l->base, from->extents[i].offset, from->extents[i].size);
	return r;
}

/* The next member of the current layer that is part of the root. */
static int next_of_layer(struct source_layers *l, struct fail *f)
{
	struct source_member m;
	int r;

	while ((r = source_next(l->layer, &m, f)) > 0) {
		l->base.current.m = m.m; /* to look at */
		if (is_part(l, &l->base.current.m) && source_wants(&l->base)) {
			l->layer->current.m.path = l->base.current.m.path;
			l->layer->current.m.target = l->base.current.m.target;
			l->base.current.m = (struct member){ 0 };
			return take_member(l) < 0 ? fail_errno(f, ENOMEM, l->name, "cannot read it")
						  : 1;
		}
		l->base.current.m = (struct member){ 0 };
	}
	return r;
}

static int layers_next(struct source *s, struct source_member *ret, struct fail *f)
{
	struct source_layers *l = (struct source_layers *)s;
	int r;

	(void)ret;
	while (l->current < l->layers.n) {
		r = l->layer ? 0 : note_names(l, f);
		if (r == 0 && !l->layer)
			r = open_layer(l, &l->layer, f);
		if (r == 0)
			r = next_of_layer(l, f);
		if (r != 0)
			return r;
		source_close(l->layer);
		l->layer = NULL;
		l->current++;
	}
	return 0;
}

static int layers_read(struct source *s, const void **ret_data, size_t *ret_size,
		       uint64_t *ret_offset, struct fail *f)
{
	return source_read(((struct source_layers *)s)->layer, ret_data, ret_size, ret_offset, f);
}

static void layers_close(struct source *s)
{
	struct source_layers *l = (struct source_layers *)s;

	source_close(l->layer);
	while (l->known) {
		struct known *k = *(struct known **)l->known;

		tdelete(k, &l->known, compare);
		free(k->heir);
		free(k);
	}
	image_layers_free(&l->layers);
	blobs_close(&l->blobs);
	free(l->name);
	free(l);
}

static const struct source_kind kind = { layers_next, layers_read, layers_close };

int source_layers_open(const char *path, int fd, struct source **ret, struct fail *f)
{
	struct source_layers *l = calloc(1, sizeof(*l));
	int r;

	if (!l) {
		cleanup_close(&fd);
		return fail_errno(f, ENOMEM, path, "cannot read it");
	}
	l->base.kind = &kind;
	l->base.root_fd = -1;
	r = blobs_open(path, fd, &l->blobs, f);
	if (r < 0) {
		free(l);
		return r;
	}
	r = image_layers_read(&l->blobs, &l->layers, f);
	if (r < 0)
		layers_close(&l->base);
	else
		*ret = &l->base;
	return r;
}
