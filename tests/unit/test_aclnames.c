/* ACLs that name users: kept, looked up in the root's own files, never taken from an archive as such. */
#include "tar/aclnames.h"

#include <errno.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "tar/member.h"
#include "scratch.h"
#include "tap.h"
#include "tar_bytes.h"
#include "tar/tar_read.h"
#include "tar/tar_write.h"
#include "tree/tree.h"

#define USER 0x02
#define GROUP 0x08

static void test_list(void)
{
	static const struct acl_named list[] = {
		{ { 0x01, 7, ACL_UNDEFINED_ID }, "" },
		{ { USER, 6, ACL_UNDEFINED_ID }, "joe" },
		{ { GROUP, 4, ACL_UNDEFINED_ID }, "\xff group with blanks" },
		{ { USER, 5, 1000 }, "" },
	};
	struct xattrs x = { 0 };
	struct acl_named back;
	size_t cursor = 0, at = 0, size = 0, n = 0;
	const char *key = NULL;
	const void *value = NULL;

	is_int(aclnames_add(&x, ACL_XATTR_DEFAULT, list, ARRAY_SIZE(list)), 0,
	       "a named ACL is kept");
	xattrs_next(&x, &cursor, &key, &value, &size);
	is_str(aclnames_meant(key), ACL_XATTR_DEFAULT, "for the attribute that is meant");
	while (n < ARRAY_SIZE(list) && aclnames_next(value, size, &at, &back)) {
		ok(memcmp(&back.entry, &list[n].entry, sizeof(back.entry)) == 0 &&
			   strcmp(back.name, list[n].name) == 0,
		   "entry %zu is the same", n);
		n++;
	}
	is_int((long long)n, ARRAY_SIZE(list), "all entries");
	ok(!aclnames_next(value, size, &at, &back), "and no more");
	ok(!aclnames_meant(ACL_XATTR_ACCESS) && !aclnames_meant("user.x") && !aclnames_meant(""),
	   "other attributes are none of these");
	xattrs_free(&x);
}

/* ---- looking up ---- */

static int make_root(void)
{
	int root = scratch_dir("root");

	must(mkdirat(root, "etc", 0755));
	must(mkdirat(root, "usr", 0755));
	put_file(root, "etc/passwd",
		 "root:x:0:0:root:/root:/bin/sh\n"
		 "# joe:x:666:666:\n"
		 "joe2:x:1002:1002::/:/bin/sh\n"
		 "joe:x:1001:1001:Joe:/home/joe:/bin/sh\n"
		 "joe:x:1003:1003:again:/:/bin/sh\n"
		 "short\n"
		 "shorter:\n"
		 "noid:x\n"
		 "letters:x:abc:1::/:\n"
		 "negative:x:-5:1::/:\n"
		 "large:x:4294967294:1::/:\n"
		 "toolarge:x:4294967296:1::/:\n"
		 "empty:x::1::/:\n"
		 "last:x:77:1",
		 0644);
	put_file(root, "usr/group", "wheel:x:10:joe,last\nstaff:*:50:\n", 0644);
	must(symlinkat("/usr/group", root, "etc/group"));
	return root;
}

static const struct {
	uint16_t tag;
	const char *name;
	int r;
	uint32_t id;
} lookups[] = {
	{ USER, "root", 0, 0 },           { USER, "joe", 0, 1001 },
	{ USER, "joe2", 0, 1002 },        { USER, "large", 0, 4294967294U },
	{ USER, "last", 0, 77 },          { GROUP, "wheel", 0, 10 },
	{ GROUP, "staff", 0, 50 },        { USER, "jo", -ENOENT, 0 },
	{ USER, "wheel", -ENOENT, 0 },    { GROUP, "joe", -ENOENT, 0 },
	{ USER, "# joe", 0, 666 }, /* as getpwnam would */
	{ USER, "short", -ENOENT, 0 },    { USER, "shorter", -ENOENT, 0 },
	{ USER, "noid", -ENOENT, 0 },     { USER, "letters", -ENOENT, 0 },
	{ USER, "empty", -ENOENT, 0 },    { USER, "negative", -ENOENT, 0 },
	{ USER, "toolarge", -ENOENT, 0 },
};

/* Resolves an ACL with this one name; the id that came out. */
static int look_up(int root, uint16_t tag, const char *name, uint32_t *ret_id)
{
	const struct acl_named list[] = { { { 0x01, 7, ACL_UNDEFINED_ID }, "" },
					  { { tag, 6, ACL_UNDEFINED_ID }, name } };
	struct xattrs named = { 0 }, x = { 0 };
	struct acl_entry entries[4];
	size_t cursor = 0, size = 0;
	const char *key;
	const void *value;
	int r;

	aclnames_add(&named, ACL_XATTR_ACCESS, list, 2);
	xattrs_next(&named, &cursor, &key, &value, &size);
	r = aclnames_resolve(root, aclnames_meant(key), value, size, &x);
	cursor = 0;
	if (r == 0 && xattrs_next(&x, &cursor, &key, &value, &size) &&
	    acl_parse(value, size, entries, 4) == 2 && strcmp(key, ACL_XATTR_ACCESS) == 0)
		*ret_id = entries[1].id;
	xattrs_free(&named);
	xattrs_free(&x);
	return r;
}

static void test_lookups(int root)
{
	int before = count_descriptors();

	for (size_t i = 0; i < ARRAY_SIZE(lookups); i++) {
		uint32_t id = 4711;

		is_int(look_up(root, lookups[i].tag, lookups[i].name, &id), lookups[i].r, "%s %s",
		       lookups[i].tag == USER ? "user" : "group", lookups[i].name);
		if (lookups[i].r == 0)
			is_int(id, lookups[i].id, "is number %lu", (unsigned long)lookups[i].id);
	}
	is_int(count_descriptors(), before, "no descriptor is left open");
}

/* Opened without care it waits for a writer, for ever; in a child with an alarm, then. */
static void test_fifo(int root)
{
	uint32_t id;
	int status;
	pid_t pid;

	must(mkfifoat(root, "etc/group", 0644));
	pid = must(fork());
	if (pid == 0) {
		alarm(20);
		_exit(look_up(root, GROUP, "joe", &id) < 0 ? 0 : 1);
	}
	waitpid(pid, &status, 0);
	ok(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a fifo for etc/group is no trap");
}

/* One without a driver: whoever opens it gets another error. */
static void test_device(int root)
{
	uint32_t id;

	must(unlinkat(root, "etc/group", 0));
	if (mknodat(root, "etc/group", S_IFCHR | 0644, 0) < 0)
		skip(1, "cannot make a device here");
	else
		is_int(look_up(root, GROUP, "joe", &id), -ENOENT,
		       "a device for etc/group is not opened");
}

static void test_no_files(void)
{
	int root = scratch_dir("empty");
	uint32_t id;

	is_int(look_up(root, USER, "joe", &id), -ENOENT, "a root without etc/passwd");
	must(mkdirat(root, "etc", 0755));
	must(mkdirat(root, "etc/passwd", 0755));
	ok(look_up(root, USER, "joe", &id) < 0, "a directory for etc/passwd");
	test_fifo(root);
	test_device(root);
	close(root);
}

/* ---- what an archive may say ---- */

/* The names under which these ACLs wait are tarboot's own. An archive that brings such a name must
 * not get its bytes taken for entries. */
/* An archive of one file that has a record with this key. */
static void make_hostile(const char *key, struct bytes *ret)
{
	static const char prefix[] = "SCHILY.xattr.";
	struct member m = { .type = MEMBER_FILE, .path = "f" };
	struct tar_writer *w;
	char name[64] = "";
	char written[128];
	struct fail f;

	memset(name, 'p', strlen(key) - strlen(prefix));
	memcpy(name, "user.", strlen("user."));
	snprintf(written, sizeof(written), "%s%s", prefix, name);
	must(xattrs_add(&m.xattrs, name, "eHg", 3));
	must(tar_writer_open(bytes_sink, ret, &w));
	must(tar_writer_add(w, &m, NULL, 0, &f));
	must(tar_writer_finish(w, &f));
	tar_writer_free(w);
	member_free(&m);
	bytes_patch(ret, written, key);
}

static void test_hostile(void)
{
	static const char *const keys[] = { "SCHILY.xattr.tarboot.named.system.posix_acl_access",
					    "SCHILY.xattr.tarboot.named.user.x",
					    "SCHILY.xattr.tarboot.named.",
					    "SCHILY.xattr.%74arboot%2enamed.user.x",
					    "LIBARCHIVE.xattr.tarboot.named.user.x",
					    "LIBARCHIVE.xattr.%74arboot%2enamed.user.x" };

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		struct bytes archive = { 0 };
		struct bytes_source source = { .step = SIZE_MAX };
		size_t cursor = 0, size;
		struct tar_reader *t;
		bool taken = false;
		const void *value;
		const char *key;
		struct member m;
		struct fail f;

		make_hostile(keys[i], &archive);
		source.at = archive.data;
		source.left = archive.size;
		must(tar_reader_open(bytes_source, &source, "archive", TAR_MEMORY_MAX, &t, &f));
		if (is_int(tar_reader_next(t, &m, &f), 1, "an archive with %s", keys[i])) {
			while (xattrs_next(&m.xattrs, &cursor, &key, &value, &size))
				taken = taken || aclnames_meant(key);
			member_free(&m);
		}
		ok(!taken, "its attribute is not taken for ours");
		tar_reader_close(t);
		bytes_free(&archive);
	}
}

/* ---- in a tree ---- */

static int add_member(struct tree *t, struct member m, const char *user, struct fail *f)
{
	const struct acl_named list[] = { { { 0x01, 6, ACL_UNDEFINED_ID }, "" },
					  { { USER, 4, ACL_UNDEFINED_ID }, user },
					  { { 0x04, 0, ACL_UNDEFINED_ID }, "" },
					  { { 0x10, 4, ACL_UNDEFINED_ID }, "" },
					  { { 0x20, 0, ACL_UNDEFINED_ID }, "" } };
	struct tree_file *file;
	int r;

	if (*user)
		aclnames_add(&m.xattrs, ACL_XATTR_ACCESS, list, ARRAY_SIZE(list));
	r = tree_add(t, &m, &file, f);
	if (r == 0 && file)
		r = tree_file_release(file, true, f);
	member_free(&m);
	return r;
}

static int add_file(struct tree *t, const char *path, const char *user)
{
	return add_member(t, (struct member){ .path = path, .mode = 0640, .mtime = { 1, 1 } }, user,
			  &(struct fail){ 0 });
}

static int add_directory(struct tree *t, const char *path, const char *user)
{
	return add_member(t,
			  (struct member){ .type = MEMBER_DIRECTORY,
					   .path = path,
					   .mode = 0750,
					   .mtime = { 1, 1 } },
			  user, &(struct fail){ 0 });
}

static int add_link(struct tree *t, const char *path, const char *target, struct fail *f)
{
	return add_member(t,
			  (struct member){
				  .type = MEMBER_HARDLINK, .path = path, .target = target },
			  "", f);
}

/* The id of the user in path's ACL; -1 = it has none. */
static long long acl_user(int root, const char *path)
{
	_cleanup_close_ int fd = openat(root, path, O_RDONLY | O_CLOEXEC);
	struct acl_entry entries[8];
	char value[256];
	ssize_t n = fgetxattr(fd, ACL_XATTR_ACCESS, value, sizeof(value));

	if (n < 0 || acl_parse(value, (size_t)n, entries, 8) < 5)
		return -1;
	return entries[1].id;
}

static void test_tree(int root)
{
	struct tree_losses losses;
	struct tree *t;
	struct fail f;

	must(tree_new(root, &t));
	is_int(add_file(t, "known", "joe"), 0, "a file with an ACL for joe");
	is_int(add_file(t, "unknown", "nobody-knows"), 0, "one for a user that is not there");
	is_int(add_file(t, "usr/twice", "joe"), 0, "one that comes again");
	is_int(add_file(t, "usr/twice", ""), 0, "without an ACL");
	is_int(add_directory(t, "dir", "nobody-knows"), 0, "a directory that comes again");
	is_int(add_directory(t, "dir", "joe"), 0, "with another ACL");
	is_int(add_directory(t, "plain", "joe"), 0, "and one");
	is_int(add_directory(t, "plain", ""), 0, "without");
	is_int(tree_finish(t, &f), 0, "finished");
	tree_losses(t, &losses);
	if (acl_user(root, "known") < 0 && losses.count == 2) {
		skip(4, "this file system keeps no ACLs");
	} else {
		is_int(acl_user(root, "known"), 1001, "joe is user 1001");
		is_int(acl_user(root, "unknown"), -1, "who is not known gets no ACL");
		ok(losses.count == 0 && losses.unknown == 1 &&
			   strcmp(losses.first_unknown, "unknown") == 0,
		   "which is counted apart from what cannot be stored");
		is_int(acl_user(root, "usr/twice"), -1,
		       "the last member of a name has no ACL of the first");
	}
	tree_free(t);
}

/* The name under which an ACL came is not the last one of its file. */
static void test_links(int root)
{
	struct tree_losses losses;
	struct fail f = { 0 };
	struct tree *t;

	must(mkdirat(root, "links", 0755));
	must(tree_new(root, &t));
	must(add_file(t, "links/a", "joe"));
	is_int(add_link(t, "links/b", "links/a", &f), 0, "a link to a file with an ACL");
	is_int(add_file(t, "links/a", ""), 0, "the file comes again, without");
	must(add_file(t, "links/c", "nobody-knows"));
	must(add_link(t, "links/d", "links/c", &f));
	must(add_file(t, "links/e", "joe"));
	must(add_link(t, "links/f", "links/e", &f));
	must(add_file(t, "links/e", ""));
	must(add_file(t, "links/f", ""));
	is_int(tree_finish(t, &f), 0, "finished");
	tree_losses(t, &losses);
	if (losses.count) {
		skip(5, "this file system keeps no ACLs");
	} else {
		is_int(acl_user(root, "links/b"), 1001, "the link has the ACL");
		is_int(acl_user(root, "links/a"), -1, "what has the first name now has none");
		ok(acl_user(root, "links/e") == -1 && acl_user(root, "links/f") == -1,
		   "what took the place of all names has none");
		is_int((long long)losses.unknown, 1, "a file with two names loses one ACL");
		ok(strcmp(losses.first_unknown, "links/c") == 0 ||
			   strcmp(losses.first_unknown, "links/d") == 0,
		   "which is told by a name that it has");
	}
	tree_free(t);
}

/* A layer deletes the name, puts another file or a directory there, or leaves no way to it. */
static void test_layer_links(int root)
{
	static const char *const names[] = { "replaced", "deleted", "covered", "gone/gone" };
	char path[64], link[64];
	struct tree_losses losses;
	struct fail f = { 0 };
	struct tree *t;

	must(tree_new(root, &t));
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(path, sizeof(path), "layer/%s", names[i]);
		snprintf(link, sizeof(link), "layer/kept%zu", i);
		must(add_file(t, path, "joe"));
		must(add_link(t, link, path, &f));
	}
	must(add_link(t, "layer/gone/last", link, &f));
	tree_begin_layer(t);
	must(add_file(t, "layer/replaced", ""));
	must(add_file(t, "layer/.wh.deleted", ""));
	must(add_directory(t, "layer/covered", ""));
	must(add_member(t,
			(struct member){
				.type = MEMBER_SYMLINK, .path = "layer/gone", .target = "gone" },
			"", &f));
	is_int(tree_finish(t, &f), 0, "finished after a layer");
	tree_losses(t, &losses);
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		snprintf(link, sizeof(link), "layer/kept%zu", i);
		if (losses.count)
			skip(1, "this file system keeps no ACLs");
		else
			is_int(acl_user(root, link), 1001, "another name of what a layer %s",
			       i == 0   ? "replaces"
			       : i == 1 ? "deletes"
			       : i == 2 ? "covers with a directory"
					: "covers with a link to itself");
	}
	tree_free(t);
}

/* A whiteout of a directory in which the layer itself has something. */
static void test_layer_directory(int root)
{
	struct tree_losses losses;
	struct fail f = { 0 };
	struct tree *t;

	must(tree_new(root, &t));
	must(add_directory(t, "layer/stays", "joe"));
	tree_begin_layer(t);
	must(add_file(t, "layer/stays/x", ""));
	must(add_file(t, "layer/.wh.stays", ""));
	must(tree_finish(t, &f));
	tree_losses(t, &losses);
	if (losses.count)
		skip(1, "this file system keeps no ACLs");
	else
		is_int(acl_user(root, "layer/stays"), 1001, "a directory that stays keeps its ACL");
	tree_free(t);
}

/* What waits for the end takes memory until then. */
static void test_too_many(int root)
{
	char path[32], user[2048];
	struct tree *t;
	struct fail f;
	int r = 0, n;

	memset(user, 'u', sizeof(user));
	user[sizeof(user) - 1] = '\0';
	must(tree_new(root, &t));
	for (n = 0; r == 0 && n < 2000; n++) {
		snprintf(path, sizeof(path), "many/%d", n);
		r = add_member(t, (struct member){ .path = path, .mode = 0640 }, user, &f);
	}
	is_int(r, -E2BIG, "too many ACLs with names");
	ok(n > 400 && n < 1000, "of 2 KiB each: %d", n);
	is_str(f.what, path, "it is told where");
	is_str(f.why,
	       "the ACLs with names of users or groups up to here take more than 2.0 MiB of memory",
	       "why");
	is_str(f.todo, "Archive them with numbers: tar --numeric-owner, or `tarboot pack`.",
	       "and what to do");
	tree_free(t);
}

/* Names wait, too, but the ACL itself only once. */
static void test_too_many_links(int root)
{
	char path[192], user[2048], name[150];
	struct fail f = { 0 };
	struct tree *t;
	int r = 0, n;

	memset(user, 'u', sizeof(user));
	user[sizeof(user) - 1] = '\0';
	memset(name, 'n', sizeof(name));
	name[sizeof(name) - 1] = '\0';
	must(tree_new(root, &t));
	must(add_file(t, "other", ""));
	must(add_file(t, "first", user));
	for (n = 0; r == 0 && n < 20000; n++) {
		snprintf(path, sizeof(path), "names/%s%d", name, n);
		must(add_link(t, path, "other", &f));
		snprintf(path, sizeof(path), "names/%s-%d", name, n);
		r = add_link(t, path, "first", &f);
	}
	is_int(r, -E2BIG, "too many links to a file with an ACL");
	ok(n > 11000 && n < 14000, "whose names have 150 bytes: %d", n);
	is_str(f.what, path, "it is told where");
	is_str(f.why,
	       "the ACLs with names of users or groups up to here take more than 2.0 MiB of memory",
	       "and why");
	tree_free(t);
}

int main(void)
{
	int root;

	test_list();
	root = make_root();
	test_lookups(root);
	test_no_files();
	test_hostile();
	test_tree(root);
	test_links(root);
	test_layer_links(root);
	test_layer_directory(root);
	test_too_many(root);
	test_too_many_links(root);
	close(root);
	return done_testing();
}
