/* Each directory on the way down has its names sorted. */
#include "root/rootfs_walk.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct rootfs_level {
	struct rootfs_level *above;
	size_t path_length; /* of the directory */
	size_t n, next;
	struct root_name *names[];
};

static int compare_names(const void *a, const void *b)
{
	const struct root_name *x = *(struct root_name *const *)a,
			       *y = *(struct root_name *const *)b;
	int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);

	return order ? order : (int)x->length - (int)y->length;
}

static int enter(struct rootfs_walk *w, const struct root_name *directory)
{
	struct root_name *n;
	struct rootfs_level *l;
	size_t count = 0;

	for (n = directory->is.directory.first; n; n = n->after)
		count++;
	l = malloc(sizeof(*l) + count * sizeof(n));
	if (!l)
		return -ENOMEM;
	*l = (struct rootfs_level){ .above = w->level, .path_length = strlen(w->path) };
	for (n = directory->is.directory.first; n; n = n->after)
		l->names[l->n++] = n;
	if (count > 1)
		qsort(l->names, l->n, sizeof(n), compare_names);
	w->level = l;
	return 0;
}

static void leave(struct rootfs_walk *w)
{
	struct rootfs_level *l = w->level;

	w->level = l->above;
	free(l);
}

int rootfs_walk_start(struct rootfs_walk *w, struct root_name *top)
{
	struct rootfs_level *l = calloc(1, sizeof(*l) + sizeof(top));

	*w = (struct rootfs_walk){ .level = l };
	if (!l)
		return -ENOMEM;
	l->names[l->n++] = top;
	return 0;
}

struct root_name *rootfs_walk_next(struct rootfs_walk *w)
{
	struct rootfs_level *l;
	struct root_name *n;
	size_t length;

	while (w->level && w->level->next == w->level->n)
		leave(w);
	l = w->level;
	if (!l)
		return NULL;
	n = l->names[l->next++];
	length = l->path_length;
	if (length > 0)
		w->path[length++] = '/';
	memcpy(w->path + length, n->text, n->length);
	w->path[length + n->length] = '\0';
	if (n->type == MEMBER_DIRECTORY && enter(w, n) < 0) {
		w->has_failed = true;
		rootfs_walk_end(w);
		return NULL;
	}
	return n;
}

void rootfs_walk_end(struct rootfs_walk *w)
{
	while (w->level)
		leave(w);
}
