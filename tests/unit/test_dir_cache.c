/*
 * The cache of directories finds the same directories as inroot, whatever was open before, whatever was changed
 * between two calls.
 */
#include "tree/dir_cache.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/inroot.h"
#include "scratch.h"
#include "tap.h"

static int root_fd;
static struct dir_cache cache;

static bool same_inode(int a, int b)
{
	struct stat x, y;

	return fstat(a, &x) == 0 && fstat(b, &y) == 0 && x.st_ino == y.st_ino;
}

/* Asks both and compares directory, name and place. */
static void is_as_inroot(const char *path, const char *what)
{
	char name[NAME_MAX + 1] = "?", want_name[NAME_MAX + 1] = "?", want_real[PATH_MAX] = "?";
	int fd = dir_cache_open_parent(&cache, path, false, name), want_fd = -1;
	int want = inroot_open_parent(root_fd, path, NULL, NULL, &want_fd, want_name, want_real);
	size_t length = 0;
	const char *place;

	if (want < 0) {
		is_int(fd, want, "%s (%s): the same error", path, what);
		return;
	}
	place = dir_cache_path(&cache, &length);
	ok(fd >= 0 && same_inode(fd, want_fd) && strcmp(name, want_name) == 0 &&
		   length == strlen(want_real) && memcmp(place, want_real, length) == 0,
	   "%s (%s): the same directory", path, what);
	close(want_fd);
}

static void make_tree(void)
{
	mkdirat(root_fd, "usr", 0755);
	mkdirat(root_fd, "usr/lib", 0755);
	mkdirat(root_fd, "usr/lib/x", 0755);
	mkdirat(root_fd, "usr/lib/xy", 0755);
	mkdirat(root_fd, "usr/share", 0755);
	must(symlinkat("usr/lib", root_fd, "lib"));
	must(symlinkat("/usr/share", root_fd, "usr/lib/x/abs"));
	must(symlinkat("../../../../../usr", root_fd, "usr/up"));
	must(symlinkat("loop", root_fd, "loop"));
	close(openat(root_fd, "file", O_CREAT | O_WRONLY | O_CLOEXEC, 0644));
}

static void test_paths(void)
{
	static const char *const paths[] = {
		"usr/lib/x/f",
		"usr/lib/xy/f",
		"usr/lib/x/f",
		"usr/lib/f",
		"usr/f",
		"f",
		"./usr/lib/f",
		".//usr//lib/f",
		"usr/lib/x/",
		"usr/lib/x//",
		"usr/lib/x/.",
		"lib/f",
		"lib/x/f",
		"usr/lib/x/f",
		"usr/lib/x/abs/f",
		"usr/up/f",
		"usr/../f",
		"../f",
		"/usr/lib/f",
		"/",
		".",
		"./",
		"..",
		"usr/..",
		"loop/f",
		"file/f",
		"missing/f",
		"usr/missing/f",
		"usr/lib/xy/f",
	};
	char *long_path = malloc(400);

	for (size_t i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		is_as_inroot(paths[i], "in turn");
	for (size_t i = sizeof(paths) / sizeof(paths[0]); i-- > 0;)
		is_as_inroot(paths[i], "and back");
	memset(long_path, 'n', 399);
	memcpy(long_path, "usr/", 4);
	long_path[399] = '\0';
	is_as_inroot(long_path, "a name that is too long");
	free(long_path);
}

static void test_changes(void)
{
	is_as_inroot("usr/lib/x/f", "before it changes");
	unlinkat(root_fd, "usr/lib/x/abs", 0);
	must(unlinkat(root_fd, "usr/lib/x", AT_REMOVEDIR));
	must(symlinkat("../share", root_fd, "usr/lib/x"));
	dir_cache_forget(&cache);
	is_as_inroot("usr/lib/x/f", "a link where the directory was");
	must(unlinkat(root_fd, "usr/lib/x", 0));
	mkdirat(root_fd, "usr/lib/x", 0755);
	dir_cache_forget(&cache);
	is_as_inroot("usr/lib/x/f", "a directory again");
}

static void test_create(void)
{
	char name[NAME_MAX + 1], deep[2 * 40 + 2] = "";
	struct stat st;
	size_t length;

	umask(077);
	ok(dir_cache_open_parent(&cache, "new/er/f", true, name) >= 0,
	   "missing directories are made");
	umask(022);
	ok(fstatat(root_fd, "new/er", &st, 0) == 0 && (st.st_mode & 07777) == 0755,
	   "with their mode");
	for (int i = 0; i < 40; i++)
		strcat(deep, "d/");
	strcat(deep, "f");
	ok(dir_cache_open_parent(&cache, deep, true, name) >= 0, "deeper than what is kept open");
	dir_cache_path(&cache, &length);
	is_int((long long)length, 79, "and it knows where that is");
	is_as_inroot(deep, "deep");
	is_as_inroot("d/d/d/f", "half way up");
}

int main(void)
{
	root_fd = scratch_dir("dir_cache");
	make_tree();
	dir_cache_init(&cache, root_fd);
	test_paths();
	test_changes();
	test_create();
	dir_cache_close(&cache);
	return done_testing();
}
