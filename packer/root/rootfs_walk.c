/* Each directory on the way down has its names sorted. */
#include "root/rootfs_walk.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/util.h"

struct level {
	struct level *above;
	size_t path_length; /* of the directory */
	size_t n, next;
	struct root_name *names[];
};

struct walk {
	char path[2 * PATH_MAX]; /* of the name that came last */
	struct level *level;     /* owned */
};

static int compare_names(const void *a, const void *b)
{
	const struct root_name *x = *(struct root_name *const *)a,
			       *y = *(struct root_name *const *)b;
	int order = memcmp(x->text, y->text, x->length < y->length ? x->length : y->length);

	return order ? order : (int)x->length - (int)y->length;
}

static int enter(struct walk *w, const struct root_name *directory)
{
	struct root_name *n;
	struct level *l;
	size_t count = 0;

	for (n = directory->is.directory.first; n; n = n->after)
		count++;
	l = malloc(sizeof(*l) + count * sizeof(n));
	if (!l)
		return -ENOMEM;
	*l = (struct level){ .above = w->level, .path_length = strlen(w->path) };
	for (n = directory->is.directory.first; n; n = n->after)
		l->names[l->n++] = n;
	if (count > 1)
		qsort(l->names, l->n, sizeof(n), compare_names);
	w->level = l;
	return 0;
}

static void leave(struct walk *w)
{
	struct level *l = w->level;

	w->level = l->above;
	free(l);
}

static int start(struct walk *w, struct root_name *top)
{
	struct level *l = calloc(1, sizeof(*l) + sizeof(top));

	if (!l)
		return -ENOMEM;
	l->names[l->n++] = top;
	w->level = l;
	return 0;
}

/* The next name; NULL: it was the last. */
static struct root_name *next(struct walk *w)
{
	struct level *l;
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
	return n;
}

static int visit_all(struct walk *w, rootfs_visit *visit, void *arg, struct fail *f)
{
	struct root_name *n;
	int r = 0;

	while (r == 0 && (n = next(w))) {
		r = visit(arg, n, w->path, f);
		if (r == 0 && n->type == MEMBER_DIRECTORY && enter(w, n) < 0)
			r = fail_errno(f, ENOMEM, "the root", "cannot sort its names");
	}
	return r;
}

int rootfs_walk(struct root_name *top, rootfs_visit *visit, void *arg, struct fail *f)
{
	_cleanup_free_ struct walk *w = calloc(1, sizeof(*w));
	int r;

	if (!w || start(w, top) < 0)
		return fail_errno(f, ENOMEM, "the root", "cannot sort its names");
	r = visit_all(w, visit, arg, f);
	while (w->level)
		leave(w);
	return r;
}
