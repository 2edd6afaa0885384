/* Entries of all directories in one table, by directory and name. */
#include "root_tree.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "inroot.h"
#include "pathwalk.h"
#include "tree_fail.h"

#define BUCKETS_MIN 1024
#define MALLOC_OVERHEAD 16

/* The text of a symbolic link, which its hard links share. */
struct link_text {
	uint32_t names;
	uint32_t length;
	char text[];
};

struct entry {
	struct entry *next;   /* in its bucket */
	struct entry *parent; /* NULL: it is the root */
	union {
		struct {
			uint32_t names;       /* in it */
			uint16_t path_length; /* of it, from the root */
		} directory;
		struct link_text *link;
		uint64_t inode; /* of others: a number that its hard links share */
	} is;
	uint8_t type; /* enum member_type; never MEMBER_HARDLINK */
	uint8_t length;
	char name[];
};

struct root_tree {
	struct entry **buckets;
	size_t n_buckets; /* a power of two */
	size_t n;         /* names */
	size_t memory, limit;
	uint64_t inodes; /* numbers given so far */
	struct entry root;
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
static size_t entry_size(size_t length)
{
	size_t size = offsetof(struct entry, name) + length;

	return size < sizeof(struct entry) ? sizeof(struct entry) : size;
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
	*ret = t;
	return 0;
}

void root_tree_free(struct root_tree *t)
{
	struct entry *e, *next;

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
static size_t hash(const struct entry *parent, const char *name, size_t length)
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

static struct entry **find(const struct root_tree *t, const struct entry *parent, const char *name)
{
	size_t length = strlen(name);
	struct entry **at = &t->buckets[hash(parent, name, length) & (t->n_buckets - 1)];

	while (*at && !((*at)->parent == parent && (*at)->length == length &&
			memcmp((*at)->name, name, length) == 0))
		at = &(*at)->next;
	return at;
}

/* Where there is no memory for it, it stays as it is: slower, but right. */
static void grow(struct root_tree *t)
{
	size_t n = 2 * t->n_buckets, more = t->n_buckets * sizeof(*t->buckets);
	struct entry **buckets, *e, *next, **to;

	if (more > t->limit - t->memory)
		return;
	buckets = calloc(n, sizeof(*buckets));
	if (!buckets)
		return;
	for (size_t i = 0; i < t->n_buckets; i++)
		for (e = t->buckets[i]; e; e = next) {
			next = e->next;
			to = &buckets[hash(e->parent, e->name, e->length) & (n - 1)];
			e->next = *to;
			*to = e;
		}
	free(t->buckets);
	t->buckets = buckets;
	t->n_buckets = n;
	t->memory += more;
}

/* The name must not be there. NULL: there is no memory. */
static struct entry *insert(struct root_tree *t, struct entry *parent, const char *name,
			    enum member_type type)
{
	size_t length = strlen(name), above = parent->is.directory.path_length;
	struct entry *e = take(t, entry_size(length)), **at;

	if (!e)
		return NULL;
	if (t->n >= t->n_buckets)
		grow(t);
	*e = (struct entry){ .parent = parent, .type = (uint8_t)type, .length = (uint8_t)length };
	memcpy(e->name, name, length);
	if (type == MEMBER_DIRECTORY)
		e->is.directory.path_length = (uint16_t)(above + (above > 0) + length);
	at = find(t, parent, name);
	*at = e;
	parent->is.directory.names++;
	t->n++;
	return e;
}

static void unlink_entry(struct root_tree *t, struct entry **at)
{
	struct entry *e = *at;

	*at = e->next;
	e->parent->is.directory.names--;
	t->n--;
	if (e->type == MEMBER_SYMLINK)
		drop_link(t, e->is.link);
	give_back(t, e, entry_size(e->length));
}

/* ---- where a path leads ---- */

struct walk {
	struct pathwalk path; /* first */
	struct root_tree *t;
	struct entry *at; /* where it stands */
	bool make;        /* directories that are missing */
};

static int go_up(struct pathwalk *path)
{
	struct walk *w = (struct walk *)path;

	if (w->at->parent)
		w->at = w->at->parent;
	return 0;
}

static int enter(struct pathwalk *path, const char *name)
{
	struct walk *w = (struct walk *)path;
	struct entry *e = *find(w->t, w->at, name);
	int r;

	if (!e) {
		e = w->make ? insert(w->t, w->at, name, MEMBER_DIRECTORY) : NULL;
		if (!e)
			return w->make ? -ENOMEM : -ENOENT;
	}
	if (e->type == MEMBER_DIRECTORY) {
		w->at = e;
		return e->is.directory.path_length < PATH_MAX ? 0 : -ENAMETOOLONG;
	}
	if (e->type != MEMBER_SYMLINK)
		return -ENOTDIR;
	r = pathwalk_follow(path, e->is.link->text, e->is.link->length);
	if (r == 0 && e->is.link->text[0] == '/')
		w->at = &w->t->root;
	return r;
}

/* The directory that holds the last component of path, which goes to name; see inroot_open_parent. */
static int find_parent(struct root_tree *t, const char *path, bool make, struct entry **ret,
		       char name[NAME_MAX + 1])
{
	struct walk w;
	int r = pathwalk_start(&w.path, path);

	w.path.up = go_up;
	w.path.enter = enter;
	w.t = t;
	w.at = &t->root;
	w.make = make;
	if (r == 0)
		r = pathwalk_to_last(&w.path, name);
	if (r == 0)
		*ret = w.at;
	return r;
}

/* ---- members ---- */

static bool is_same_inode(const struct entry *a, const struct entry *b)
{
	if (a->type != b->type || a->type == MEMBER_DIRECTORY)
		return a == b;
	return a->type == MEMBER_SYMLINK ? a->is.link == b->is.link : a->is.inode == b->is.inode;
}

static int create_hardlink(struct root_tree *t, const struct member *m, struct entry *parent,
			   const char *name)
{
	struct entry *directory, *target, *there, *e;
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
		return is_same_inode(there, target) ? 0 : -EEXIST;
	if (target->type == MEMBER_DIRECTORY)
		return -EPERM;
	e = insert(t, parent, name, target->type);
	if (!e)
		return -ENOMEM;
	e->is = target->is;
	if (e->type == MEMBER_SYMLINK)
		e->is.link->names++;
	return 0;
}

static int create_symlink(struct root_tree *t, const char *text, struct entry *parent,
			  const char *name)
{
	size_t length = strlen(text);
	struct link_text *link;
	struct entry *e;

	if (length == 0)
		return -ENOENT;
	if (length >= PATH_MAX)
		return -ENAMETOOLONG;
	if (*find(t, parent, name))
		return -EEXIST;
	link = take(t, sizeof(*link) + length);
	e = link ? insert(t, parent, name, MEMBER_SYMLINK) : NULL;
	if (!e) {
		if (link)
			give_back(t, link, sizeof(*link) + length);
		return -ENOMEM;
	}
	link->names = 1;
	link->length = (uint32_t)length;
	memcpy(link->text, text, length);
	e->is.link = link;
	return 0;
}

static int create(struct root_tree *t, const struct member *m, struct entry *parent,
		  const char *name)
{
	struct entry *e;

	if (m->type == MEMBER_HARDLINK)
		return create_hardlink(t, m, parent, name);
	if (m->type == MEMBER_SYMLINK)
		return create_symlink(t, m->target, parent, name);
	if (*find(t, parent, name))
		return -EEXIST;
	e = insert(t, parent, name, m->type);
	if (!e)
		return -ENOMEM;
	if (m->type != MEMBER_DIRECTORY)
		e->is.inode = t->inodes++;
	return 0;
}

/* As tree.c: a directory that is there already stays, of others a later member of the same name wins. */
static int create_replacing(struct root_tree *t, const struct member *m, struct entry *parent,
			    const char *name)
{
	int r = create(t, m, parent, name);
	struct entry **there;

	if (r != -EEXIST)
		return r;
	there = find(t, parent, name);
	if ((*there)->type == MEMBER_DIRECTORY) {
		if (m->type == MEMBER_DIRECTORY)
			return 0;
		if ((*there)->is.directory.names > 0)
			return -ENOTEMPTY;
	}
	unlink_entry(t, there);
	return create(t, m, parent, name);
}

static int fail_memory(const struct member *m, struct fail *f)
{
	return fail_set(f, ENOMEM, m->path, "Free memory, or pack a root with fewer names.",
			"there is no memory for the names of the root");
}

int root_tree_add(struct root_tree *t, const struct member *m, struct fail *f)
{
	char name[NAME_MAX + 1];
	struct entry *parent;
	int r;

	if (inroot_path_leaves(m->path))
		return tree_fail_leaves(f, m);
	r = find_parent(t, m->path, true, &parent, name);
	if (r < 0)
		return r == -ENOMEM ? fail_memory(m, f) : tree_fail_parent(f, m, r);
	if (!*name)
		return m->type == MEMBER_DIRECTORY ? 0 : tree_fail_root(f, m);
	r = create_replacing(t, m, parent, name);
	if (r < 0)
		return r == -ENOMEM ? fail_memory(m, f) : tree_fail_create(f, m, r);
	return 0;
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

bool root_tree_find(const struct root_tree *t, const char *path, enum member_type *ret)
{
	const struct entry *e = &t->root;
	char name[NAME_MAX + 1];

	while (e && *path) {
		size_t length = strcspn(path, "/");

		if (length > NAME_MAX)
			return false;
		memcpy(name, path, length);
		name[length] = '\0';
		e = *find(t, e, name);
		path += length + (path[length] == '/');
	}
	if (e)
		*ret = (enum member_type)e->type;
	return e;
}
