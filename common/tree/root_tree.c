/* Entries of all directories in one table, by directory and name. */
#include "tree/root_tree.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/inroot.h"
#include "base/pathwalk.h"
#include "tree/layer_names.h"
#include "tree/tree_fail.h"

#define BUCKETS_MIN 1024
#define MALLOC_OVERHEAD 16

struct root_tree {
	struct root_name **buckets;
	size_t n_buckets; /* a power of two */
	size_t n;         /* names */
	size_t memory, limit;
	uint32_t inodes; /* numbers given so far */
	uint16_t layer;
	size_t made; /* names of this layer, and directories that it joins */
	bool has_limits;
	enum root_tree_how how;
	void (*gone)(void *arg, const struct root_name *n); /* may be NULL */
	void *gone_arg;
	struct root_name root;
};

/* ---- memory ---- */

static void *take(struct root_tree *t, size_t size)
{
	void *p = NULL;

	size += MALLOC_OVERHEAD;
	if (size <= t->limit - t->memory)
		p = malloc(size - MALLOC_OVERHEAD);
	if (p)
		t->memory += size;
	return p;
}

static void give_back(struct root_tree *t, void *p, size_t size)
{
	free(p);
	t->memory -= size + MALLOC_OVERHEAD;
}

/* The name begins in what would be padding. */
static size_t name_size(size_t length)
{
	size_t size = offsetof(struct root_name, text) + length;

	return size < sizeof(struct root_name) ? sizeof(struct root_name) : size;
}

static void drop_link(struct root_tree *t, struct link_text *link)
{
	if (--link->names == 0)
		give_back(t, link, sizeof(*link) + link->length);
}

int root_tree_new(size_t limit, struct root_tree **ret)
{
	struct root_tree *t = calloc(1, sizeof(*t));

	if (!t)
		return -ENOMEM;
	t->n_buckets = BUCKETS_MIN;
	t->buckets = calloc(t->n_buckets, sizeof(*t->buckets));
	if (!t->buckets) {
		free(t);
		return -ENOMEM;
	}
	t->limit = limit;
	t->memory = t->n_buckets * sizeof(*t->buckets);
	t->limit = limit > t->memory ? limit : t->memory;
	t->root.type = MEMBER_DIRECTORY;
	t->inodes = 1;
	*ret = t;
	return 0;
}

void root_tree_free(struct root_tree *t)
{
	struct root_name *e, *next;

	for (size_t i = 0; t && i < t->n_buckets; i++)
		for (e = t->buckets[i]; e; e = next) {
			next = e->next;
			if (e->type == MEMBER_SYMLINK)
				drop_link(t, e->is.link);
			free(e);
		}
	if (t)
		free(t->buckets);
	free(t);
}

/* ---- the table ---- */

static uint64_t mix(uint64_t a, uint64_t b)
{
	unsigned __int128 product = (unsigned __int128)a * b;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* The address of the parent, which nobody outside knows, makes it hard to choose names that share a bucket. */
static size_t hash(const struct root_name *parent, const char *name, size_t length)
{
	uint64_t h = mix((uintptr_t)parent ^ 0x9e3779b97f4a7c15, length ^ 0xd6e8feb86659fd93), word;

	for (; length > 0; name += sizeof(word)) {
		size_t n = length < sizeof(word) ? length : sizeof(word);

		word = 0;
		memcpy(&word, name, n);
		h = mix(h ^ word, 0xa0761d6478bd642f);
		length -= n;
	}
	return (size_t)h;
}

static struct root_name **find(const struct root_tree *t, const struct root_name *parent,
			       const char *name)
{
	size_t length = strlen(name);
	struct root_name **at = &t->buckets[hash(parent, name, length) & (t->n_buckets - 1)];

	while (*at && !((*at)->parent == parent && (*at)->length == length &&
			memcmp((*at)->text, name, length) == 0))
		at = &(*at)->next;
	return at;
}

/* Where there is no memory for it, it stays as it is: slower, but right. */
static void grow(struct root_tree *t)
{
	size_t n = 2 * t->n_buckets, more = t->n_buckets * sizeof(*t->buckets);
	struct root_name **buckets, *e, *next, **to;

	if (more > t->limit - t->memory)
		return;
	buckets = calloc(n, sizeof(*buckets));
	if (!buckets)
		return;
	for (size_t i = 0; i < t->n_buckets; i++)
		for (e = t->buckets[i]; e; e = next) {
			next = e->next;
			to = &buckets[hash(e->parent, e->text, e->length) & (n - 1)];
			e->next = *to;
			*to = e;
		}
	free(t->buckets);
	t->buckets = buckets;
	t->n_buckets = n;
	t->memory += more;
}

/* The name must not be there. NULL: there is no memory. */
static struct root_name *insert(struct root_tree *t, struct root_name *parent, const char *name,
				enum member_type type)
{
	size_t length = strlen(name), above = parent->is.directory.path_length;
	struct root_name *n, **at, *after = parent->is.directory.first;

	n = t->inodes < UINT32_MAX ? take(t, name_size(length)) : NULL;
	if (!n)
		return NULL;
	if (t->n >= t->n_buckets)
		grow(t);
	*n = (struct root_name){ .parent = parent,
				 .after = after,
				 .layer = t->layer,
				 .type = (uint8_t)type,
				 .length = (uint8_t)length };
	memcpy(n->text, name, length);
	if (type == MEMBER_DIRECTORY)
		n->is.directory.path_length = (uint16_t)(above + (above > 0) + length);
	at = find(t, parent, name);
	*at = n;
	parent->is.directory.first = n;
	if (after)
		after->before = n;
	t->n++;
	t->made++;
	return n;
}

/* A name that is an inode of its own. */
static struct root_name *insert_inode(struct root_tree *t, struct root_name *parent,
				      const char *name, enum member_type type)
{
	struct root_name *n = insert(t, parent, name, type);

	if (n)
		n->inode = t->inodes++;
	return n;
}

static void unlink_name(struct root_tree *t, struct root_name *n)
{
	struct root_name **at =
		&t->buckets[hash(n->parent, n->text, n->length) & (t->n_buckets - 1)];

	if (t->gone)
		t->gone(t->gone_arg, n);
	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	if (n->before)
		n->before->after = n->after;
	else
		n->parent->is.directory.first = n->after;
	if (n->after)
		n->after->before = n->before;
	t->n--;
	if (n->type == MEMBER_SYMLINK)
		drop_link(t, n->is.link);
	give_back(t, n, name_size(n->length));
}

static bool is_empty(const struct root_name *n)
{
	return n->type != MEMBER_DIRECTORY || !n->is.directory.first;
}

/* Has it a layer from that number on? */
static bool has_from(const struct root_name *n, unsigned layer)
{
	return n->layer >= layer ||
	       (n->type == MEMBER_DIRECTORY && n->is.directory.joined >= layer);
}

/* Removes all below top but what layers from kept on have, and what leads there. There are PATH_MAX / 2 levels at most. */
static void empty(struct root_tree *t, struct root_name *top, unsigned kept)
{
	struct root_name *n = top->is.directory.first, *after;

	for (; n; n = after) {
		after = n->after;
		if (n->type == MEMBER_DIRECTORY)
			empty(t, n, kept);
		if (!has_from(n, kept) && is_empty(n))
			unlink_name(t, n);
	}
}

static void remove_all(struct root_tree *t, struct root_name *n)
{
	if (n->type == MEMBER_DIRECTORY)
		empty(t, n, UINT_MAX);
	unlink_name(t, n);
}

void root_tree_remove(struct root_tree *t, struct root_name *n, bool is_opaque)
{
	/* Once for a layer is enough: nothing of lower ones can come back. */
	if (n->type == MEMBER_DIRECTORY && n->is.directory.emptied < t->layer) {
		empty(t, n, t->layer);
		n->is.directory.emptied = t->layer;
	}
	if (!is_opaque && n->parent && !has_from(n, t->layer) && is_empty(n))
		unlink_name(t, n);
}

/* Is it a directory, and are there so many levels of others in it? */
static bool is_deeper(const struct root_name *n, unsigned levels)
{
	if (n->type != MEMBER_DIRECTORY || levels == 0)
		return n->type == MEMBER_DIRECTORY;
	for (n = n->is.directory.first; n; n = n->after)
		if (is_deeper(n, levels - 1))
			return true;
	return false;
}

bool root_tree_is_too_deep(const struct root_tree *t, const struct root_name *n, bool is_opaque)
{
	return t->has_limits && is_deeper(n, LAYER_DEPTH_MAX + is_opaque);
}

/* ---- where a path leads ---- */

struct walk {
	struct pathwalk path; /* first */
	struct root_tree *t;
	struct root_name *at; /* where it stands */
	bool make;            /* directories that are missing */
	bool packed;          /* what is marked is not there */
};

static int go_up(struct pathwalk *path)
{
	struct walk *w = (struct walk *)path;

	if (w->at->parent)
		w->at = w->at->parent;
	return 0;
}

/* A directory that only leads to what is packed may be marked. */
static struct root_name *look_up(const struct walk *w, const char *name)
{
	struct root_name *n = *find(w->t, w->at, name);

	return n && w->packed && n->mark && n->type != MEMBER_DIRECTORY ? NULL : n;
}

static int enter(struct pathwalk *path, const char *name)
{
	struct walk *w = (struct walk *)path;
	struct root_name *n = look_up(w, name);
	int r;

	if (n && n->type == MEMBER_SYMLINK) {
		r = pathwalk_follow(path, n->is.link->text, n->is.link->length);
		if (r == 0 && n->is.link->text[0] == '/')
			w->at = &w->t->root;
		return r;
	}
	if (!n) {
		n = w->make ? insert_inode(w->t, w->at, name, MEMBER_DIRECTORY) : NULL;
		if (!n)
			return w->make ? -ENOMEM : -ENOENT;
	}
	if (n->type != MEMBER_DIRECTORY)
		return -ENOTDIR;
	w->at = n;
	return n->is.directory.path_length < PATH_MAX ? 0 : -ENAMETOOLONG;
}

static int start_walk(struct walk *w, struct root_tree *t, const char *path)
{
	w->path.up = go_up;
	w->path.enter = enter;
	w->t = t;
	w->at = &t->root;
	w->make = w->packed = false;
	return pathwalk_start(&w->path, path);
}

/* The directory that holds the last component of path, which goes to name; see inroot_open_parent. */
static int find_parent(struct root_tree *t, const char *path, bool make, struct root_name **ret,
		       char name[NAME_MAX + 1])
{
	struct walk w;
	int r = start_walk(&w, t, path);

	w.make = make;
	if (r == 0)
		r = pathwalk_to_last(&w.path, name);
	if (r == 0)
		*ret = w.at;
	return r;
}

/* ---- members ---- */

static int create_hardlink(struct root_tree *t, const struct member *m, struct root_name *parent,
			   const char *name, struct root_name **ret)
{
	struct root_name *directory, *target, *there, *n;
	char target_name[NAME_MAX + 1];
	int r;

	if (inroot_path_leaves(m->target))
		return -EXDEV;
	r = find_parent(t, m->target, false, &directory, target_name);
	if (r < 0)
		return r;
	target = *target_name ? *find(t, directory, target_name) : NULL;
	if (!target)
		return -ENOENT;
	there = *find(t, parent, name);
	if (there)
		return there->inode == target->inode ? 0 : -EEXIST;
	if (target->type == MEMBER_DIRECTORY)
		return -EPERM;
	n = insert(t, parent, name, target->type);
	if (!n)
		return -ENOMEM;
	n->inode = target->inode;
	if (n->type == MEMBER_SYMLINK) {
		n->is = target->is;
		n->is.link->names++;
	}
	*ret = n;
	return 0;
}

static int create_symlink(struct root_tree *t, const char *text, struct root_name *parent,
			  const char *name, struct root_name **ret)
{
	size_t length = strlen(text);
	struct link_text *link;
	struct root_name *n;

	if (length == 0)
		return -ENOENT;
	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	if (*find(t, parent, name))
		return -EEXIST;
	link = take(t, sizeof(*link) + length);
	n = link ? insert_inode(t, parent, name, MEMBER_SYMLINK) : NULL;
	if (!n) {
		if (link)
			give_back(t, link, sizeof(*link) + length);
		return -ENOMEM;
	}
	link->names = 1;
	link->length = (uint32_t)length;
	memcpy(link->text, text, length);
	n->is.link = link;
	*ret = n;
	return 0;
}

/* *ret stays NULL when the same is there. */
static int create(struct root_tree *t, const struct member *m, struct root_name *parent,
		  const char *name, struct root_name **ret)
{
	*ret = NULL;
	if (m->type == MEMBER_HARDLINK)
		return create_hardlink(t, m, parent, name, ret);
	if (m->type == MEMBER_SYMLINK)
		return create_symlink(t, m->target, parent, name, ret);
	if (*find(t, parent, name))
		return -EEXIST;
	*ret = insert_inode(t, parent, name, m->type);
	return *ret ? 0 : -ENOMEM;
}

/* The directory that this member of an overlay means: that of its name, or where the link of its name leads. NULL: none. */
static struct root_name *find_joined(struct root_tree *t, const struct member *m,
				     struct root_name *there)
{
	struct root_name *n = there;

	if (m->type != MEMBER_DIRECTORY)
		return NULL;
	if (t->how == ROOT_TREE_OVERLAY && there->type == MEMBER_SYMLINK &&
	    root_tree_find_packed(t, m->path, true, &n) < 0)
		return NULL;
	return n && n->type == MEMBER_DIRECTORY ? n : NULL;
}

/* In an archive as tree.c: a directory that is there already stays, of others a later member of the same name wins. */
static int create_replacing(struct root_tree *t, const struct member *m, struct root_name *parent,
			    const char *name, struct root_name **ret)
{
	int r = create(t, m, parent, name, ret);
	struct root_name *there;

	if (r != -EEXIST)
		return r;
	there = *find(t, parent, name);
	*ret = find_joined(t, m, there);
	if (*ret)
		return -EEXIST;
	if (!is_empty(there) && t->how == ROOT_TREE_ARCHIVE)
		return -ENOTEMPTY;
	if (root_tree_is_too_deep(t, there, false))
		return -ELOOP;
	t->made -= there->layer == t->layer && t->made > 0;
	remove_all(t, there);
	return create(t, m, parent, name, ret);
}

static int fail_memory(const struct member *m, struct fail *f)
{
	return fail_set(f, ENOMEM, m->path, "Free memory, or pack a root with fewer names.",
			"there is no memory for the names of the root");
}

/* A directory that the layer has made itself is noted already. */
static void note_joined(struct root_tree *t, struct root_name *n)
{
	t->made += n->is.directory.joined < t->layer && n->layer < t->layer;
	n->is.directory.joined = t->layer;
}

int root_tree_put(struct root_tree *t, const struct member *m, struct root_name **ret,
		  bool *ret_is_new, struct fail *f)
{
	char name[NAME_MAX + 1];
	struct root_name *parent;
	int r;

	if (inroot_path_leaves(m->path))
		return tree_fail_leaves(f, m);
	r = find_parent(t, m->path, true, &parent, name);
	if (r < 0)
		return r == -ENOMEM ? fail_memory(m, f) : tree_fail_parent(f, m, r);
	if (!*name && m->type != MEMBER_DIRECTORY)
		return tree_fail_root(f, m);
	*ret = parent;
	r = *name ? create_replacing(t, m, parent, name, ret) : -EEXIST;
	*ret_is_new = r == 0 && *ret;
	if (r == 0 && !*ret) /* another member says the same */
		*ret = *find(t, parent, name);
	if (r < 0 && r != -EEXIST)
		return r == -ENOMEM ? fail_memory(m, f) : tree_fail_create(f, m, r);
	if (*ret_is_new || m->type != MEMBER_DIRECTORY || t->how != ROOT_TREE_OVERLAY)
		(*ret)->layer = t->layer;
	else if (*name && *find(t, parent, name) == *ret)
		note_joined(t, *ret);
	return t->has_limits && t->made > LAYER_NAMES_MAX ? tree_fail_names(f, m->path) : 0;
}

int root_tree_add(struct root_tree *t, const struct member *m, struct fail *f)
{
	struct root_name *unused;
	bool is_new;

	return root_tree_put(t, m, &unused, &is_new, f);
}

void root_tree_set_layer(struct root_tree *t, uint16_t layer, enum root_tree_how how)
{
	t->layer = layer;
	t->how = how;
	t->made = 0;
}

void root_tree_limit_layers(struct root_tree *t)
{
	t->has_limits = true;
}

void root_tree_watch(struct root_tree *t, void (*gone)(void *arg, const struct root_name *n),
		     void *arg)
{
	t->gone = gone;
	t->gone_arg = arg;
}

/* ---- asking ---- */

size_t root_tree_limit(const struct root_tree *t)
{
	return t->limit;
}

size_t root_tree_memory(const struct root_tree *t)
{
	return t->memory;
}

size_t root_tree_names(const struct root_tree *t)
{
	return t->n;
}

uint32_t root_tree_inodes(const struct root_tree *t)
{
	return t->inodes;
}

struct root_name *root_tree_root(struct root_tree *t)
{
	return &t->root;
}

/* Walks on where the last component is a link, if follow. */
static int find_name(struct walk *w, bool follow, struct root_name **ret)
{
	char name[NAME_MAX + 1];
	struct root_name *n;
	int r = pathwalk_to_last(&w->path, name);

	while (r == 0 && *name) {
		n = look_up(w, name);
		if (n && n->type == MEMBER_SYMLINK && (follow || w->path.must_be_directory)) {
			r = enter(&w->path, name);
			if (r == 0)
				r = pathwalk_to_last(&w->path, name);
			continue;
		}
		if (n && w->packed && n->mark)
			n = NULL;
		if (n && w->path.must_be_directory && n->type != MEMBER_DIRECTORY)
			return -ENOTDIR;
		*ret = n;
		return n ? 0 : -ENOENT;
	}
	if (r == 0)
		*ret = w->at;
	return r;
}

int root_tree_find(struct root_tree *t, const char *path, bool follow, struct root_name **ret)
{
	struct walk w;
	int r = start_walk(&w, t, path);

	*ret = NULL;
	return r == 0 ? find_name(&w, follow, ret) : r;
}

int root_tree_find_packed(struct root_tree *t, const char *path, bool follow,
			  struct root_name **ret)
{
	struct walk w;
	int r = start_walk(&w, t, path);

	*ret = NULL;
	w.packed = true;
	return r == 0 ? find_name(&w, follow, ret) : r;
}

struct root_name *root_tree_next(const struct root_name *top, struct root_name *n)
{
	if (n->type == MEMBER_DIRECTORY && n->is.directory.first)
		return n->is.directory.first;
	while (n != top && !n->after)
		n = n->parent;
	return n == top ? NULL : n->after;
}

size_t root_name_path(const struct root_name *n, char *ret)
{
	size_t length = 0, at;

	for (const struct root_name *up = n; up->parent; up = up->parent)
		length += up->length + (up->parent->parent != NULL);
	ret[length] = '\0';
	for (at = length; n->parent; n = n->parent) {
		at -= n->length;
		memcpy(ret + at, n->text, n->length);
		if (at > 0)
			ret[--at] = '/';
	}
	return length;
}
