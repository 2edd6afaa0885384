/* Output files: complete under their name or not there at all, and nothing else left behind. */
#include "out.h"

#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"

static int dir;
static struct fail f;

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

static void test_commit(void)
{
	struct out o = { 0 };
	struct stat st;

	put_file(dir, "image", "old", 0600);
	is_int(out_open(path("image"), &o, &f), 0, "opened");
	is_int(out_write(&o, "new ", 4, &f), 0, "written");
	is_int(out_write(&o, "content", 7, &f), 0, "written again");
	is_str(get_file(dir, "image"), "old", "the old file stays meanwhile");
	is_int(count_files(), 2, "the new one lies beside it");
	is_int(out_commit(&o, &f), 0, "committed");
	is_str(get_file(dir, "image"), "new content", "the new file is there");
	is_int(count_files(), 1, "alone");
	ok(fstatat(dir, "image", &st, 0) == 0 && (st.st_mode & 07777) == 0644,
	   "with the mode that the umask allows");
	out_abandon(&o);
	is_str(get_file(dir, "image"), "new content", "to abandon it now does nothing");
	must(unlinkat(dir, "image", 0));
}

static void test_abandon(void)
{
	struct out o = { 0 };

	put_file(dir, "image", "old", 0600);
	is_int(out_open(path("image"), &o, &f), 0, "opened");
	is_int(out_write(&o, "new", 3, &f), 0, "written");
	out_abandon(&o);
	is_str(get_file(dir, "image"), "old", "abandoned, the old file stays");
	is_int(count_files(), 1, "alone");
	out_abandon(&o);
	out_abandon(&(struct out){ 0 });
	is_int(count_files(), 1, "to abandon twice, or what never was, does nothing");
	must(unlinkat(dir, "image", 0));
}

static void test_failures(void)
{
	struct out o = { 0 };
	int before = count_descriptors();

	ok(out_open(path("missing/image"), &o, &f) < 0 && f.error == ENOENT && *f.what && *f.why,
	   "a directory that is not there: %s", f.why);
	out_abandon(&o);
	must(mkdirat(dir, "image", 0755));
	put_file(dir, "image/x", "x", 0644);
	is_int(out_open(path("image"), &o, &f), 0, "a directory in its place is not seen at first");
	is_int(out_write(&o, "new", 3, &f), 0, "written");
	ok(out_commit(&o, &f) < 0 && *f.why, "but at the end: %s", f.why);
	is_int(count_files(), 1, "nothing is left behind");
	is_str(get_file(dir, "image/x"), "x", "and the directory stays");
	is_int(count_descriptors(), before, "no descriptor is left open");
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
		if (out_open(path("image"), &a, &f) < 0 || out_open(path("other"), &b, &f) < 0 ||
		    out_open(path("done"), &c, &f) < 0 || out_commit(&c, &f) < 0)
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

int main(void)
{
	static const int signals[] = { SIGINT, SIGTERM, SIGHUP, SIGPIPE };

	umask(022);
	dir = scratch_dir("out");
	test_commit();
	test_abandon();
	test_failures();
	for (size_t i = 0; i < ARRAY_SIZE(signals); i++)
		check_signal(signals[i]);
	return done_testing();
}
