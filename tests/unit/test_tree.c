/*
 * Members become files. First stories: which members leave which names behind, written as text. Then
 * what each inode gets: owners, modes, times, attributes, holes. The root lies in a directory beside
 * a secret that no story may touch.
 */
#include "tree/tree.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include "scratch.h"
#include "tree/layer_names.h"
#include "tap.h"
#include "wrap.h"

static int outside_fd, root_fd;
static struct tree *tree;
static struct fail failure;

/* An empty root with a tree to fill. */
static void begin(void)
{
	static unsigned count;
	char name[32];

	snprintf(name, sizeof(name), "tree-%u", count++);
	outside_fd = scratch_dir(name);
	put_file(outside_fd, "secret", "secret", 0644);
	must(mkdirat(outside_fd, "root", 0755));
	root_fd = must(openat(outside_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	must(tree_new(root_fd, &tree));
	failure = (struct fail){ 0 };
}

/* Adds m; data is what a file holds, all of it. */
static int add(const struct member *m, const char *data)
{
	struct tree_file *file;
	int r = tree_add(tree, m, &file, &failure);

	if (r < 0 || !file)
		return r;
	r = data ? tree_file_write(file, data, strlen(data), 0, &failure) : 0;
	if (r < 0)
		tree_file_release(file, false, &(struct fail){ 0 });
	else
		r = tree_file_release(file, true, &failure);
	return r;
}

static int add_must(const struct member *m, const char *data)
{
	int r = add(m, data);

	if (r < 0)
		ok(false, "added %s: %s", m->path, failure.why);
	return r;
}

static int finish(void)
{
	int r = tree_finish(tree, &failure);

	tree_free(tree);
	tree = NULL;
	return r;
}

static void end(void)
{
	close(root_fd);
	close(outside_fd);
}

/* ---- stories ---- */

/*
 * Steps, one a line: f PATH TEXT, d PATH, l PATH TARGET, h PATH TARGET, p PATH (fifo).
 * What is there then: f PATH TEXT, d PATH, l PATH TARGET, p PATH, - PATH (nothing), = PATH PATH
 * (one inode). A step L begins a layer. error: of the last step, which must fail and change nothing of what is told.
 */
static const struct {
	const char *name, *steps;
	int error;
	const char *then;
} stories[] = {
	{ "every type", "d d\nf d/f one\nl l d/f\nh h d/f\np p", 0,
	  "d d\nf d/f one\nl l d/f\n= h d/f\np p" },
	{ "directories without a member", "f a/b/c one\nl x/y/z t", 0,
	  "d a\nd a/b\nf a/b/c one\nl x/y/z t" },
	{ "an empty file", "f a", 0, "f a" },

	/* the same name twice */
	{ "file over file", "f a one\nf a two", 0, "f a two" },
	{ "a shorter file over a longer", "f a longer\nf a x", 0, "f a x" },
	{ "file over a hard-linked file", "f a one\nh b a\nf a two", 0, "f a two\nf b one" },
	{ "file over the other name", "f a one\nh b a\nf b two", 0, "f a one\nf b two" },
	{ "file over symlink to a file", "f t one\nl s t\nf s two", 0, "f s two\nf t one" },
	{ "file over dangling symlink", "l s t\nf s two", 0, "f s two\n- t" },
	{ "file over symlink that leads out", "l s ../secret\nf s two", 0, "f s two" },
	{ "file over fifo", "p a\nf a one", 0, "f a one" },
	{ "file over empty directory", "d a\nf a one", 0, "f a one" },
	{ "file over full directory", "d a\nf a/x one\nf a two", ENOTEMPTY, "f a/x one" },
	{ "symlink over file", "f a one\nl a t", 0, "l a t" },
	{ "symlink over symlink", "l a t\nl a u", 0, "l a u" },
	{ "symlink over empty directory", "d a\nl a t", 0, "l a t" },
	{ "symlink over full directory", "d a\nd a/x\nl a t", ENOTEMPTY, "d a/x" },
	{ "fifo over file", "f a one\np a", 0, "p a" },
	{ "directory over file", "f a one\nd a\nf a/x two", 0, "f a/x two" },
	{ "directory over directory", "d a\nf a/x one\nd a\nf a/y two", 0, "f a/x one\nf a/y two" },
	{ "directory over symlink to a directory", "d r\nl s r\nd s\nf s/x one", 0,
	  "d s\nf s/x one\nd r\n- r/x" },
	{ "directory over dangling symlink", "l s nowhere\nd s\nf s/x one", 0,
	  "f s/x one\n- nowhere" },
	{ "directory over symlink to the root", "l s /\nd s\nf s/x one", 0, "f s/x one\n- x" },

	/* hard links */
	{ "hard link over file", "f a one\nf b two\nh b a", 0, "f b one\n= a b" },
	{ "hard link over empty directory", "f a one\nd b\nh b a", 0, "= a b" },
	{ "hard link to itself", "f a one\nh a a", 0, "f a one" },
	{ "hard link to itself, spelled otherwise", "f a one\nh ./a /a", 0, "f a one" },
	{ "hard link twice", "f a one\nh b a\nh b a\nh a b", 0, "f a one\n= a b" },
	{ "hard link to a hard link", "f a one\nh b a\nh c b", 0, "= a c" },
	{ "hard link to nothing", "h b a", ENOENT, "- b" },
	{ "hard link to nothing, over a file", "f b two\nh b a", ENOENT, "f b two" },
	{ "hard link into nothing", "f a one\nh b x/a", ENOENT, "- b\n- x" },
	{ "hard link to a symlink", "l s nowhere\nh t s", 0, "l t nowhere\n= s t" },
	{ "hard link to a fifo", "p a\nh b a", 0, "= a b" },
	{ "hard link to a directory", "d d\nh b d", EPERM, "d d\n- b" },
	{ "hard link to the root", "h b /", ENOENT, "- b" },
	{ "hard link to an absolute path", "f a one\nh b /a", 0, "= a b" },
	{ "hard link through a symlink", "d usr/lib\nl lib usr/lib\nf lib/x one\nh y lib/x", 0,
	  "= y usr/lib/x" },
	{ "hard link through an absolute symlink", "f u/x one\nl abs /u\nh y abs/x", 0, "= y u/x" },
	{ "hard link that leads out", "f a one\nh b ../secret", EXDEV, "- b" },
	{ "hard link that leads out later", "f a one\nh b a/../../secret", EXDEV, "- b" },
	{ "hard link through a link that leads out", "l up ..\nh b up/secret", ENOENT, "- b" },
	{ "hard link to a file that was replaced", "f a one\nh b a\nf a two\nh c a", 0,
	  "f c two\nf b one\n= a c" },

	/* where names lead */
	{ "absolute paths", "d /d\nf /d/a one\nf //b two", 0, "f d/a one\nf b two" },
	{ "dots in paths", "d ./d\nf ./d/./a one\nf d//b two\nf d/../c three", 0,
	  "f d/a one\nf d/b two\nf c three" },
	{ "slashes at the end", "d d/\nd d/e//\nf d/e/x one", 0, "f d/e/x one" },
	{ "up and out", "f ../x one", EXDEV, "- x" },
	{ "up and out later", "d a\nf a/../../x one", EXDEV, "- x" },
	{ "up and out, absolute", "f /../x one", EXDEV, "- x" },
	{ "the directory above", "d ..", EXDEV, "" },
	{ "a symlink above", "l .. x", EXDEV, "" },
	{ "through lib to usr/lib", "d usr/lib\nl lib usr/lib\nf lib/x one\nd lib/d\nf lib/d/y two",
	  0, "l lib usr/lib\nf usr/lib/x one\nf usr/lib/d/y two" },
	{ "through an absolute link", "d o\nl abs /o\nf abs/x one", 0, "l abs /o\nf o/x one" },
	{ "through a link to what is missing", "l abs /o/p\nf abs/x one", 0, "f o/p/x one" },
	{ "through a link that leads up", "l up ../../..\nf up/x one", 0,
	  "f x one\nl up ../../.." },
	{ "through /etc of the host", "l abs /etc\nf abs/x one", 0, "f etc/x one" },
	{ "through a loop", "l loop loop\nf loop/x one", ELOOP, "l loop loop" },
	{ "through a file", "f a one\nf a/x two", ENOTDIR, "f a one" },
	{ "through a fifo", "p a\nf a/x two", ENOTDIR, "p a" },
	{ "an empty name", "f ", EISDIR, "" },
	{ "a file as the root", "f . one", EISDIR, "" },
	{ "a symlink as the root", "l / x", EISDIR, "" },
	{ "a file that ends above itself", "d a\nf a/.. one", EISDIR, "d a" },
	{ "bytes that are no text", "f \xff\xfe/\xe9 one\nl \x01 \xff", 0,
	  "f \xff\xfe/\xe9 one\nl \x01 \xff" },
	{ "names that look like options", "d -rf\nf -rf/--help one", 0, "f -rf/--help one" },

	/* links that change on the way: what was found for one member may not serve the next */
	{ "a link that moves", "d a\nd b\nl l a\nf l/x one\nl l b\nf l/y two", 0,
	  "f a/x one\nf b/y two\n- a/y" },
	{ "a link that moves, by another way",
	  "d a\nd b\nl l a\nf l/../x one\nl l/../l b\nf l/y two", 0, "f x one\nf b/y two" },
	{ "a directory that becomes a link", "d a\nd a/b\nf a/b/../x one\nl a/b ..\nf a/b/y two", 0,
	  "f a/x one\nf y two" },
	{ "a link in the cached path", "d a/s\nd b/s\nl l a/s\nf l/../x one\nl l b/s\nf l/../y two",
	  0, "f a/x one\nf b/y two" },
	/* layers */
	{ "a layer replaces and adds", "f a one\nd d\nf d/x one\nL\nf a two\nf d/y two\nd e", 0,
	  "f a two\nf d/x one\nf d/y two\nd e" },
	{ "a layer follows the links of the root",
	  "d usr/lib\nl lib usr/lib\nL\nd lib\nf lib/x one", 0, "l lib usr/lib\nf usr/lib/x one" },
	{ "a layer follows an absolute link inside", "d o\nl abs /o\nL\nf abs/x one", 0,
	  "f o/x one\nl abs /o" },
	{ "a layer over a dangling link", "l s nowhere\nL\nd s\nf s/x one", 0,
	  "f s/x one\n- nowhere" },
	{ "a file of a layer over a full directory", "d a\nd a/b\nf a/b/x one\nL\nf a two", 0,
	  "f a two" },
	{ "a link of a layer over a full directory", "d a\nf a/x one\nd b\nL\nl a b\nf a/y two", 0,
	  "l a b\nf b/y two" },
	{ "a layer cannot leave by ..", "L\nf ../x one", EXDEV, "- x" },
	{ "nor by a link", "l up ../..\nL\nf up/secret one", 0, "f secret one" },
	{ "nor delete there", "l up ../..\nL\nf up/.wh.secret ", 0, "l up ../.." },
	{ "nor delete by ..", "L\nf ../.wh.secret ", EXDEV, "" },
	{ "a whiteout", "f a one\nf b one\nL\nf .wh.a ", 0, "- a\nf b one\n- .wh.a" },
	{ "a whiteout of a directory", "d d/e\nf d/e/x one\nL\nf .wh.d ", 0, "- d" },
	{ "a whiteout through a link", "d usr/lib\nf usr/lib/x one\nl lib usr/lib\nL\nf lib/.wh.x ",
	  0, "- usr/lib/x\nl lib usr/lib" },
	{ "a whiteout of a link", "f a one\nl l a\nL\nf .wh.l ", 0, "f a one\n- l" },
	{ "a whiteout of nothing", "f a one\nL\nf .wh.b \nf no/.wh.a ", 0, "f a one\n- no" },
	{ "a whiteout behind its own file", "f a one\nL\nf a two\nf .wh.a ", 0, "f a two" },
	{ "a whiteout before its own file", "f a one\nL\nf .wh.a \nf a two", 0, "f a two" },
	{ "a whiteout of a directory that the layer fills",
	  "d d/e\nf d/e/x one\nf d/y one\nL\nf d/e/z two\nf .wh.d ", 0,
	  "f d/e/z two\n- d/e/x\n- d/y" },
	{ "a whiteout behind a directory that the layer joins", "d d\nf d/x one\nL\nd d\nf .wh.d ",
	  0, "d d\n- d/x" },
	{ "a whiteout before it", "d d\nf d/x one\nL\nf .wh.d \nd d", 0, "d d\n- d/x" },
	{ "a directory that the layer joins in an opaque one",
	  "d d/e/g\nf d/e/x one\nL\nd d/e\nf d/.wh..wh..opq ", 0, "d d/e\n- d/e/x\n- d/e/g" },
	{ "a file over a directory that the layer joins", "d d\nL\nd d\nf d two\nf .wh.d ", 0,
	  "f d two" },
	{ "an opaque directory", "d d/e\nf d/e/x one\nf d/y one\nL\nf d/z two\nf d/.wh..wh..opq ",
	  0, "f d/z two\n- d/e\n- d/y\n- d/.wh..wh..opq" },
	{ "an opaque root", "f a one\nd d/e\nL\nf .wh..wh..opq \nf b two", 0, "f b two\n- a\n- d" },
	{ "a whiteout without a name", "d d\nL\nf d/.wh. ", EBADMSG, "d d" },
	{ "a whiteout of ..", "d d\nf x one\nL\nf d/.wh... ", EBADMSG, "f x one" },
	{ "notes of AUFS", "f k one\nL\nd .wh..wh.plnk\nf .wh..wh.plnk/1 x\nf .wh..wh.aufs ", 0,
	  "f k one\n- .wh..wh.plnk\n- .wh..wh.aufs" },
	{ "no whiteout outside of layers", "f a one\nf .wh.a x", 0, "f a one\nf .wh.a x" },
	{ "what the layer before made is below the next", "L\nf a one\nL\nf .wh.a ", 0, "- a" },
	{ "hard links into the root", "f a one\nL\nh b a\nf .wh.a ", 0, "f b one\n- a" },

	{ "a link that becomes a directory", "d a\nl l a\nf l/x one\nd l\nf l/y two", 0,
	  "f a/x one\nf l/y two\n- a/y" },
};

static const struct {
	char letter;
	enum member_type type;
} letters[] = {
	{ 'f', MEMBER_FILE },     { 'd', MEMBER_DIRECTORY }, { 'l', MEMBER_SYMLINK },
	{ 'h', MEMBER_HARDLINK }, { 'p', MEMBER_FIFO },
};

/* Splits "f PATH ARGUMENT" in place. */
static char split(char *line, char **ret_path, char **ret_argument)
{
	*ret_path = strlen(line) > 1 ? line + 2 : line + 1;
	*ret_argument = strchr(*ret_path, ' ');
	if (*ret_argument)
		*(*ret_argument)++ = '\0';
	else
		*ret_argument = *ret_path + strlen(*ret_path);
	return *line;
}

static int run_step(char *line)
{
	char *path, *argument, letter = split(line, &path, &argument);
	struct member m = {
		.path = path, .target = argument, .size = strlen(argument), .mode = 0644
	};

	if (letter == 'L') {
		tree_begin_layer(tree);
		return 0;
	}
	for (size_t i = 0; i < ARRAY_SIZE(letters); i++)
		if (letters[i].letter == letter)
			m.type = letters[i].type;
	if (m.type == MEMBER_DIRECTORY)
		m.mode = 0755;
	return add(&m, argument);
}

static bool is_type(const char *path, mode_t format)
{
	struct stat st;

	return fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
	       (st.st_mode & S_IFMT) == format;
}

static bool is_link(const char *path, const char *target)
{
	char text[4097];
	ssize_t n = readlinkat(root_fd, path, text, sizeof(text) - 1);

	text[n > 0 ? n : 0] = '\0';
	return n > 0 && strcmp(text, target) == 0;
}

static bool is_same_inode(const char *a, const char *b)
{
	struct stat x, y;

	return fstatat(root_fd, a, &x, AT_SYMLINK_NOFOLLOW) == 0 &&
	       fstatat(root_fd, b, &y, AT_SYMLINK_NOFOLLOW) == 0 && x.st_ino == y.st_ino;
}

static bool is_fact(char *line)
{
	char *path, *argument;
	struct stat st;

	switch (split(line, &path, &argument)) {
	case 'f':
		return is_type(path, S_IFREG) && strcmp(get_file(root_fd, path), argument) == 0;
	case 'd':
		return is_type(path, S_IFDIR);
	case 'l':
		return is_link(path, argument);
	case 'p':
		return is_type(path, S_IFIFO);
	case '=':
		return is_same_inode(path, argument);
	case '-':
		return fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0;
	default:
		return false;
	}
}

/* Beside the root nothing came, went or changed. */
static bool is_outside_whole(void)
{
	DIR *dir = fdopendir(must(openat(outside_fd, ".", O_RDONLY | O_DIRECTORY)));
	unsigned n = 0;

	while (dir && readdir(dir))
		n++;
	closedir(dir);
	return n == 4 && strcmp(get_file(outside_fd, "secret"), "secret") == 0;
}

/* Cuts the next line out of *text; NULL at the end. */
static char *next_line(char **text)
{
	char *line = *text;

	if (!line || !*line)
		return NULL;
	*text = strchr(line, '\n');
	if (*text)
		*(*text)++ = '\0';
	return line;
}

static void run_story(size_t i)
{
	char steps[512], then[512], *text = steps, *line;
	int r = 0;

	strcpy(steps, stories[i].steps);
	strcpy(then, stories[i].then);
	begin();
	while (r == 0 && (line = next_line(&text)))
		r = run_step(line);
	is_int(-r, stories[i].error, "%s", stories[i].name);
	if (stories[i].error)
		ok(!text && failure.error == -r && *failure.why, "at the last step: %s: %s",
		   failure.what, failure.why);
	is_int(finish(), 0, "%s: the directories are finished", stories[i].name);
	for (text = then; (line = next_line(&text));) {
		char copy[512];

		strcpy(copy, line);
		ok(is_fact(line), "%s: %s", stories[i].name, copy);
	}
	ok(is_outside_whole(), "%s: nothing happened outside", stories[i].name);
	end();
}

/* ---- metadata ---- */

static void check_inode(const char *path, const struct member *want)
{
	struct stat st;

	if (fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) < 0) {
		ok(false, "%s is there", path);
		return;
	}
	if (want->type != MEMBER_SYMLINK)
		is_int(st.st_mode & 07777, want->mode, "%s: mode %04o", path, (unsigned)want->mode);
	ok(st.st_mtim.tv_sec == want->mtime.tv_sec && st.st_mtim.tv_nsec == want->mtime.tv_nsec,
	   "%s: time %lld.%09ld", path, (long long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
	if (geteuid() == 0)
		ok(st.st_uid == want->uid && st.st_gid == want->gid, "%s: owner %u:%u", path,
		   (unsigned)st.st_uid, (unsigned)st.st_gid);
	if (want->type == MEMBER_FILE)
		is_int(st.st_size, (long long)want->size, "%s: size", path);
	if (want->type == MEMBER_CHAR || want->type == MEMBER_BLOCK)
		ok(st.st_rdev == want->rdev, "%s: device number", path);
}

static const struct member inodes[] = {
	{ .path = "plain", .size = 3, .mode = 0644, .mtime = { 1700000000, 0 } },
	{ .path = "suid", .mode = 04755, .uid = 7, .gid = 8, .mtime = { 1, 1 } },
	{ .path = "sgid", .mode = 02711, .uid = 7, .gid = 8, .mtime = { 0, 999999999 } },
	{ .path = "all", .mode = 07777, .uid = 1000, .gid = 1000 },
	{ .path = "none", .mode = 0, .uid = 4294967294U, .gid = 4294967294U },
	{ .path = "negative", .mode = 0600, .mtime = { -1000000000, 123456789 } },
	{ .path = "before", .mode = 0600, .mtime = { -1, 999999999 } },
	{ .path = "future", .mode = 0600, .mtime = { 7258118400LL, 1 } },
	{ .type = MEMBER_DIRECTORY,
	  .path = "dir",
	  .mode = 0755,
	  .uid = 5,
	  .gid = 6,
	  .mtime = { 1234567890, 123456789 } },
	{ .type = MEMBER_DIRECTORY,
	  .path = "sticky",
	  .mode = 03777,
	  .uid = 5,
	  .gid = 6,
	  .mtime = { 5, 5 } },
	{ .type = MEMBER_DIRECTORY, .path = "closed", .mode = 0, .mtime = { 6, 6 } },
	{ .type = MEMBER_SYMLINK,
	  .path = "link",
	  .target = "nowhere",
	  .uid = 9,
	  .gid = 10,
	  .mtime = { 981173106, 789012345 } },
	{ .type = MEMBER_FIFO,
	  .path = "fifo",
	  .mode = 0620,
	  .uid = 11,
	  .gid = 12,
	  .mtime = { 7, 7 } },
};

static void test_inodes(mode_t mask)
{
	mode_t old = umask(mask);

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(inodes); i++)
		add_must(&inodes[i], inodes[i].size ? "abc" : NULL);
	is_int(finish(), 0, "all kinds of inodes, umask %03o", (unsigned)mask);
	for (size_t i = 0; i < ARRAY_SIZE(inodes); i++)
		check_inode(inodes[i].path, &inodes[i]);
	end();
	umask(old);
}

static void test_devices(void)
{
	const struct member devices[] = {
		{ .type = MEMBER_CHAR,
		  .path = "null",
		  .mode = 0666,
		  .uid = 1,
		  .gid = 2,
		  .mtime = { 3, 4 },
		  .rdev = makedev(1, 3) },
		{ .type = MEMBER_BLOCK,
		  .path = "disk",
		  .mode = 0660,
		  .rdev = makedev(259, 1048575) },
	};

	begin();
	if (mknodat(root_fd, "probe", S_IFCHR | 0600, makedev(1, 3)) < 0) {
		skip(9, "cannot make devices here: %s", strerror(errno));
		finish();
		end();
		return;
	}
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		add_must(&devices[i], NULL);
	is_int(finish(), 0, "devices");
	for (size_t i = 0; i < ARRAY_SIZE(devices); i++)
		check_inode(devices[i].path, &devices[i]);
	end();
}

/* Modes and times of directories come last: children may follow at any time. */
static void test_directories(void)
{
	struct member outer = {
		.type = MEMBER_DIRECTORY, .path = "a", .mode = 0555, .mtime = { 1, 1 }
	};
	struct member inner = {
		.type = MEMBER_DIRECTORY, .path = "a/b", .mode = 0500, .mtime = { 2, 2 }
	};
	const struct member file = { .path = "a/b/c", .mode = 0444, .mtime = { 3, 3 } };
	const struct member late = { .path = "a/late", .mode = 0444, .mtime = { 4, 4 } };

	begin();
	add_must(&outer, NULL);
	add_must(&inner, NULL);
	add_must(&file, NULL);
	add_must(&late, NULL);
	is_int(finish(), 0, "directories that nobody may write to");
	check_inode("a", &outer);
	check_inode("a/b", &inner);
	check_inode("a/b/c", &file);
	check_inode("a/late", &late);
	end();

	begin();
	add_must(&file, NULL);
	add_must(&inner, NULL);
	add_must(&outer, NULL);
	is_int(finish(), 0, "the same with the members in the wrong order");
	check_inode("a", &outer);
	check_inode("a/b", &inner);
	end();
}

/* Members that go to and fro between directories, by plain paths, behind a link, deeper than what is
 * kept open: every directory has its time and mode at the end. */
static void test_to_and_fro(void)
{
	static char deep[2 * 40 + 8];
	struct member dirs[] = {
		{ .path = ".", .mode = 0711 },     { .path = "a", .mode = 02755 },
		{ .path = "b", .mode = 03777 },    { .path = "a/in", .mode = 0555 },
		{ .path = "l/out", .mode = 0751 }, { .path = deep, .mode = 02700 },
	};
	const char *const names[] = { "f", "a/f", "b/f", "a/in/f", "l/out/f", NULL };
	const struct member link = { .type = MEMBER_SYMLINK, .path = "l", .target = "b" };
	char path[128];

	begin();
	for (int i = 0; i < 40; i++)
		strcat(deep, "d/");
	add_must(&link, NULL);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		dirs[i].type = MEMBER_DIRECTORY;
		dirs[i].uid = dirs[i].gid = (unsigned)i + 3;
		dirs[i].mtime = (struct timespec){ (time_t)i + 1, (long)i };
		add_must(&dirs[i], NULL);
	}
	for (unsigned round = 0; round < 3; round++)
		for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
			const struct member file = { .path = path, .mode = 0600 + round };

			snprintf(path, sizeof(path), "%s%u", names[i] ? names[i] : deep, round);
			add_must(&file, NULL);
			check_inode(path, &file);
		}
	is_int(finish(), 0, "members that go to and fro");
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		check_inode(dirs[i].path, &dirs[i]);
	end();
}

/* What the set-group-ID bit of a directory gives away: not to what no member describes. */
static void test_implied_in_sgid(void)
{
	const struct member dir = {
		.type = MEMBER_DIRECTORY, .path = "d", .mode = 02775, .gid = 77, .mtime = { 1, 1 }
	};
	const struct member link = { .type = MEMBER_SYMLINK, .path = "l", .target = "d" };
	const struct member files[] = { { .path = "d/a/f", .mode = 0600 },
					{ .path = "l/b/f", .mode = 0600 } };
	const struct member implied = { .type = MEMBER_DIRECTORY, .mode = 0755 };
	struct stat st;

	begin();
	add_must(&dir, NULL);
	add_must(&link, NULL);
	add_must(&files[0], NULL);
	add_must(&files[1], NULL);
	is_int(finish(), 0, "a set-group-ID directory");
	check_inode("d", &dir);
	must(fstatat(root_fd, "d/a", &st, 0));
	ok((st.st_mode & 07777) == implied.mode && st.st_gid == getegid(),
	   "a directory without a member in it has mode %04o, group %u", st.st_mode & 07777,
	   (unsigned)st.st_gid);
	must(fstatat(root_fd, "d/b", &st, 0));
	ok((st.st_mode & 07777) == implied.mode && st.st_gid == getegid(),
	   "one that was made behind a link has mode %04o, group %u", st.st_mode & 07777,
	   (unsigned)st.st_gid);
	end();
}

static void test_directory_twice(void)
{
	const struct member first = { .type = MEMBER_DIRECTORY,
				      .path = "d",
				      .mode = 0700,
				      .uid = 1,
				      .gid = 1,
				      .mtime = { 1, 1 } };
	const struct member child = { .path = "d/x", .mode = 0600 };
	const struct member last = { .type = MEMBER_DIRECTORY,
				     .path = "./d/",
				     .mode = 0751,
				     .uid = 2,
				     .gid = 2,
				     .mtime = { 2, 2 } };

	begin();
	add_must(&first, NULL);
	add_must(&child, NULL);
	add_must(&last, NULL);
	is_int(finish(), 0, "a directory twice");
	check_inode("d", &last);
	end();
}

/* A directory of the root that a layer goes through, joins or empties stays as it is; one that the layer makes is the layer's. */
static void test_layer_directories(void)
{
	const struct member dirs[] = {
		{ .type = MEMBER_DIRECTORY,
		  .path = "a",
		  .mode = 0750,
		  .uid = 1,
		  .gid = 2,
		  .mtime = { 1, 1 } },
		{ .type = MEMBER_DIRECTORY,
		  .path = "a/b",
		  .mode = 02711,
		  .uid = 3,
		  .gid = 4,
		  .mtime = { 2, 2 } },
		{ .type = MEMBER_DIRECTORY, .path = "a/b/c", .mode = 0700, .mtime = { 3, 3 } },
		{ .type = MEMBER_DIRECTORY,
		  .path = ".",
		  .mode = 0711,
		  .uid = 5,
		  .mtime = { 4, 4 } },
	};
	const struct member lower[] = { { .path = "a/b/c/x", .mode = 0600 },
					{ .path = "a/y", .mode = 0600 } };
	const struct member other = {
		.type = MEMBER_DIRECTORY, .mode = 0777, .uid = 9, .gid = 9, .mtime = { 9, 9 }
	};
	const struct member upper[] = { { .path = "new/f", .mode = 0600 },
					{ .path = "a/b/c/z", .mode = 0640, .mtime = { 5, 5 } },
					{ .path = "a/.wh..wh..opq" },
					{ .path = ".wh.gone" } };
	struct member m = other;

	begin();
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		add_must(&dirs[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(lower); i++)
		add_must(&lower[i], NULL);
	tree_begin_layer(tree);
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		m.path = dirs[i].path;
		add_must(&m, NULL);
	}
	for (size_t i = 0; i < ARRAY_SIZE(upper); i++)
		add_must(&upper[i], NULL);
	m.path = "new"; /* its file came first */
	add_must(&m, NULL);
	is_int(finish(), 0, "a layer over directories");
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		check_inode(dirs[i].path, &dirs[i]);
	check_inode("new", &m);
	check_inode("a/b/c/z", &upper[1]);
	ok(faccessat(root_fd, "a/b/c/x", F_OK, 0) < 0 && faccessat(root_fd, "a/y", F_OK, 0) < 0,
	   "what was in an opaque directory is gone, below its directories, too");
	end();
}

static void test_layer_names(void)
{
	struct layer_names names = { 0 };
	const struct stat here = { .st_ino = 1 }, there = { .st_ino = 2 };
	char name[16];
	int r = 0;

	ok(!layer_names_has(&names, &here, "0"), "an empty set has no name");
	for (unsigned i = 0; r == 0 && i < LAYER_NAMES_MAX; i++) {
		snprintf(name, sizeof(name), "%u", i);
		r = layer_names_add(&names, &here, name);
	}
	is_int(r, 0, "%d names in one layer", LAYER_NAMES_MAX);
	is_int(layer_names_add(&names, &here, "0"), 0, "one of them again");
	is_int(layer_names_add(&names, &there, "0"), -E2BIG, "one more");
	ok(layer_names_has(&names, &here, "0") && layer_names_has(&names, &here, name) &&
		   !layer_names_has(&names, &there, "0") && !layer_names_has(&names, &here, "x"),
	   "it has these names in that directory");
	layer_names_free(&names);
	ok(!layer_names_has(&names, &here, "0"), "and none when it is freed");
}

static void test_root_itself(void)
{
	static const char *const names[] = { ".", "./", "/", "a/.." };

	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct member root = { .type = MEMBER_DIRECTORY,
					     .path = names[i],
					     .mode = 0711,
					     .uid = 3,
					     .gid = 4,
					     .mtime = { 42, 42 } };
		const struct member child = { .type = MEMBER_DIRECTORY, .path = "a", .mode = 0755 };

		begin();
		add_must(&child, NULL);
		add_must(&root, NULL);
		is_int(finish(), 0, "the root as '%s'", names[i]);
		check_inode(".", &root);
		end();
	}
}

/* What was said about a directory is not for what stands in its place later. */
static void test_replaced_directory(void)
{
	const struct member target = { .type = MEMBER_DIRECTORY,
				       .path = "target",
				       .mode = 0755,
				       .uid = 1,
				       .gid = 1,
				       .mtime = { 1, 1 } };
	const struct member gone = { .type = MEMBER_DIRECTORY,
				     .path = "d",
				     .mode = 0700,
				     .uid = 2,
				     .gid = 2,
				     .mtime = { 2, 2 } };
	const struct member link = { .type = MEMBER_SYMLINK,
				     .path = "d",
				     .target = "target",
				     .uid = 3,
				     .gid = 3,
				     .mtime = { 3, 3 } };
	const struct member file = {
		.path = "d", .mode = 0640, .uid = 4, .gid = 4, .mtime = { 4, 4 }
	};

	begin();
	add_must(&target, NULL);
	add_must(&gone, NULL);
	add_must(&link, NULL);
	is_int(finish(), 0, "a directory replaced by a link");
	check_inode("target", &target);
	check_inode("d", &link);
	end();

	begin();
	add_must(&gone, NULL);
	add_must(&file, NULL);
	is_int(finish(), 0, "a directory replaced by a file");
	check_inode("d", &file);
	end();

	begin();
	add_must(&link, NULL);
	add_must(&target, NULL);
	add_must(&gone, NULL);
	is_int(finish(), 0, "a link replaced by a directory");
	check_inode("target", &target);
	check_inode("d", &gone);
	end();
}

/* A directory keeps what its member said even when the link on the way to it moves on. */
static void test_moved_link(void)
{
	const struct member a = { .type = MEMBER_DIRECTORY, .path = "a", .mode = 0755 };
	const struct member b = { .type = MEMBER_DIRECTORY, .path = "b", .mode = 0755 };
	const struct member to_a = { .type = MEMBER_SYMLINK, .path = "l", .target = "a" };
	const struct member to_b = { .type = MEMBER_SYMLINK, .path = "l", .target = "b" };
	const struct member inside = { .type = MEMBER_DIRECTORY,
				       .path = "l/d",
				       .mode = 0751,
				       .uid = 5,
				       .gid = 6,
				       .mtime = { 7, 8 } };

	begin();
	add_must(&a, NULL);
	add_must(&b, NULL);
	add_must(&to_a, NULL);
	add_must(&inside, NULL);
	add_must(&to_b, NULL);
	is_int(finish(), 0, "a directory behind a link that moves");
	check_inode("a/d", &inside);
	end();
}

/* ---- names that another process takes over ---- */

/* The next name that is made is at once a link out of the root: whoever owns its directory can do that. */
static bool taken_over;

static void take_over(int dir_fd, const char *name, int flags)
{
	if (!taken_over)
		return;
	taken_over = false;
	must(unlinkat(dir_fd, name, flags));
	must(symlinkat("../secret", dir_fd, name));
}

WRAP(int, mkdirat, (int dir_fd, const char *name, mode_t mode))
{
	int r = REAL(mkdirat)(dir_fd, name, mode);

	take_over(dir_fd, name, AT_REMOVEDIR);
	return r;
}

WRAP(int, mkfifoat, (int dir_fd, const char *name, mode_t mode))
{
	int r = REAL(mkfifoat)(dir_fd, name, mode);

	take_over(dir_fd, name, 0);
	return r;
}

static void test_taken_over(void)
{
	const struct member members[] = {
		{ .type = MEMBER_DIRECTORY, .path = "directory", .mode = 0700 },
		{ .type = MEMBER_FIFO, .path = "fifo", .mode = 0600 },
		{ .path = "directory-without-a-member/file", .mode = 0600 },
		{ .path = "./directory-behind-no-plain-path/../file", .mode = 0600 },
	};
	struct stat st;

	for (size_t i = 0; i < ARRAY_SIZE(members); i++) {
		begin();
		taken_over = true;
		is_int(add(&members[i], NULL), -ESTALE, "%s that became a link is refused",
		       members[i].path);
		ok(strncmp(failure.todo, "Another process ", 16) == 0, "with the reason: %s",
		   failure.todo);
		must(fstatat(outside_fd, "secret", &st, 0));
		is_int(st.st_mode & 07777, 0644, "the file outside keeps its mode");
		finish();
		end();
	}
}

/* As at boot: the modes of devices and fifos must come with their names, since nothing can set them later. */
static void test_without_proc(void)
{
	const struct member members[] = {
		{ .type = MEMBER_FIFO, .path = "fifo", .mode = 0622, .uid = 3, .gid = 4 },
		{ .type = MEMBER_CHAR,
		  .path = "null",
		  .mode = 0666,
		  .gid = 5,
		  .rdev = makedev(1, 3) },
		{ .type = MEMBER_DIRECTORY, .path = "d", .mode = 03770, .uid = 6 },
		{ .type = MEMBER_FIFO, .path = "set", .mode = 06755, .uid = 3, .gid = 4 },
	};
	int status = 1;
	pid_t pid;

	begin();
	if (mknodat(root_fd, "probe", S_IFCHR | 0600, makedev(1, 3)) < 0) {
		skip(14, "cannot make devices here: %s", strerror(errno));
	} else {
		pid = must(fork());
		if (pid == 0) {
			umask(0);
			must(fchdir(root_fd));
			must(chroot("."));
			for (size_t i = 0; i < ARRAY_SIZE(members); i++)
				must(add(&members[i], NULL));
			_exit(tree_finish(tree, &failure) < 0);
		}
		must(waitpid(pid, &status, 0));
		is_int(status, 0, "a chroot without /proc");
		for (size_t i = 0; i < ARRAY_SIZE(members); i++)
			check_inode(members[i].path, &members[i]);
	}
	finish();
	end();
}

/* Directories that the archive does not mention look the same whoever unpacks. */
static void test_implied_directories(void)
{
	const struct member file = { .path = "a/b/c", .mode = 0644 };
	mode_t old = umask(077);
	struct stat st;

	begin();
	add_must(&file, NULL);
	is_int(finish(), 0, "a directory without a member, umask 077");
	must(fstatat(root_fd, "a/b", &st, 0));
	is_int(st.st_mode & 07777, 0755, "has mode 0755");
	end();
	umask(old);
}

/* ---- data ---- */

static bool bytes_are(const char *path, off_t offset, const char *want, size_t size)
{
	_cleanup_close_ int fd = openat(root_fd, path, O_RDONLY | O_CLOEXEC);
	char have[64];

	return fd >= 0 && pread(fd, have, size, offset) == (ssize_t)size &&
	       !memcmp(have, want, size);
}

static void test_sparse(void)
{
	const struct member hole = { .path = "hole", .size = 5 << 20, .mode = 0600 };
	const struct member middle = { .path = "middle", .size = 64 << 20, .mode = 0600 };
	struct tree_file *file = NULL;
	struct stat st;

	begin();
	add_must(&hole, NULL);
	is_int(tree_add(tree, &middle, &file, &failure), 0, "a file with holes");
	tree_file_write(file, "data", 4, 40000000, &failure);
	tree_file_write(file, "early", 5, 4096, &failure);
	is_int(tree_file_release(file, true, &failure), 0, "is completed");
	is_int(finish(), 0, "sparse files");
	ok(fstatat(root_fd, "hole", &st, 0) == 0 && st.st_size == 5 << 20 && st.st_blocks < 64,
	   "a file that is one hole takes %lld blocks", (long long)st.st_blocks);
	ok(fstatat(root_fd, "middle", &st, 0) == 0 && st.st_size == 64 << 20 && st.st_blocks < 1024,
	   "one with data in two places takes %lld", (long long)st.st_blocks);
	ok(bytes_are("middle", 40000000, "data", 4) && bytes_are("middle", 4096, "early", 5) &&
		   bytes_are("middle", 39999999, "\0d", 2) &&
		   bytes_are("middle", (64 << 20) - 1, "", 1),
	   "the data is where it belongs, zeros elsewhere");
	end();
}

static void test_bad_file(void)
{
	const struct member m = { .path = "f", .size = 4, .mode = 04755, .mtime = { 1, 1 } };
	struct tree_file *file = NULL;
	struct stat st;

	begin();
	is_int(tree_add(tree, &m, &file, &failure), 0, "a file whose data does not come");
	tree_file_hold(file);
	tree_file_write(file, "ab", 2, 0, &failure);
	is_int(tree_file_release(file, false, &failure), 0, "one holder gives up");
	is_int(tree_file_release(file, true, &failure), 0, "the other does not");
	ok(fstatat(root_fd, "f", &st, 0) == 0 && !(st.st_mode & S_ISUID), "it never becomes suid");
	finish();
	end();
}

/* Threads fill and release files while the parser goes on to create more. */
#define FILES 64
static struct tree_file *files[FILES];
static _Atomic unsigned next_file, errors;

static void *fill_files(void *arg)
{
	struct fail f;
	unsigned i;

	(void)arg;
	while ((i = next_file++) < 2 * FILES) {
		char text[32];
		size_t n = (size_t)snprintf(text, sizeof(text), "%u", i % FILES + 100000);

		/* Each file is written in two halves, by whoever comes. */
		errors += tree_file_write(files[i % FILES], i < FILES ? text : text + 3, n / 2,
					  i < FILES ? 0 : 3, &f) < 0;
		errors += tree_file_release(files[i % FILES], true, &f) < 0;
	}
	return NULL;
}

static void test_threads(void)
{
	pthread_t threads[4];
	char path[32], want[32];
	unsigned wrong = 0;

	begin();
	for (unsigned i = 0; i < FILES; i++) {
		struct member m = { .path = path, .size = 6, .mode = 0644, .mtime = { i, i } };

		snprintf(path, sizeof(path), "d%u/f%u", i % 5, i);
		if (tree_add(tree, &m, &files[i], &failure) < 0)
			scratch_die(failure.why);
		tree_file_hold(files[i]);
	}
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_create(&threads[i], NULL, fill_files, NULL);
	for (unsigned i = 0; i < ARRAY_SIZE(threads); i++)
		pthread_join(threads[i], NULL);
	is_int(errors, 0, "files filled by four threads");
	is_int(finish(), 0, "and finished");
	for (unsigned i = 0; i < FILES; i++) {
		snprintf(path, sizeof(path), "d%u/f%u", i % 5, i);
		snprintf(want, sizeof(want), "%u", i + 100000);
		wrong += strcmp(get_file(root_fd, path), want) != 0;
	}
	is_int(wrong, 0, "hold what they should");
	end();
}

/* ---- attributes ---- */

static bool attribute_is(const char *path, const char *name, const void *want, size_t size)
{
	char full[5000], value[1024];
	ssize_t n;

	snprintf(full, sizeof(full), "/proc/self/fd/%d/%s", root_fd, path);
	n = lgetxattr(full, name, value, sizeof(value));
	return n == (ssize_t)size && memcmp(value, want, size) == 0;
}

/* What this file system and user can keep. */
static bool can_keep(const char *name, const void *value, size_t size)
{
	int fd = must(openat(root_fd, ".probe", O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
	bool can = fsetxattr(fd, name, value, size, 0) == 0;

	close(fd);
	must(unlinkat(root_fd, ".probe", 0));
	return can;
}

static const char capability[20] = "\1\0\0\2\0\x20";
static struct acl_entry acl[] = {
	{ 0x01, 6, ACL_UNDEFINED_ID }, { 0x02, 4, 1000 },
	{ 0x04, 0, ACL_UNDEFINED_ID }, { 0x10, 6, ACL_UNDEFINED_ID },
	{ 0x20, 0, ACL_UNDEFINED_ID },
};

static void test_attributes(void)
{
	struct member file = { .path = "f", .mode = 0660, .uid = 5, .gid = 6, .mtime = { 1, 1 } };
	struct member dir = {
		.type = MEMBER_DIRECTORY, .path = "d", .mode = 0755, .mtime = { 2, 2 }
	};
	const struct member child = { .path = "d/child", .mode = 0644, .mtime = { 3, 3 } };
	struct tree_losses losses;
	size_t cursor = 0, size;
	const char *name;
	const void *value;

	begin();
	if (!can_keep("trusted.test", "x", 1) || !can_keep("security.capability", capability, 20) ||
	    !can_keep("user.test", "x", 1)) {
		skip(12, "this user or file system keeps no trusted, security or user attributes");
		finish();
		end();
		return;
	}
	xattrs_add(&file.xattrs, "user.test", "old", 3);
	xattrs_add(&file.xattrs, "user.test", "a\0b", 3);
	xattrs_add(&file.xattrs, "user.empty", "", 0);
	xattrs_add(&file.xattrs, "security.capability", capability, sizeof(capability));
	xattrs_add(&dir.xattrs, "trusted.test", "dir", 3);
	xattrs_add_acl(&dir.xattrs, ACL_XATTR_DEFAULT, acl, ARRAY_SIZE(acl));
	add_must(&file, "data");
	add_must(&dir, NULL);
	add_must(&child, NULL);
	file.size = 4;
	is_int(tree_finish(tree, &failure), 0, "attributes");
	tree_losses(tree, &losses);
	ok(losses.count == 0 && !*losses.first, "none is lost");
	finish();
	ok(attribute_is("f", "user.test", "a\0b", 3), "of two values the last counts");
	ok(attribute_is("f", "user.empty", "", 0), "an empty value");
	ok(attribute_is("f", "security.capability", capability, sizeof(capability)),
	   "the capability outlives write and chown");
	ok(attribute_is("d", "trusted.test", "dir", 3), "a directory's attribute");
	xattrs_next(&dir.xattrs, &cursor, &name, &value, &size);
	xattrs_next(&dir.xattrs, &cursor, &name, &value, &size);
	ok(attribute_is("d", ACL_XATTR_DEFAULT, value, size), "a directory's default ACL");
	ok(!attribute_is("d/child", ACL_XATTR_ACCESS, "", 0), "which no member inherits");
	check_inode("d/child", &child);
	file.size = 0; /* add() does not know of it */
	xattrs_free(&file.xattrs);
	xattrs_free(&dir.xattrs);
	end();
}

/* As a resource fork of macOS. */
static void test_large_attribute(void)
{
	static const char value[(64 << 10) + 1];
	struct member file = { .path = "f", .mode = 0600 };
	struct tree_losses losses;

	begin();
	if (!can_keep("user.test", "x", 1)) {
		skip(3, "this file system keeps no user attributes");
		finish();
		end();
		return;
	}
	xattrs_add(&file.xattrs, "user.test", "x", 1);
	xattrs_add(&file.xattrs, "user.large", value, sizeof(value));
	add_must(&file, NULL);
	is_int(tree_finish(tree, &failure), 0, "an attribute that is larger than Linux has them");
	tree_losses(tree, &losses);
	ok(losses.count == 1 && strcmp(losses.first, "user.large") == 0, "is lost, and counted");
	finish();
	ok(attribute_is("f", "user.test", "x", 1), "alone");
	xattrs_free(&file.xattrs);
	end();
}

/* A file system that takes no larger attributes, as ext4 and btrfs, and says that there is no room. 0: the one that is there. */
static size_t attribute_max;
static uint64_t free_blocks, free_inodes; /* of it */

WRAP(int, fsetxattr, (int fd, const char *key, const void *value, size_t size, int flags))
{
	if (attribute_max == 0 || size <= attribute_max)
		return REAL(fsetxattr)(fd, key, value, size, flags);
	errno = ENOSPC;
	return -1;
}

WRAP(int, LARGE(fstatvfs), (int fd, struct statvfs *ret))
{
	int r = REAL(LARGE(fstatvfs))(fd, ret);

	if (attribute_max == 0)
		return r;
	ret->f_frsize = 4096;
	ret->f_bavail = (fsblkcnt_t)free_blocks;
	ret->f_favail = (fsfilcnt_t)free_inodes;
	ret->f_files = 1 << 20;
	return r;
}

static void test_attribute_without_room(void)
{
	static const char value[20 << 10];
	static const struct {
		const char *name;
		size_t size;
		uint64_t blocks, inodes;
		int error;
	} cases[] = {
		{ "one that is too large where there is room", sizeof(value), 1 << 20, 1 << 20, 0 },
		{ "one that is not", 500, 1 << 20, 1 << 20, -ENOSPC },
		{ "one where there is no room", sizeof(value), 10, 1 << 20, -ENOSPC },
		{ "one where there are no inodes", sizeof(value), 1 << 20, 10, -ENOSPC },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct member file = { .path = "f", .mode = 0600 };
		struct tree_losses losses;

		begin();
		xattrs_add(&file.xattrs, "user.large", value, cases[i].size);
		attribute_max = 400;
		free_blocks = cases[i].blocks;
		free_inodes = cases[i].inodes;
		is_int(add(&file, NULL), cases[i].error, "an attribute: %s", cases[i].name);
		attribute_max = 0;
		tree_losses(tree, &losses);
		is_int((long long)losses.count, cases[i].error == 0,
		       "is lost, and counted, or it fails");
		finish();
		xattrs_free(&file.xattrs);
		end();
	}
}

/* Nothing inherits a default ACL that came with the archive, wherever it is made; of a directory that is
 * described twice, no ACL stays but what the last member says; other attributes do. */
static void test_default_acls(void)
{
	static const char *const paths[] = {
		"d/f", "o/f", "d/g", "l/h", "l/n/f", "d/in/f", "d/f2"
	};
	struct member dir = {
		.type = MEMBER_DIRECTORY, .path = "d", .mode = 0755, .mtime = { 1, 1 }
	};
	struct member inner = dir, twice = dir, again = dir;
	const struct member link = { .type = MEMBER_SYMLINK, .path = "l", .target = "d" };
	struct member file = { .mode = 0640, .mtime = { 3, 3 } };
	size_t cursor = 0, size;
	const char *name;
	const void *value;

	inner.path = "d/in";
	twice.path = again.path = "twice";
	again.mtime.tv_sec = 4;
	begin();
	xattrs_add_acl(&dir.xattrs, ACL_XATTR_DEFAULT, acl, ARRAY_SIZE(acl));
	xattrs_add_acl(&twice.xattrs, ACL_XATTR_ACCESS, acl, ARRAY_SIZE(acl));
	xattrs_add_acl(&twice.xattrs, ACL_XATTR_DEFAULT, acl, ARRAY_SIZE(acl));
	xattrs_add(&twice.xattrs, "trusted.test", "x", 1);
	xattrs_next(&twice.xattrs, &cursor, &name, &value, &size);
	if (!can_keep(name, value, size)) {
		skip(22, "this file system keeps no ACLs");
	} else {
		add_must(&dir, NULL);
		add_must(&link, NULL);
		add_must(&inner, NULL);
		add_must(&twice, NULL);
		for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
			file.path = paths[i];
			add_must(&file, NULL);
			ok(!attribute_is(paths[i], ACL_XATTR_ACCESS, value, size),
			   "%s inherits none", paths[i]);
			check_inode(paths[i], &file);
		}
		add_must(&again, NULL);
		is_int(finish(), 0, "directories with default ACLs");
		ok(attribute_is("d", ACL_XATTR_DEFAULT, value, size), "d has its own");
		check_inode("d", &dir);
		ok(!attribute_is("d/in", ACL_XATTR_DEFAULT, value, size) &&
			   !attribute_is("d/n", ACL_XATTR_DEFAULT, value, size),
		   "directories in it have none");
		check_inode("d/in", &inner);
		ok(!attribute_is("twice", ACL_XATTR_DEFAULT, value, size) &&
			   !attribute_is("twice", ACL_XATTR_ACCESS, value, size) &&
			   attribute_is("twice", "trusted.test", "x", 1),
		   "a directory described twice has the attributes of both, but only its last "
		   "ACLs");
		check_inode("twice", &again);
	}
	if (tree)
		finish();
	xattrs_free(&dir.xattrs);
	xattrs_free(&twice.xattrs);
	end();
}

static void test_acl(void)
{
	struct member file = { .path = "f", .mode = 0660, .mtime = { 1, 1 } };
	struct member suid = { .path = "s", .mode = 06750, .mtime = { 2, 2 } };
	size_t cursor = 0, size;
	const char *name;
	const void *value;

	begin();
	xattrs_add_acl(&file.xattrs, ACL_XATTR_ACCESS, acl, ARRAY_SIZE(acl));
	xattrs_next(&file.xattrs, &cursor, &name, &value, &size);
	if (!can_keep(name, value, size)) {
		skip(8, "this file system keeps no ACLs");
	} else {
		acl[0].perm = 7;
		acl[3].perm = 5;
		xattrs_add_acl(&suid.xattrs, ACL_XATTR_ACCESS, acl, ARRAY_SIZE(acl));
		add_must(&file, NULL);
		add_must(&suid, NULL);
		ok(attribute_is("f", ACL_XATTR_ACCESS, value, size), "an ACL is the same");
		check_inode("f", &file);
		check_inode("s", &suid);
	}
	finish();
	xattrs_free(&file.xattrs);
	xattrs_free(&suid.xattrs);
	end();
}

/* The kernel keeps no user.* on links: that is a loss, not a failure, and it is counted. */
static void test_losses(void)
{
	struct member link = {
		.type = MEMBER_SYMLINK, .path = "d/l", .target = "t", .mtime = { 1, 1 }
	};
	struct member fifo = { .type = MEMBER_FIFO, .path = "p", .mode = 0600, .mtime = { 1, 1 } };
	struct tree_losses losses;

	begin();
	xattrs_add(&link.xattrs, "user.first", "x", 1);
	xattrs_add(&fifo.xattrs, "user.second", "x", 1);
	is_int(add(&link, NULL), 0, "an attribute that a link cannot have");
	is_int(add(&fifo, NULL), 0, "one that a fifo cannot have");
	tree_losses(tree, &losses);
	ok(losses.count == 2 && strcmp(losses.first, "user.first") == 0, "are counted: %llu, %s",
	   (unsigned long long)losses.count, losses.first);
	finish();
	check_inode("d/l", &link);
	xattrs_free(&link.xattrs);
	xattrs_free(&fifo.xattrs);
	end();
}

static void test_bad_attribute(void)
{
	struct member file = { .path = "f", .mode = 0600 };

	begin();
	xattrs_add(&file.xattrs, "security.capability", "nonsense", 8);
	if (geteuid() != 0)
		skip(1, "not root: cannot set capabilities");
	else
		ok(add(&file, NULL) < 0 && strcmp(failure.what, "f") == 0,
		   "a capability that is none is refused: %s", failure.why);
	finish();
	xattrs_free(&file.xattrs);
	end();
}

/* A descriptor from before would lead to the mount namespace that it was opened in, where nothing can be
 * mounted any more. */
static void path_of_root(char path[5000])
{
	char link[32];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", root_fd);
	n = must((int)readlink(link, path, 4999));
	path[n] = '\0';
}

/* ramfs keeps no attributes at all. In a mount namespace of our own, so the last test of all. */
static void test_no_attributes(void)
{
	struct member file = { .path = "f", .mode = 0644, .mtime = { 1, 1 } };
	struct member capable = { .path = "c", .mode = 0755 };
	struct tree_losses losses;
	char path[5000];

	begin();
	path_of_root(path);
	if (geteuid() != 0 || unshare(CLONE_NEWNS) < 0 ||
	    mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("none", path, "ramfs", 0, NULL) < 0) {
		skip(4, "cannot mount a ramfs here");
		finish();
		end();
		return;
	}
	tree_free(tree);
	close(root_fd);
	root_fd = must(open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	must(tree_new(root_fd, &tree));
	xattrs_add(&file.xattrs, "user.test", "x", 1);
	xattrs_add_acl(&file.xattrs, ACL_XATTR_ACCESS, acl, ARRAY_SIZE(acl));
	xattrs_add(&capable.xattrs, "security.capability", capability, sizeof(capability));
	is_int(add(&file, NULL), 0, "attributes on a ramfs");
	tree_losses(tree, &losses);
	ok(losses.count == 2 && strcmp(losses.first, "user.test") == 0, "are lost and counted");
	is_int(add(&capable, NULL), -ENOTSUP, "but a capability must not be lost");
	is_str(failure.what, "c", "it is told whose");
	finish();
	xattrs_free(&file.xattrs);
	xattrs_free(&capable.xattrs);
	must(umount2(path, MNT_DETACH));
	end();
}

/* ---- limits and users ---- */

static void test_long_names(void)
{
	static char name[NAME_MAX + 2], target[4200];
	struct member file = { .path = name, .mode = 0644 };
	struct member link = { .type = MEMBER_SYMLINK, .path = "l", .target = target };

	begin();
	memset(name, 'n', NAME_MAX);
	is_int(add(&file, NULL), 0, "a name of 255 bytes");
	ok(is_type(name, S_IFREG), "is there");
	name[NAME_MAX] = 'n';
	is_int(add(&file, NULL), -ENAMETOOLONG, "a name of 256 is refused");
	memset(target, 't', 4095);
	is_int(add(&link, NULL), 0, "a link target of 4095 bytes");
	ok(is_link("l", target), "is whole");
	target[4095] = 't';
	is_int(add(&link, NULL), -ENAMETOOLONG, "one of 4096 is refused");
	finish();
	end();
}

/* 40 levels of 100 bytes: the path has nearly 4 KiB, and more with what comes below. */
static void test_deep_path(void)
{
	static char path[4096];
	struct member dir = {
		.type = MEMBER_DIRECTORY, .path = path, .mode = 0750, .mtime = { 1, 1 }
	};
	struct member file = { .path = path, .mode = 0640, .mtime = { 2, 2 }, .size = 4 };

	begin();
	for (size_t n = 0; n + 101 < sizeof(path); n += 101) {
		memset(path + n, 'd', 100);
		add_must(&dir, NULL);
		path[n + 100] = '/';
		path[n + 101] = '\0';
	}
	strcat(path, "file");
	is_int(add(&file, "deep"), 0, "a file with a path of %zu bytes", strlen(path));
	is_int(finish(), 0, "with all its directories");
	check_inode(path, &file);
	ok(strcmp(get_file(root_fd, path), "deep") == 0, "is there");
	end();
}

/* As an ordinary user: no owners, but everything else, and read-only directories are no trap, in any
 * order, nor are those that nobody may enter. */
static void test_ordinary_user(void)
{
	const struct member dirs[] = {
		{ .type = MEMBER_DIRECTORY,
		  .path = "d",
		  .mode = 02555,
		  .gid = 2,
		  .mtime = { 1, 1 } },
		{ .type = MEMBER_DIRECTORY, .path = "d/e", .mode = 0500, .mtime = { 2, 2 } },
		{ .type = MEMBER_DIRECTORY, .path = "n", .mode = 0, .mtime = { 3, 3 } },
		{ .type = MEMBER_DIRECTORY, .path = "n/m", .mode = 0, .mtime = { 4, 4 } },
	};
	static const char *const paths[] = { "d/e/f", "n/m/f", "d/f", "n/f", "d/e/g", "n/m/g" };
	struct member file = { .size = 3, .mode = 0400, .uid = 1, .gid = 2, .mtime = { 5, 5 } };
	struct stat st;

	begin();
	tree_free(tree);
	if (geteuid() == 0 && (fchown(root_fd, 65534, 65534) < 0 || seteuid(65534) < 0))
		scratch_die("seteuid");
	must(tree_new(root_fd, &tree));
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++)
		add_must(&dirs[i], NULL);
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		file.path = paths[i];
		add_must(&file, "abc");
	}
	is_int(finish(), 0, "a tree of an ordinary user");
	(void)!seteuid(getuid());
	for (size_t i = 0; i < ARRAY_SIZE(dirs); i++) {
		must(fstatat(root_fd, dirs[i].path, &st, 0));
		/* who cannot give it to another gives no set-id bits */
		ok((st.st_mode & 07777) == (dirs[i].mode & 01777) &&
			   st.st_mtim.tv_sec == dirs[i].mtime.tv_sec,
		   "%s: mode %04o, time %lld", dirs[i].path, st.st_mode & 07777,
		   (long long)st.st_mtim.tv_sec);
	}
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		must(fstatat(root_fd, paths[i], &st, 0));
		ok(st.st_size == 3 && (st.st_mode & 07777) == 0400 && st.st_mtim.tv_sec == 5,
		   "%s: is as it should", paths[i]);
	}
	end();
}

/* Hard links are names, too, and the cheapest; of one file there may be 65,000 on a disk. */
static void test_layer_limit(void)
{
	char name[16], file[16] = "";
	struct tree_file *ret_file;
	struct fail f = { 0 };
	unsigned n = 0;
	int r = 0;

	begin();
	tree_begin_layer(tree);
	for (; r == 0 && n <= LAYER_NAMES_MAX; n++) {
		struct member m = { .type = MEMBER_HARDLINK, .path = name, .target = file };

		snprintf(name, sizeof(name), "%u", n);
		if (n % 50000 == 0)
			m.type = MEMBER_FIFO;
		if (n % 50000 == 0)
			strcpy(file, name);
		r = tree_add(tree, &m, &ret_file, &f);
	}
	is_int(r, -E2BIG, "more names than a layer can have");
	is_int(n, LAYER_NAMES_MAX + 1, "are refused at that number");
	is_str(f.what, name, "it says which");
	is_str(f.why, "it is one name more than the 524288 that a layer can have", "and why");
	is_str(f.todo, "Split the layer into several, or pack its files into the root.",
	       "and what to do");
	finish();
	end();
}

int main(void)
{
	int before;

	begin();
	finish();
	end();
	before = count_descriptors();
	for (size_t i = 0; i < ARRAY_SIZE(stories); i++)
		run_story(i);
	test_inodes(022);
	test_inodes(077);
	test_devices();
	test_directories();
	test_to_and_fro();
	test_implied_in_sgid();
	test_directory_twice();
	test_root_itself();
	test_layer_directories();
	test_layer_names();
	test_layer_limit();
	test_replaced_directory();
	test_moved_link();
	test_taken_over();
	test_without_proc();
	test_implied_directories();
	test_sparse();
	test_bad_file();
	test_threads();
	test_attributes();
	test_large_attribute();
	test_attribute_without_room();
	test_default_acls();
	test_acl();
	test_losses();
	test_bad_attribute();
	test_long_names();
	test_deep_path();
	test_ordinary_user();
	is_int(count_descriptors(), before, "no descriptor is left open");
	test_no_attributes();
	return done_testing();
}
