/* Output files: complete under their name or not there at all, and nothing else left behind. */
#include "base/out.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"
#include "wrap.h"

static int dir;
static struct fail f;
static bool without_tmpfile; /* as on NFS, and before Linux 3.11 */

WRAP(int, LARGE(open), (const char *name, int flags, mode_t mode))
{
	if (without_tmpfile && (flags & O_TMPFILE) == O_TMPFILE) {
		errno = EOPNOTSUPP;
		return -1;
	}
	return REAL(LARGE(open))(name, flags, mode);
}

/* Names in the directory. */
static int count_files(void)
{
	DIR *d = fdopendir(must(openat(dir, ".", O_RDONLY | O_DIRECTORY)));
	int n = -2;

	while (d && readdir(d))
		n++;
	closedir(d);
	return n;
}

static const char *path(const char *name)
{
	static char text[5000];

	snprintf(text, sizeof(text), "%s/out/%s", scratch_base, name);
	return text;
}

static mode_t mode_of(const char *name)
{
	struct stat st;

	must(fstatat(dir, name, &st, 0));
	return st.st_mode & 07777;
}

/* The message of a target that is refused, by both ways to ask. */
static void is_refused(const char *name, const char *why, const char *todo)
{
	struct out o = { 0 };

	ok(out_check(path(name), NULL, &f) == -f.error && f.error, "%s is refused", name);
	is_str(f.what, path(name), "it is named");
	is_str(f.why, why, "why");
	is_str(f.todo, todo, "what to do");
	ok(out_open(path(name), OUT_SHARED, &o, &f) < 0, "not opened, too");
	is_str(f.why, why, "for the same reason");
	out_abandon(&o);
}

/* n: names that are there while it is written. */
static void test_commit(int n)
{
	struct out o = { 0 };

	put_file(dir, "image", "old", 0640);
	is_int(out_open(path("image"), OUT_PRIVATE, &o, &f), 0, "opened");
	is_int(out_write(&o, "new ", 4, &f), 0, "written");
	is_int(out_write(&o, "content", 7, &f), 0, "written again");
	is_str(get_file(dir, "image"), "old", "the old file stays meanwhile");
	is_int(count_files(), n, "%d file%s there", n, n == 1 ? " is" : "s are");
	is_int(out_commit(&o, &f), 0, "committed");
	is_str(get_file(dir, "image"), "new content", "the new file is there");
	is_int(count_files(), 1, "alone");
	is_int(mode_of("image"), 0640, "who could read the old one can read it");
	out_abandon(&o);
	is_str(get_file(dir, "image"), "new content", "to abandon it now does nothing");
	must(unlinkat(dir, "image", 0));
}

static void test_modes(void)
{
	static const struct {
		enum out_mode mode;
		mode_t mask, new, over_0604;
	} cases[] = {
		{ OUT_PRIVATE, 022, 0600, 0604 },   { OUT_PRIVATE, 0, 0600, 0604 },
		{ OUT_SHARED, 022, 0644, 0604 },    { OUT_SHARED, 027, 0640, 0604 },
		{ OUT_PUBLISHED, 077, 0644, 0644 },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct out o = { 0 };

		umask(cases[i].mask);
		must(out_open(path("image"), cases[i].mode, &o, &f));
		is_int(out_commit(&o, &f), 0, "a new file");
		is_int(mode_of("image"), cases[i].new, "its mode");
		must(fchmodat(dir, "image", 0604, 0));
		must(out_open(path("image"), cases[i].mode, &o, &f));
		is_int(out_commit(&o, &f), 0, "it replaces itself");
		is_int(mode_of("image"), cases[i].over_0604, "with this mode");
		must(unlinkat(dir, "image", 0));
	}
	umask(022);
}

static void test_abandon(void)
{
	struct out o = { 0 };

	put_file(dir, "image", "old", 0600);
	is_int(out_open(path("image"), OUT_SHARED, &o, &f), 0, "opened");
	is_int(out_write(&o, "new", 3, &f), 0, "written");
	out_abandon(&o);
	is_str(get_file(dir, "image"), "old", "abandoned, the old file stays");
	is_int(count_files(), 1, "alone");
	out_abandon(&o);
	out_abandon(&(struct out){ 0 });
	is_int(count_files(), 1, "to abandon twice, or what never was, does nothing");
	must(out_open_unnamed(path("image"), &o, &f));
	is_int(count_files(), 1, "an unnamed file has no name");
	is_int(out_write(&o, "data", 4, &f), 0, "and is written");
	out_abandon(&o);
	must(unlinkat(dir, "image", 0));
}

static void test_links(void)
{
	_cleanup_free_ char *source = strdup(path("real/../also/new"));
	struct out o = { 0 };
	char why[128];
	struct stat st;

	must(mkdirat(dir, "real", 0755));
	must(symlinkat("real", dir, "also"));
	must(symlinkat("also/new", dir, "link"));
	must(symlinkat("link", dir, "chain"));
	for (int i = 0; i < 2; i++) {
		is_int(out_check(path("chain"), NULL, &f), 0, "a link to %s file", i ? "a" : "no");
		must(out_open(path("chain"), OUT_SHARED, &o, &f));
		must(out_write(&o, i ? "two" : "one", 3, &f));
		is_int(out_commit(&o, &f), 0, "is followed");
		is_str(get_file(dir, "real/new"), i ? "two" : "one", "to what it names");
	}
	ok(fstatat(dir, "link", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode),
	   "and stays a link");
	ok(out_check(path("chain"), source, &f) == -EINVAL &&
		   strcmp(f.why,
			  "it would overwrite another file that this command reads or writes") == 0,
	   "what is read is not replaced, however it is called");
	is_int(out_check(path("chain"), "/etc/hostname", &f), 0, "another is");
	must(unlinkat(dir, "chain", 0));
	must(symlinkat("chain", dir, "chain"));
	snprintf(why, sizeof(why), "cannot write it: %s", strerror(ELOOP));
	is_refused("chain", why, "");
	for (size_t i = 0; i < 4; i++)
		must(unlinkat(dir, (const char *[]){ "chain", "link", "also", "real/new" }[i], 0));
	must(unlinkat(dir, "real", AT_REMOVEDIR));
}

static void test_long_name(void)
{
	struct out o = { 0 };
	char name[256];

	memset(name, 'n', 255);
	name[255] = '\0';
	for (int i = 0; i < 2; i++) {
		must(out_open(path(name), OUT_SHARED, &o, &f));
		is_int(out_commit(&o, &f), 0, "a name of 255 bytes");
	}
	is_int(count_files(), 1, "is one file");
	must(unlinkat(dir, name, 0));
	name[254] = '/';
	is_refused("image/", "it is a directory", "Give the name of a file in it.");
}

static void test_refused(void)
{
	int before = count_descriptors();

	is_refused("missing/image", "cannot write into its directory: No such file or directory",
		   "Create that directory first, or give another one.");
	must(mkdirat(dir, "image", 0755));
	is_refused("image", "it is a directory", "Give the name of a file in it.");
	must(unlinkat(dir, "image", AT_REMOVEDIR));
	must(mkfifoat(dir, "pipe", 0600));
	is_refused("pipe", "it is a pipe: only a file can be replaced", "Give the name of a file.");
	must(unlinkat(dir, "pipe", 0));
	must(symlinkat("/dev/null", dir, "null"));
	is_refused("null", "it is a device: only a file can be replaced",
		   "Give the name of a file.");
	must(unlinkat(dir, "null", 0));
	ok(out_check("-", NULL, &f) == -EINVAL, "-: %s", f.why);
	is_int(count_files(), 0, "nothing is left behind");
	is_int(count_descriptors(), before, "no descriptor is left open");
}

/* What comes between the check and the end. */
static void test_late_directory(void)
{
	struct out o = { 0 };

	must(out_open(path("image"), OUT_SHARED, &o, &f));
	must(mkdirat(dir, "image", 0755));
	put_file(dir, "image/x", "x", 0644);
	ok(out_commit(&o, &f) < 0 && *f.why, "a directory came in between: %s", f.why);
	is_int(count_files(), 1, "nothing is left behind");
	is_str(get_file(dir, "image/x"), "x", "and the directory stays");
	must(unlinkat(dir, "image/x", 0));
	must(unlinkat(dir, "image", AT_REMOVEDIR));
}

/* A child with outputs open is ended by a signal. */
static void check_signal(int signal)
{
	struct out a = { 0 }, b = { 0 }, c = { 0 };
	int status = 0;
	pid_t pid = must(fork());

	if (pid == 0) {
		out_catch_signals();
		if (out_open(path("image"), OUT_PRIVATE, &a, &f) < 0 ||
		    out_open(path("other"), OUT_SHARED, &b, &f) < 0 ||
		    out_open(path("done"), OUT_SHARED, &c, &f) < 0 || out_commit(&c, &f) < 0)
			_exit(1);
		raise(signal);
		_exit(2);
	}
	waitpid(pid, &status, 0);
	ok(WIFSIGNALED(status) && WTERMSIG(status) == signal, "signal %d ends the program", signal);
	is_int(count_files(), 1, "its unfinished outputs are gone");
	ok(faccessat(dir, "done", F_OK, 0) == 0, "the finished one is there");
	must(unlinkat(dir, "done", 0));
}

/* An image and its kernel. new: text of the new kernel; NULL = there is none. good: the image can be renamed. */
static void commit_pair(const char *old, const char *new, bool good)
{
	char kernel[5000];
	struct out o = { 0 }, beside = { 0 };

	snprintf(kernel, sizeof(kernel), "%s", path("image.vmlinuz"));
	if (good)
		put_file(dir, "image", "old", 0600);
	if (old)
		put_file(dir, "image.vmlinuz", old, 0600);
	is_int(out_open(path("image"), OUT_PRIVATE, &o, &f), 0, "the image is opened");
	is_int(out_write(&o, "new", 3, &f), 0, "and written");
	if (new) {
		is_int(out_open(kernel, OUT_SHARED, &beside, &f), 0, "the kernel is opened");
		is_int(out_write(&beside, new, strlen(new), &f), 0, "and written");
	}
	if (!good)
		must(mkdirat(dir, "image", 0755));
	is_int(out_commit_pair(&o, &beside, kernel, &f), good ? 0 : -EISDIR, "committed");
	ok(!out_is_open(&o) && !out_is_open(&beside), "and closed");
}

static void end_pair(void)
{
	(void)unlinkat(dir, "image.vmlinuz", 0);
	(void)unlinkat(dir, "image.vmlinuz.old", 0);
	(void)unlinkat(dir, "image", 0);
	(void)unlinkat(dir, "image", AT_REMOVEDIR);
}

static void test_pair(void)
{
	commit_pair("old kernel", "new kernel", true);
	is_str(get_file(dir, "image"), "new", "a pair: the new image");
	is_str(get_file(dir, "image.vmlinuz"), "new kernel", "the new kernel");
	is_int(count_files(), 2, "nothing else");
	end_pair();
	commit_pair(NULL, "new kernel", true);
	is_str(get_file(dir, "image.vmlinuz"), "new kernel",
	       "where there was none: the new kernel");
	is_int(count_files(), 2, "nothing else");
	end_pair();
	commit_pair("old kernel", NULL, true);
	is_str(get_file(dir, "image"), "new", "without a kernel: the new image");
	is_str(get_file(dir, "image.vmlinuz.old"), "old kernel",
	       "the old kernel under another name");
	is_int(count_files(), 2, "nothing else");
	end_pair();
}

static void test_pair_failures(void)
{
	commit_pair("old kernel", "new kernel", false);
	is_str(get_file(dir, "image.vmlinuz"), "old kernel", "no image: the old kernel stays");
	is_int(count_files(), 2, "nothing else");
	end_pair();
	commit_pair(NULL, "new kernel", false);
	is_int(count_files(), 1, "no image: no new kernel");
	end_pair();
	commit_pair("old kernel", NULL, false);
	is_str(get_file(dir, "image.vmlinuz"), "old kernel", "no image: the old kernel is back");
	is_int(count_files(), 2, "nothing else");
	end_pair();
}

int main(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

	umask(022);
	dir = scratch_dir("out");
	for (int i = 0; i < 2; i++) {
		without_tmpfile = i;
		test_commit(1 + i);
		test_modes();
		test_abandon();
		test_links();
		test_long_name();
		test_refused();
		test_late_directory();
		test_pair();
		test_pair_failures();
		for (size_t k = 0; k < ARRAY_SIZE(signals); k++)
			check_signal(signals[k]);
	}
	return done_testing();
}
