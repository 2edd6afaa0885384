/*
 * Paths inside a root: one tree of links that lead everywhere, a table of what paths mean in it, and
 * a comparison with the kernel's own idea of a root: chroot(2) and open(2) on the same paths.
 */
#include "base/inroot.h"

#include <errno.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"

static int outside_fd, root_fd;

/* OUTSIDE/root is the root; what lies beside it must never be reached. */
static void make_tree(void)
{
	static const char *const directories[] = { "a", "a/b", "a/b/c", "usr", "usr/lib", "empty" };
	static const char *const links[][2] = {
		{ "usr/lib", "lib" },         /* relative */
		{ "/usr/lib", "abslib" },     /* absolute */
		{ "/", "slash" },             /* the root */
		{ "..", "up" },               /* out, if it could */
		{ "../../../..", "farup" },   /* the same from anywhere */
		{ "../../a/b", "a/b/back" },  /* relative through .. */
		{ "loop", "loop" },           /* to itself */
		{ "pong", "ping" },           /* in a circle */
		{ "ping", "pong" },           /* back */
		{ "nowhere", "dangling" },    /* missing target */
		{ "/no/where", "absdangle" }, /* the same, absolute */
		{ "a/file", "tofile" },       /* a file */
		{ "tofile", "totofile" },     /* a link to a link */
		{ "file/x", "a/through" },    /* through a file */
		{ "b/", "a/blink" },          /* with a slash at its end */
		{ "a/file/", "filelink" },    /* the same, but no directory */
		{ "filelink", "tofilelink" }, /* and through one more link */
		{ ".", "dot" },               /* where it stands */
		{ "../root/a", "sideways" },  /* up and down again: not in a chroot */
		{ "/../a/./b//c", "messy" },  /* odd spelling */
	};

	outside_fd = scratch_dir("outside");
	put_file(outside_fd, "secret", "outside", 0644);
	must(mkdirat(outside_fd, "root", 0755));
	root_fd = must(openat(outside_fd, "root", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		must(mkdirat(root_fd, directories[i], 0755));
	put_file(root_fd, "a/file", "file", 0644);
	put_file(root_fd, "usr/lib/x", "x", 0644);
	for (size_t i = 0; i < ARRAY_SIZE(links); i++)
		must(symlinkat(links[i][0], root_fd, links[i][1]));
}

static ino_t inode_of(int fd)
{
	struct stat st;

	must(fstat(fd, &st));
	return st.st_ino;
}

/* The inode of a path without links. */
static ino_t inode_at(const char *path)
{
	struct stat st;

	must(fstatat(root_fd, path, &st, 0));
	return st.st_ino;
}

/* ---- inroot_open ---- */

static const struct {
	const char *path, *real; /* NULL: error */
	int error;
} opens[] = {
	{ "a/file", "a/file", 0 },
	{ "/a/file", "a/file", 0 },
	{ "//a///file", "a/file", 0 },
	{ "./a/./file", "a/file", 0 },
	{ "a/b/../file", "a/file", 0 },
	{ "/", ".", 0 },
	{ ".", ".", 0 },
	{ "..", ".", 0 },
	{ "/..", ".", 0 },
	{ "../../../../a/file", "a/file", 0 },
	{ "a/../../../a/b", "a/b", 0 },
	{ "a/", "a", 0 },
	{ "a/b//", "a/b", 0 },
	{ "a/.", "a", 0 },
	{ "a/..", ".", 0 },
	{ "lib/x", "usr/lib/x", 0 },
	{ "lib", "usr/lib", 0 },
	{ "lib/", "usr/lib", 0 },
	{ "lib/..", "usr", 0 },
	{ "abslib/x", "usr/lib/x", 0 },
	{ "abslib/../lib/x", "usr/lib/x", 0 },
	{ "slash/a/file", "a/file", 0 },
	{ "slash/slash/slash/lib/x", "usr/lib/x", 0 },
	{ "up", ".", 0 },
	{ "up/a/file", "a/file", 0 },
	{ "farup/farup/a", "a", 0 },
	{ "a/b/back", "a/b", 0 },
	{ "a/b/back/c", "a/b/c", 0 },
	{ "a/b/back/back/back/c", "a/b/c", 0 },
	{ "tofile", "a/file", 0 },
	{ "totofile", "a/file", 0 },
	{ "a/blink/c", "a/b/c", 0 },
	{ "a/blink", "a/b", 0 },
	{ "dot/dot/dot/a", "a", 0 },
	{ "messy", "a/b/c", 0 },
	{ "messy/..", "a/b", 0 },
	{ "missing", NULL, ENOENT },
	{ "a/missing", NULL, ENOENT },
	{ "missing/x", NULL, ENOENT },
	{ "missing/..", NULL, ENOENT },
	{ "dangling", NULL, ENOENT },
	{ "absdangle", NULL, ENOENT },
	{ "dangling/x", NULL, ENOENT },
	{ "../secret", NULL, ENOENT },
	{ "up/secret", NULL, ENOENT },
	{ "farup/secret", NULL, ENOENT },
	{ "sideways", NULL, ENOENT },
	{ "a/file/x", NULL, ENOTDIR },
	{ "a/file/.", NULL, ENOTDIR },
	{ "a/file/..", NULL, ENOTDIR },
	{ "tofile/x", NULL, ENOTDIR },
	{ "a/through", NULL, ENOTDIR },
	{ "filelink", NULL, ENOTDIR },
	{ "tofilelink", NULL, ENOTDIR },
	{ "filelink/x", NULL, ENOTDIR },
	{ "loop", NULL, ELOOP },
	{ "loop/x", NULL, ELOOP },
	{ "ping", NULL, ELOOP },
	{ "a/../pong/x", NULL, ELOOP },
};

static void test_open(void)
{
	int before = count_descriptors(), fd;

	for (size_t i = 0; i < ARRAY_SIZE(opens); i++) {
		fd = inroot_open(root_fd, opens[i].path, O_RDONLY);
		if (opens[i].real)
			ok(fd >= 0 && inode_of(fd) == inode_at(opens[i].real), "open %s: is %s",
			   opens[i].path, opens[i].real);
		else
			is_int(fd, -opens[i].error, "open %s: no", opens[i].path);
		if (fd >= 0)
			close(fd);
	}
	is_int(count_descriptors(), before, "no descriptor is left open");
}

static void test_open_flags(void)
{
	int fd = inroot_open(root_fd, "tofile", O_RDONLY);

	ok(fd >= 0 && fcntl(fd, F_GETFD) & FD_CLOEXEC, "descriptors are close-on-exec");
	close(fd);
	is_int(inroot_open(root_fd, "a", O_WRONLY), -EISDIR, "a directory for writing");
	is_int(inroot_open(root_fd, "a/file", O_RDONLY | O_DIRECTORY), -ENOTDIR,
	       "a file as a directory");
}

/* ---- inroot_open_parent ---- */

static const struct {
	const char *path, *parent, *name; /* parent NULL: error */
	int error;
} parents[] = {
	{ "file", ".", "file", 0 },
	{ "/file", ".", "file", 0 },
	{ "a/file", "a", "file", 0 },
	{ "a/missing", "a", "missing", 0 },
	{ "a/b/", "a", "b", 0 },
	{ "a/b///", "a", "b", 0 },
	{ "lib", ".", "lib", 0 }, /* the last component is not looked at */
	{ "lib/", ".", "lib", 0 },
	{ "loop", ".", "loop", 0 },
	{ "lib/new", "usr/lib", "new", 0 },
	{ "abslib/new", "usr/lib", "new", 0 },
	{ "messy/new", "a/b/c", "new", 0 },
	{ "up/up/new", ".", "new", 0 },
	{ "a/b/back/c", "a/b", "c", 0 },
	{ "", ".", "", 0 },
	{ "/", ".", "", 0 },
	{ ".", ".", "", 0 },
	{ "./", ".", "", 0 },
	{ "..", ".", "", 0 },
	{ "a/.", "a", "", 0 },
	{ "a/b/..", "a", "", 0 },
	{ "lib/.", "usr/lib", "", 0 },
	{ "a/../x", ".", "x", 0 },
	{ "a/missing/x", NULL, NULL, ENOENT },
	{ "dangling/x", NULL, NULL, ENOENT },
	{ "a/file/x", NULL, NULL, ENOTDIR },
	{ "tofile/x", NULL, NULL, ENOTDIR },
	{ "loop/x", NULL, NULL, ELOOP },
};

static void test_parent(void)
{
	int before = count_descriptors(), fd, r;
	char name[NAME_MAX + 1];

	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		fd = -1;
		r = inroot_open_parent(root_fd, parents[i].path, NULL, NULL, &fd, name, NULL);
		if (parents[i].parent)
			ok(r == 0 && inode_of(fd) == inode_at(parents[i].parent) &&
				   strcmp(name, parents[i].name) == 0,
			   "parent of %s: '%s' in %s", parents[i].path, parents[i].name,
			   parents[i].parent);
		else
			ok(r == -parents[i].error && fd == -1, "parent of %s: no", parents[i].path);
		if (fd >= 0)
			close(fd);
	}
	is_int(count_descriptors(), before, "no descriptor is left open");
}

/* ---- create ---- */

static int create(const char *path)
{
	char name[NAME_MAX + 1];
	int fd = -1,
	    r = inroot_open_parent(root_fd, path, inroot_make_directory, NULL, &fd, name, NULL);

	if (fd >= 0)
		close(fd);
	return r;
}

static bool is_directory(const char *path, mode_t mode)
{
	struct stat st;

	return fstatat(root_fd, path, &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISDIR(st.st_mode) &&
	       (st.st_mode & 07777) == mode;
}

static void test_create(void)
{
	mode_t mask = umask(022);
	struct stat st;

	is_int(create("new/one/two/file"), 0, "missing directories are made");
	ok(is_directory("new", 0755) && is_directory("new/one/two", 0755), "mode 0755");
	ok(fstatat(root_fd, "new/one/two/file", &st, 0) < 0, "the last component is not made");
	is_int(create("lib/more/file"), 0, "behind a link");
	ok(is_directory("usr/lib/more", 0755), "where the link leads");
	is_int(create("abslib/abs/file"), 0, "behind an absolute link");
	ok(is_directory("usr/lib/abs", 0755), "inside the root");
	is_int(create("up/fromup/file"), 0, "behind a link that leads up");
	ok(is_directory("fromup", 0755), "inside the root");
	ok(fstatat(outside_fd, "fromup", &st, 0) < 0, "not outside");
	is_int(create("new"), 0, "nothing to make");
	is_int(create("a/file/x/y"), -ENOTDIR, "a file in the way");
	is_int(create("loop/x/y"), -ELOOP, "a loop in the way");
	umask(mask);
}

/* ---- a directory that another process moves ---- */

/* What whoever owns theirs can do meanwhile. */
static int make_and_move(void *arg, int dir_fd, const char *name)
{
	int r = inroot_make_directory(arg, dir_fd, name);

	must(renameat(root_fd, "theirs/d", outside_fd, "moved"));
	return r;
}

static void test_moved(void)
{
	static const char *const paths[] = { "theirs/d/new/../../file", "theirs/link/file" };
	char name[NAME_MAX + 1];
	int fd, r;

	must(mkdirat(root_fd, "theirs", 0755));
	must(symlinkat("d/new/../../a", root_fd, "theirs/link"));
	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		fd = -1;
		must(mkdirat(root_fd, "theirs/d", 0755));
		r = inroot_open_parent(root_fd, paths[i], make_and_move, NULL, &fd, name, NULL);
		ok(r == -ESTALE && fd == -1,
		   "%s: '..' of a directory that was moved out of the root is not taken", paths[i]);
		cleanup_close(&fd);
		scratch_remove(outside_fd, "moved");
	}
	is_int(create("theirs/d/new/../../file"), 0, "of one that stays it is");
	scratch_remove(root_fd, "theirs");
}

/* ---- lengths ---- */

/* n bytes: components of 100 'd' each, down from the root, that are made when missing. */
static void long_path(char *path, size_t n)
{
	memset(path, 'd', n);
	path[n] = '\0';
	for (size_t i = 100; i + 1 < n; i += 101)
		path[i] = '/';
}

static void test_lengths(void)
{
	static char path[3 * PATH_MAX], name[NAME_MAX + 1];
	int fd = -1;

	memset(path, 'n', NAME_MAX + 1);
	path[NAME_MAX] = '\0';
	is_int(inroot_open_parent(root_fd, path, NULL, NULL, &fd, name, NULL), 0,
	       "a name of 255 bytes");
	ok(fd >= 0 && strcmp(name, path) == 0, "is whole");
	close(fd);
	strcpy(path + NAME_MAX, "n");
	is_int(create(path), -ENAMETOOLONG, "a name of 256 bytes");
	is_int(inroot_open(root_fd, path, O_RDONLY), -ENAMETOOLONG, "the same to open");
	strcat(path, "/x");
	is_int(create(path), -ENAMETOOLONG, "a directory of 256 bytes");

	long_path(path, PATH_MAX - 1);
	is_int(create(path), 0, "a path of 4095 bytes is made");
	fd = inroot_open_parent(root_fd, path, NULL, NULL, &fd, name, NULL) < 0 ? -1 : fd;
	ok(fd >= 0, "and found");
	if (fd >= 0) {
		put_file(fd, name, "deep", 0644);
		close(fd);
	}
	fd = inroot_open(root_fd, path, O_RDONLY);
	ok(fd >= 0, "and opened");
	if (fd >= 0)
		close(fd);
	long_path(path, sizeof(path) - 1);
	is_int(create(path), -ENAMETOOLONG, "a path of 12 KiB is refused");
	memset(path, '/', sizeof(path) - 1);
	fd = inroot_open(root_fd, path, O_RDONLY);
	ok(fd >= 0 || fd == -ENAMETOOLONG, "12 KiB of slashes: no harm");
	if (fd >= 0)
		close(fd);
}

static void test_chain(void)
{
	char name[32], target[32] = "a/file";
	int fd;

	for (int i = 1; i <= 41; i++) {
		snprintf(name, sizeof(name), "chain%d", i);
		must(symlinkat(target, root_fd, name));
		strcpy(target, name);
	}
	fd = inroot_open(root_fd, "chain40", O_RDONLY);
	ok(fd >= 0 && inode_of(fd) == inode_at("a/file"), "40 links in a row, as the kernel");
	if (fd >= 0)
		close(fd);
	is_int(inroot_open(root_fd, "chain41", O_RDONLY), -ELOOP, "41 are too many");
}

/* Links whose targets are as long as they may be, one in the other. */
static void test_long_links(void)
{
	static char target[PATH_MAX];
	int fd;

	for (size_t i = 0; i < PATH_MAX - 8; i += 2)
		memcpy(target + i, "./", 2);
	strcpy(target + PATH_MAX - 8, "a/b");
	must(symlinkat(target, root_fd, "long1"));
	strcpy(target + PATH_MAX - 8, "long1");
	must(symlinkat(target, root_fd, "long2"));
	fd = inroot_open(root_fd, "long2/c", O_RDONLY);
	ok(fd >= 0 && inode_of(fd) == inode_at("a/b/c"), "links of nearly 4 KiB");
	if (fd >= 0)
		close(fd);
}

/* ---- what the kernel says ---- */

struct answer {
	int error;
	ino_t ino;
};

/* In a child that is chrooted into the root: every path's inode or errno goes down the pipe. */
static void answer_in_chroot(char **paths, size_t n, int pipe_fd)
{
	if (fchdir(root_fd) < 0 || chroot(".") < 0)
		_exit(1);
	for (size_t i = 0; i < n; i++) {
		int fd = open(paths[i], O_RDONLY | O_CLOEXEC);
		struct answer a = { fd < 0 ? errno : 0, fd < 0 ? 0 : inode_of(fd) };

		if (write(pipe_fd, &a, sizeof(a)) != (ssize_t)sizeof(a))
			_exit(1);
		if (fd >= 0)
			close(fd);
	}
	_exit(0);
}

static bool ends_in_slash(const char *path)
{
	return path[strlen(path) - 1] == '/';
}

/* Returns how many of the paths mean something else to inroot_open. */
static int compare_with_kernel(char **paths, size_t n, bool slashes)
{
	int ends[2], status = 0, differ = 0, fd;
	struct answer kernel;
	pid_t pid;

	must(pipe(ends));
	pid = must(fork());
	if (pid == 0)
		answer_in_chroot(paths, n, ends[1]);
	close(ends[1]);
	for (size_t i = 0; i < n; i++) {
		if (read(ends[0], &kernel, sizeof(kernel)) != (ssize_t)sizeof(kernel))
			scratch_die("chroot child");
		if (ends_in_slash(paths[i]) != slashes)
			continue;
		fd = inroot_open(root_fd, paths[i], O_RDONLY);
		if (fd < 0 ? kernel.error != -fd : kernel.error || inode_of(fd) != kernel.ino) {
			if (differ++ < 10)
				diag("%s: the kernel: %s, inroot: %s", paths[i],
				     strerror(kernel.error), fd < 0 ? strerror(-fd) : "opened");
		}
		if (fd >= 0)
			close(fd);
	}
	close(ends[0]);
	waitpid(pid, &status, 0);
	return differ;
}

/* All paths of up to three of these, with and without slashes at the ends. */
static size_t make_paths(char ***ret)
{
	static const char *const parts[] = {
		"a",     "b",       "c",    "file",    "lib",  "abslib", "slash",    "up",
		"farup", "x",       "back", "loop",    "ping", "tofile", "dangling", "dot",
		"messy", "missing", "..",   "through", ".",    "blink",  "usr",      "sideways",
	};
	const size_t n = ARRAY_SIZE(parts);
	char **paths = calloc((n * n * n + n * n + n) * 3, sizeof(*paths)), path[256];
	size_t count = 0;

	for (size_t i = 0; i < n * n * n + n * n + n; i++) {
		if (i < n)
			strcpy(path, parts[i]);
		else if (i < n + n * n)
			sprintf(path, "%s/%s", parts[(i - n) / n], parts[(i - n) % n]);
		else
			sprintf(path, "%s/%s/%s", parts[(i - n - n * n) / n / n],
				parts[(i - n - n * n) / n % n], parts[(i - n - n * n) % n]);
		paths[count++] = strdup(path);
		if (asprintf(&paths[count], "/%s", path) >= 0)
			count++;
		if (asprintf(&paths[count], "%s/", path) >= 0)
			count++;
	}
	*ret = paths;
	return count;
}

static void test_against_kernel(void)
{
	char **paths;
	size_t n;

	if (geteuid() != 0) {
		skip(2, "not root: no chroot to compare with");
		return;
	}
	n = make_paths(&paths);
	is_int(compare_with_kernel(paths, n, false), 0, "%zu paths mean what they mean in a chroot",
	       n - n / 3);
	is_int(compare_with_kernel(paths, n, true), 0, "the same with a slash at the end");
	for (size_t i = 0; i < n; i++)
		free(paths[i]);
	free(paths);
}

/* ---- inroot_open_file ---- */

static void test_open_file(void)
{
	int fd;

	put_file(root_fd, "plain", "text", 0644);
	must(mkfifoat(root_fd, "pipe", 0644));
	must(symlinkat("/plain", root_fd, "to_plain"));
	must(symlinkat("pipe", root_fd, "to_pipe"));
	for (size_t i = 0; i < 2; i++) {
		fd = inroot_open_file(root_fd, i ? "to_plain" : "plain");
		ok(fd >= 0, "a file%s is opened", i ? " behind a link" : "");
		close(fd);
	}
	is_int(inroot_open_file(root_fd, "pipe"), -ENOENT, "a fifo is not waited for");
	is_int(inroot_open_file(root_fd, "to_pipe"), -ENOENT, "nor one behind a link");
	is_int(inroot_open_file(root_fd, "."), -ENOENT, "a directory is no file");
	is_int(inroot_open_file(root_fd, "none"), -ENOENT, "what is not there is not opened");
	for (size_t i = 0; i < 4; i++)
		must(unlinkat(root_fd,
			      (const char *[]){ "plain", "pipe", "to_plain", "to_pipe" }[i], 0));
}

/* ---- inroot_path_leaves ---- */

static void test_leaves(void)
{
	static const struct {
		const char *path;
		bool leaves;
	} paths[] = {
		{ "", false },          { "/", false },          { ".", false },
		{ "a", false },         { "..", true },          { "/..", true },
		{ "../a", true },       { "a/..", false },       { "a/../..", true },
		{ "./..", true },       { "././a/../b", false }, { "a/b/../../..", true },
		{ "a/../b/..", false }, { "//..//a", true },     { "...", false },
		{ "..a", false },       { "a..", false },        { "a/b/../../c/..", false },
		{ "a/./../..", true },  { "../", true },         { "a/../../a", true },
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		ok(inroot_path_leaves(paths[i].path) == paths[i].leaves, "'%s' %s", paths[i].path,
		   paths[i].leaves ? "leaves" : "stays");
}

int main(void)
{
	make_tree();
	test_open();
	test_open_flags();
	test_parent();
	test_create();
	test_moved();
	test_lengths();
	test_chain();
	test_long_links();
	test_against_kernel();
	test_open_file();
	test_leaves();
	return done_testing();
}
