/*
 * The layers of a container image as one root. The topmost layer comes first: what it has or deletes is known
 * when the lower ones go by, so nothing is read that is not packed.
 *
 * Each layer is read twice: for its names, deletions and hard links, then for its members. For a hard link comes
 * without data, and the name that has the data may be covered by a layer above: the data then goes to the link.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "blobs.h"
#include "image_layers.h"
#include "path.h"
#include "source_kinds.h"

#define DELETION ".wh."
#define DELETES_ALL ".wh..wh..opq"

/* What the layers from the top down to the current one say of a path. Layers are numbered from 1, the top; 0 = none. */
struct known {
	uint16_t seen;    /* the first layer that has it */
	uint16_t deleted; /* the first that deletes it */
	uint16_t emptied; /* the first that deletes all below it */
	uint16_t willed;  /* the layer that heir is of: it means nothing for others */
	bool is_directory;
	char *heir; /* of a covered file: the hard link that gets its data; owned */
};

struct source_layers {
	struct source base;
	struct blobs blobs;
	struct image_layers layers;
	size_t current;       /* from the top */
	struct source *layer; /* NULL: before the first, or between two */
	struct path_map known;
	char *name; /* of the current layer, for messages; owned */
};

/* ---- what is known ---- */

static uint16_t number(const struct source_layers *l)
{
	return (uint16_t)(l->current + 1);
}

static bool is_above(const struct source_layers *l, uint16_t layer)
{
	return layer > 0 && layer < number(l);
}

static struct known *lookup(const struct source_layers *l, const char *path)
{
	return path_map_find(&l->known, path, path_length(path));
}

static const char *heir_of(const struct source_layers *l, const char *path)
{
	const struct known *k = lookup(l, path);

	return k && k->willed == number(l) ? k->heir : NULL;
}

/* Does a layer above have, replace or delete it? */
static bool is_covered(const struct source_layers *l, const char *path)
{
	const struct known *k = lookup(l, path);

	if (k && (is_above(l, k->seen) || is_above(l, k->deleted)))
		return true;
	for (size_t i = 0, n = path_length(path); i < n; i++) {
		if (i > 0 && path[i] != '/')
			continue;
		k = path_map_find(&l->known, path, i);
		if (k && (is_above(l, k->deleted) || is_above(l, k->emptied) ||
			  (is_above(l, k->seen) && !k->is_directory)))
			return true;
	}
	return false;
}

/* ---- the names of a layer ---- */

/* Notes that the current layer does it, unless one above did. */
static void first(const struct source_layers *l, uint16_t *layer)
{
	if (*layer == 0)
		*layer = number(l);
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
		k = path_map_add(&l->known, path, directory ? directory - 1 : 0);
		if (k)
			first(l, &k->emptied);
		return k ? 0 : -ENOMEM;
	}
	if (strncmp(name, DELETION, strlen(DELETION)) == 0)
		return 0; /* another note of the tool that made it, or what lies in one */
	if (asprintf(&deleted, "%.*s%s", (int)directory, path, name) < 0)
		return -ENOMEM;
	k = path_map_add(&l->known, deleted, path_length(deleted));
	free(deleted);
	if (k)
		first(l, &k->deleted);
	return k ? 0 : -ENOMEM;
}

/* A link whose data is covered inherits it, unless another of the same file has done so. */
static int note_heir(struct source_layers *l, const struct member *m)
{
	const char *target = path_in_root(m->target);
	struct known *k;

	if (is_covered(l, path_in_root(m->path)) || !is_covered(l, target) || heir_of(l, target))
		return 0;
	k = path_map_add(&l->known, target, path_length(target));
	if (!k)
		return -ENOMEM;
	free(k->heir);
	k->heir = strdup(m->path);
	k->willed = number(l);
	return k->heir ? 0 : -ENOMEM;
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
	k = r == 0 ? path_map_add(&l->known, path, path_length(path)) : NULL;
	if (!k)
		return -ENOMEM;
	if (k->seen == 0)
		k->is_directory = m->type == MEMBER_DIRECTORY;
	first(l, &k->seen);
	return 0;
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
	while (noted == 0 && (r = source_next(s, &m, f)) > 0)
		noted = note(l, &m.m);
	l->base.position += source_position(s) / 2;
	source_close(s);
	return noted < 0 ? fail_errno(f, noted, l->blobs.path, "cannot read it") : r;
}

/* Is this member of the current layer part of the root? May rename it to its heir. */
static bool is_part(const struct source_layers *l, struct member *m)
{
	const char *path = path_in_root(m->path), *heir;

	if (deleted_name(path))
		return false;
	if (!is_covered(l, path)) {
		heir = m->type == MEMBER_HARDLINK ? heir_of(l, path_in_root(m->target)) : NULL;
		if (!heir)
			return true;
		m->target = heir;
		return strcmp(m->path, heir) != 0; /* the heir itself has come already */
	}
	heir = m->type == MEMBER_HARDLINK ? NULL : heir_of(l, path);
	if (!heir)
		return false;
	m->path = heir;
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

static void free_heir(void *value, void *arg)
{
	(void)arg;
	free(((struct known *)value)->heir);
}

static void layers_close(struct source *s)
{
	struct source_layers *l = (struct source_layers *)s;

	source_close(l->layer);
	path_map_clear(&l->known, free_heir, NULL);
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
	l->known.value_size = sizeof(struct known);
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
