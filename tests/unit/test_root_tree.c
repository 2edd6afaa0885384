/*
 * The tree in memory says of each member what the one on a file system says, and has the same names in the end:
 * sequences of members, drawn from few names so that they meet, go to both; also in layers, with whiteouts.
 */
#include "tree/root_tree.h"

#include <errno.h>
#include <limits.h>

#include "scratch.h"
#include "base/inroot.h"
#include "tap.h"
#include "tree/layer_names.h"
#include "tree/tree.h"
#include "tree/whiteout.h"

static uint32_t seed;

static uint32_t draw(uint32_t n)
{
	seed ^= seed << 13;
	seed ^= seed >> 17;
	seed ^= seed << 5;
	return seed % n;
}

/* ---- both trees ---- */

static struct tree *tree;
static struct root_tree *model;
static int parent_fd, root_fd;
static char story[65536]; /* the members of a sequence, one a line */
static unsigned differences, failures, members;
static uint16_t layer; /* 0: the archive below all layers */

static void begin(void)
{
	must(mkdirat(parent_fd, "root", 0755));
	root_fd = must(openat(parent_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	must(tree_new(root_fd, &tree));
	must(root_tree_new(SIZE_MAX, &model));
	*story = '\0';
	layer = 0;
}

static void begin_layer(void)
{
	tree_begin_layer(tree);
	root_tree_set_layer(model, ++layer, ROOT_TREE_OVERLAY);
	root_tree_limit_layers(model);
	strcat(story, "layer\n");
}

static void end(void)
{
	tree_free(tree);
	root_tree_free(model);
	close(root_fd);
	must(fchdir(parent_fd));
	scratch_remove(parent_fd, "root");
}

static void note(const struct member *m)
{
	size_t used = strlen(story);

	snprintf(story + used, sizeof(story) - used, "%c %.300s -> %.300s\n", "fdlhcbp"[m->type],
		 m -> path, m -> target ? m -> target : "");
}

static bool is_same_failure(const struct fail *a, const struct fail *b)
{
	return a->error == b->error && strcmp(a->what, b->what) == 0 &&
	       strcmp(a->why, b->why) == 0 && strcmp(a->todo, b->todo) == 0;
}

static int add_to_model(const struct member *m, struct fail *f)
{
	int r = layer && !inroot_path_leaves(m->path) ? whiteout_apply(model, m->path, f) : 1;

	return r > 0 ? root_tree_add(model, m, f) : r;
}

/* Adds m to both; what they say must be the same. Returns it. */
static int add(const struct member *m)
{
	struct fail want = { 0 }, have = { 0 };
	struct tree_file *file;
	int r = tree_add(tree, m, &file, &want), s = add_to_model(m, &have);

	if (file)
		must(tree_file_release(file, true, &(struct fail){ 0 }));
	note(m);
	members++;
	failures += r < 0;
	if (r != s || (r < 0 && !is_same_failure(&have, &want))) {
		if (differences++ < 3)
			diag("tree: %d %s: %s (%s)\nmodel: %d %s: %s (%s)\n%s", r, want.what,
			     want.why, want.todo, s, have.what, have.why, have.todo, story);
	}
	return s;
}

static enum member_type type_of(const struct stat *st)
{
	enum member_type type = MEMBER_HARDLINK;

	(void)member_type_of_mode(st->st_mode, &type);
	return type;
}

/* Counts the names in a directory; each is in the model, with its type. */
static size_t compare_names(int dir_fd, const char *above, bool *same)
{
	DIR *dir = fdopendir(must(openat(dir_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC)));
	char path[2 * PATH_MAX];
	struct root_name *found;
	struct dirent *e;
	struct stat st;
	size_t n = 0;
	int fd;

	while (dir && (e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n++;
		snprintf(path, sizeof(path), "%s%s", above, e->d_name);
		must(fstatat(dir_fd, e->d_name, &st, AT_SYMLINK_NOFOLLOW));
		*same = *same && root_tree_find(model, path, false, &found) == 0 &&
			found->type == type_of(&st);
		if (!S_ISDIR(st.st_mode))
			continue;
		fd = must(openat(dir_fd, e->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
		strcat(path, "/");
		n += compare_names(fd, path, same);
		close(fd);
	}
	closedir(dir);
	return n;
}

static bool is_same_list(void)
{
	bool same = true;
	size_t n = compare_names(root_fd, "", &same);

	return same && n == root_tree_names(model);
}

/* ---- sequences ---- */

static const char *const pieces[] = { "a", "b", "c", "d", "a", "b", "..", ".", "" };

static void draw_path(char path[512])
{
	size_t used = 0;
	uint32_t n = 1 + draw(4);

	path[0] = '\0';
	if (draw(8) == 0)
		used += (size_t)sprintf(path, "%s", draw(2) ? "/" : "./");
	for (uint32_t i = 0; i < n; i++)
		used += (size_t)sprintf(path + used, "%s%s", i ? "/" : "",
					pieces[draw(draw(3) ? 4 : ARRAY_SIZE(pieces))]);
	if (draw(10) == 0)
		strcat(path, "/");
	if (draw(300) == 0) {
		used = strlen(path);
		path[used++] = '/';
		memset(path + used, 'n', 256);
		path[used + 255 + draw(2)] = '\0';
	}
}

/* Into one that deletes, mostly. */
static void make_whiteout(char path[512])
{
	static const char *const names[] = { ".wh.a",        ".wh.b",        ".wh.c",
					     ".wh..wh..opq", ".wh..wh..opq", ".wh.",
					     ".wh..",        ".wh..wh.plnk", ".wh.a/b" };
	size_t used = strlen(path);

	if (used > 200)
		return;
	sprintf(path + used, "%s%s", draw(4) ? "/" : "",
		names[draw(draw(4) ? 5 : ARRAY_SIZE(names))]);
	if (draw(4) == 0)
		memmove(path, path + used + (path[used] == '/'), strlen(path + used) + 1);
}

static void draw_member(void)
{
	static const enum member_type types[] = {
		MEMBER_FILE,    MEMBER_FILE,     MEMBER_DIRECTORY, MEMBER_DIRECTORY, MEMBER_SYMLINK,
		MEMBER_SYMLINK, MEMBER_HARDLINK, MEMBER_HARDLINK,  MEMBER_FIFO,
	};
	char path[512], target[512];
	struct member m = { .type = types[draw(ARRAY_SIZE(types))],
			    .path = path,
			    .target = target,
			    .mode = 0755,
			    .uid = geteuid(),
			    .gid = getegid() };

	draw_path(path);
	draw_path(target);
	if (layer && draw(4) == 0)
		make_whiteout(path);
	(void)add(&m);
}

static void test_sequences(void)
{
	unsigned n = SANITIZED ? 2000 : 4000, lists = 0;

	for (unsigned i = 1; i <= n; i++) {
		seed = i * 2654435761U;
		begin();
		for (uint32_t k = 5 + draw(30); k > 0; k--)
			draw_member();
		if (!is_same_list() && lists++ < 3)
			diag("other names after\n%s", story);
		end();
	}
	is_int(differences, 0, "%u sequences: the same is said of each member", n);
	is_int(lists, 0, "the same names are there in the end");
	ok(failures > members / 10 && failures < members * 9 / 10, "%u of %u members failed",
	   failures, members);
}

static void test_layered_sequences(void)
{
	unsigned n = SANITIZED ? 3000 : 6000, lists = 0;

	differences = 0;
	for (unsigned i = 1; i <= n; i++) {
		seed = i * 2654435761U + 1;
		begin();
		for (uint32_t k = 5 + draw(20); k > 0; k--)
			draw_member();
		for (uint32_t layers = 1 + draw(3); layers > 0; layers--) {
			begin_layer();
			for (uint32_t k = 1 + draw(20); k > 0; k--)
				draw_member();
		}
		if (!is_same_list() && lists++ < 3)
			diag("other names after\n%s", story);
		must(tree_finish(tree, &(struct fail){ 0 }));
		end();
	}
	is_int(differences, 0, "%u sequences in layers: the same is said of each member", n);
	is_int(lists, 0, "the same names are there in the end");
}

/* ---- bounds ---- */

static int add_one(enum member_type type, const char *path, const char *target)
{
	return add(&(struct member){ .type = type,
				     .path = path,
				     .target = target,
				     .mode = 0755,
				     .uid = geteuid(),
				     .gid = getegid() });
}

/* n times piece, with slashes between. */
static char *repeat(const char *piece, size_t n)
{
	char *path = calloc(n, strlen(piece) + 1), *to = path;

	for (size_t i = 0; path && i < n; i++)
		to += sprintf(to, "%s%s", i ? "/" : "", piece);
	return path;
}

/* Names that lie in each other, all called a. */
static size_t count_depth(void)
{
	int fd = must(dup(root_fd)), below;
	struct stat st;
	size_t n = 0;

	while (fd >= 0 && fstatat(fd, "a", &st, AT_SYMLINK_NOFOLLOW) == 0) {
		below = openat(fd, "a", O_PATH | O_DIRECTORY | O_CLOEXEC);
		close(fd);
		fd = below;
		n++;
	}
	if (fd >= 0)
		close(fd);
	return n;
}

static void test_long_paths(void)
{
	static const struct {
		const char *piece;
		size_t n;
		int want;
		size_t names;
	} paths[] = {
		{ "a", 33, 0, 33 },
		{ "a", 2048, 0, 2048 },
		{ "a", 2049, 0, 2049 },
		{ "a", 2050, -ENAMETOOLONG, 2049 },
		{ "./a", 2000, 0, 2000 },
		{ "a/..", 1500, -EISDIR, 1 },
		{ "a/..", 1638, -EISDIR, 1 },
		{ "a/..", 1639, -ENAMETOOLONG, 0 }, /* longer than two paths */
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		char *path = repeat(paths[i].piece, paths[i].n);

		begin();
		is_int(add_one(MEMBER_FIFO, path, NULL), paths[i].want, "%s, %zu times",
		       paths[i].piece, paths[i].n);
		is_int((long long)root_tree_names(model), (long long)paths[i].names, "its names");
		is_int((long long)count_depth(), (long long)paths[i].names, "and on the disk");
		free(path);
		end();
	}
}

static void test_bounds(void)
{
	char link[PATH_MAX + 1], name[NAME_MAX + 2];

	begin();
	memset(link, 'l', sizeof(link));
	link[PATH_MAX] = '\0';
	is_int(add_one(MEMBER_SYMLINK, "long", link), -ENAMETOOLONG, "a link of 4096 bytes");
	link[PATH_MAX - 1] = '\0';
	is_int(add_one(MEMBER_SYMLINK, "long", link), 0, "a link of 4095 bytes");
	memset(name, 'n', sizeof(name));
	name[NAME_MAX + 1] = '\0';
	is_int(add_one(MEMBER_FILE, name, NULL), -ENAMETOOLONG, "a name of 256 bytes");
	name[NAME_MAX] = '\0';
	is_int(add_one(MEMBER_FILE, name, NULL), 0, "a name of 255 bytes");
	for (int i = 0; i < 41; i++) {
		char target[8] = "/";

		sprintf(name, "l%d", i);
		if (i > 0)
			sprintf(target, "l%d", i - 1);
		add_one(MEMBER_SYMLINK, name, target);
	}
	is_int(add_one(MEMBER_FILE, "l39/x", NULL), 0, "through 40 links");
	is_int(add_one(MEMBER_FILE, "l40/x", NULL), -ELOOP, "through 41 links");
	ok(is_same_list(), "the same names");
	is_int(differences, 0, "in all of these the same is said");
	end();
}

/* A layer deletes 256 levels of directories, and no more. */
static void test_deep_deletions(void)
{
	static const struct {
		const char *path;
		enum member_type type;
		unsigned levels;
		int want;
	} cases[] = {
		{ ".wh.d", MEMBER_FILE, 256, 0 },
		{ ".wh.d", MEMBER_FILE, 257, -ELOOP },
		{ "d", MEMBER_FILE, 256, 0 },
		{ "d", MEMBER_FIFO, 257, -ELOOP },
		{ ".wh..wh..opq", MEMBER_FILE, 256, 0 },
		{ ".wh..wh..opq", MEMBER_FILE, 257, -ELOOP },
		{ "d/.wh..wh..opq", MEMBER_FILE, 257, 0 },
		{ "d/.wh..wh..opq", MEMBER_FILE, 258, -ELOOP },
	};
	unsigned before = differences;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char *deep = repeat("d", cases[i].levels);

		begin();
		is_int(add_one(MEMBER_DIRECTORY, deep, NULL), 0, "%u levels", cases[i].levels);
		begin_layer();
		is_int(add_one(cases[i].type, cases[i].path, NULL), cases[i].want, "%s",
		       cases[i].path);
		free(deep);
		end();
	}
	is_int(differences, before, "both say the same");
}

/* A whiteout's own name is longer than the one that it deletes. */
static void test_long_whiteouts(void)
{
	char name[NAME_MAX + 2], path[NAME_MAX + 16];
	unsigned before = differences;

	for (size_t length = NAME_MAX - 4; length <= NAME_MAX + 1; length++) {
		begin();
		memset(name, 'n', length);
		name[length] = '\0';
		(void)add_one(MEMBER_FILE, name, NULL);
		sprintf(path, "d/%s", name);
		(void)add_one(MEMBER_FILE, path, NULL);
		begin_layer();
		sprintf(path, ".wh.%s", name);
		is_int(add_one(MEMBER_FILE, path, NULL), 0, "a whiteout of %zu bytes",
		       strlen(path));
		ok(faccessat(root_fd, name, F_OK, AT_SYMLINK_NOFOLLOW) < 0, "deletes that name");
		sprintf(path, "d/.wh.%s/", name);
		is_int(add_one(MEMBER_FILE, path, NULL), 0, "one in a directory");
		sprintf(path, "d/%s", name);
		ok(faccessat(root_fd, path, F_OK, AT_SYMLINK_NOFOLLOW) < 0, "too");
		ok(is_same_list(), "the same names are there");
		end();
	}
	is_int(differences, before, "both say the same");
}

static void test_many_names(void)
{
	struct member m = { .type = MEMBER_FILE };
	struct fail f = { 0 };
	char path[16];
	unsigned n = 0;
	int r = 0;

	must(root_tree_new(SIZE_MAX, &model));
	root_tree_set_layer(model, 1, ROOT_TREE_OVERLAY);
	m.path = path;
	for (; r == 0 && n < 600000; n++) {
		sprintf(path, "%u", n);
		r = root_tree_add(model, &m, &f);
	}
	is_int(r, 0, "without limits a layer has any number of names");
	root_tree_set_layer(model, 2, ROOT_TREE_OVERLAY);
	root_tree_limit_layers(model);
	for (n = 0; r == 0 && n < 600000; n++) {
		sprintf(path, "%u", n);
		r = root_tree_add(model, &m, &f);
	}
	is_int(r, -E2BIG, "with them it has not");
	is_int(n, LAYER_NAMES_MAX + 1, "but as many as init takes");
	is_str(f.why, "it is one name more than the 524288 that a layer can have", "it says why");
	root_tree_free(model);
}

/* ---- what it takes ---- */

static void test_memory(void)
{
	struct member m = { .type = MEMBER_FILE };
	struct fail f = { 0 };
	char path[64];
	unsigned n = 0;
	int r = 0;

	must(root_tree_new(1 << 20, &model));
	for (; r == 0 && n < 100000; n++) {
		sprintf(path, "directory/file-%u", n);
		m.path = path;
		r = root_tree_add(model, &m, &f);
	}
	is_int(r, -ENOMEM, "more names than it may take");
	is_str(f.why, "there is no memory for the names of the root", "are refused");
	is_str(f.todo, "Free memory, or pack a root with fewer names.",
	       "and it is told what to do");
	ok(root_tree_memory(model) <= 1 << 20 && n > 10000, "%u names in %zu bytes", n,
	   root_tree_memory(model));
	root_tree_free(model);

	must(root_tree_new(SIZE_MAX, &model));
	for (n = 0, r = 0; r == 0 && n < 100000; n++) {
		m.type = n % 3 ? MEMBER_SYMLINK : MEMBER_FILE;
		m.path = "a/name";
		m.target = "target";
		r = root_tree_add(model, &m, &f);
	}
	is_int(r, 0, "the same name again and again");
	ok(root_tree_memory(model) < 16384 && root_tree_names(model) == 2, "takes no more: %zu",
	   root_tree_memory(model));
	root_tree_free(model);
}

/* ---- layers ---- */

static struct root_name *put(enum member_type type, const char *path, const char *target)
{
	struct member m = { .type = type, .path = path, .target = target };
	struct root_name *n = NULL;
	struct fail f = { 0 };
	bool is_new;

	return root_tree_put(model, &m, &n, &is_new, &f) < 0 ? NULL : n;
}

static struct root_name *at(const char *path)
{
	struct root_name *n;

	return root_tree_find(model, path, false, &n) < 0 ? NULL : n;
}

static unsigned gone;

static void count_gone(void *arg, const struct root_name *n)
{
	char path[2 * PATH_MAX];

	gone++;
	strcat(arg, root_name_path(n, path) ? path : "/");
	strcat(arg, " ");
}

/* The names in order, those of a directory behind it. */
static void list(char *ret)
{
	struct root_name *n = root_tree_root(model);
	char path[2 * PATH_MAX];

	*ret = '\0';
	while ((n = root_tree_next(root_tree_root(model), n))) {
		root_name_path(n, path);
		strcat(strcat(ret, path), " ");
	}
}

static void test_layers(void)
{
	char went[512] = "", names[512];
	struct root_name *old, *n;

	must(root_tree_new(SIZE_MAX, &model));
	root_tree_watch(model, count_gone, went);
	root_tree_set_layer(model, 1, ROOT_TREE_LAYER);
	put(MEMBER_DIRECTORY, "d", NULL);
	put(MEMBER_FILE, "d/x", NULL);
	put(MEMBER_FILE, "a", NULL);
	old = put(MEMBER_HARDLINK, "h", "a");
	put(MEMBER_SYMLINK, "l", "d");
	is_int(old->inode, at("a")->inode, "a hard link has the number of its file");

	root_tree_set_layer(model, 2, ROOT_TREE_LAYER);
	n = put(MEMBER_FILE, "a", NULL);
	ok(n->inode != old->inode && at("h") == old,
	   "what a layer replaces stays under its other name");
	ok(put(MEMBER_FILE, "l/y", NULL) == at("d/y"), "a file through a link");
	root_tree_remove(model, at("d"), true);
	ok(!at("d/x") && at("d/y") && at("d"), "an opaque directory keeps what its layer has");
	root_tree_remove(model, at("d"), false);
	ok(at("d") && at("d/y"), "so does a deleted one");
	root_tree_remove(model, at("h"), false);
	ok(!at("h"), "a deleted file is gone");
	is_str(went, "a d/x h ", "it was told of all that went");
	ok(put(MEMBER_FILE, "d", NULL) && !at("d/y"), "a file takes the place of a full directory");
	ok(put(MEMBER_DIRECTORY, "l", NULL)->type == MEMBER_DIRECTORY && at("l")->layer == 2,
	   "a directory takes the place of a link");
	is_int(gone, 6, "and what it went for");

	root_tree_set_layer(model, 3, ROOT_TREE_OVERLAY);
	put(MEMBER_SYMLINK, "m", "l");
	put(MEMBER_SYMLINK, "to-file", "a");
	ok(put(MEMBER_DIRECTORY, "m", NULL) == at("l"),
	   "in an overlay it may mean where the link leads");
	ok(put(MEMBER_DIRECTORY, "to-file", NULL) == at("to-file"), "unless that is a file");
	list(names);
	is_int((long long)root_tree_names(model), 5, "the names that are left: %s", names);

	at("l")->mark = 1;
	put(MEMBER_FILE, "l/kept", NULL);
	ok(root_tree_find_packed(model, "l", false, &n) == -ENOENT, "what is marked is not found");
	is_int(root_tree_find_packed(model, "m/kept", true, &n), 0, "what lies in it is");
	at("m")->mark = 1;
	is_int(root_tree_find_packed(model, "m/kept", true, &n), -ENOENT,
	       "but not by a marked link");
	is_int(root_tree_find(model, "a/", false, &n), -ENOTDIR, "a file is no directory");
	root_tree_free(model);
}

int main(void)
{
	scratch_in_memory();
	umask(022);
	parent_fd = scratch_dir("both");
	test_sequences();
	test_layered_sequences();
	test_long_paths();
	test_bounds();
	test_deep_deletions();
	test_long_whiteouts();
	test_many_names();
	test_memory();
	test_layers();
	return done_testing();
}
