/* What a root that has only /usr gets, and that no other gets anything. */
#include "image/usr_root.h"

#include "scratch.h"

struct made {
	int root;
	char text[200];
};

static int make(void *arg, const struct usr_root_name *n)
{
	struct made *m = arg;
	size_t used = strlen(m->text);

	snprintf(m->text + used, sizeof(m->text) - used, "%s%s", used ? " " : "", n->name);
	used = strlen(m->text);
	if (n->target) {
		must(symlinkat(n->target, m->root, n->name));
		snprintf(m->text + used, sizeof(m->text) - used, "->%s", n->target);
	} else {
		must(mkdirat(m->root, n->name, n->mode));
		snprintf(m->text + used, sizeof(m->text) - used, ":%o", (unsigned)n->mode);
	}
	return 0;
}

static int refuse(void *arg, const struct usr_root_name *n)
{
	(void)arg;
	(void)n;
	return -EROFS;
}

#define TOP "etc:755 var:755 root:750"
#define X86 "usr/lib64/ld-linux-x86-64.so.2"
#define ARM "usr/lib/ld-linux-aarch64.so.1"

/* names: what the root has: a/b is a directory, a/b! a file, a>b a link to b. */
static const struct {
	const char *what, *names[12], *made;
} roots[] = {
	{ "empty", { 0 }, "" },
	{ "whole", { "bin", "lib", "sbin", "lib64", "usr", "usr/bin", "usr/lib", "usr/sbin" }, "" },
	{ "only usr",
	  { "usr", "usr/bin", "usr/sbin", "usr/lib", "usr/lib64", X86 "!" },
	  "bin->usr/bin lib->usr/lib sbin->usr/sbin lib64->usr/lib64 " TOP },
	{ "only usr, ld.so a link that leads through /lib",
	  { "usr", "usr/lib", "usr/lib64", X86 ">/lib/ld.so" },
	  "lib->usr/lib lib64->usr/lib64 " TOP },
	{ "only usr, ld.so in lib",
	  { "usr", "usr/bin", "usr/lib", "usr/lib64", "usr/lib/ld-linux-x86-64.so.2!" },
	  "bin->usr/bin lib->usr/lib lib64->usr/lib " TOP },
	{ "without ld.so", { "usr", "usr/lib", "usr/lib64" }, "lib->usr/lib " TOP },
	{ "some names there",
	  { "etc", "root", "bin", "usr", "usr/bin", "usr/lib", "usr/sbin>bin" },
	  "lib->usr/lib sbin->usr/sbin var:755" },
	{ "a link that leads nowhere",
	  { "bin>nowhere", "lib", "sbin", "usr", "usr/bin", "usr/lib64", X86 "!" },
	  "lib64->usr/lib64 " TOP },
	{ "arm64, only usr",
	  { "usr", "usr/bin", "usr/lib", ARM "!" },
	  "bin->usr/bin lib->usr/lib lib64->usr/lib " TOP },
	{ "arm64, whole: Debian has no /lib64",
	  { "bin", "sbin", "lib>usr/lib", "usr", "usr/lib", ARM "!" },
	  "" },
};

static void put_name(int root, const char *name)
{
	char path[100], *mark;

	strcpy(path, name);
	mark = strpbrk(path, "!>");
	if (!mark) {
		must(mkdirat(root, path, 0755));
	} else if (*mark == '!') {
		*mark = '\0';
		put_file(root, path, "x", 0755);
	} else {
		*mark = '\0';
		must(symlinkat(mark + 1, root, path));
	}
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
		struct made m = { 0 };
		struct root_files files;
		char directory[16];

		snprintf(directory, sizeof(directory), "%zu", i);
		m.root = scratch_dir(directory);
		files = root_files_at(m.root);

		for (const char *const *name = roots[i].names; *name; name++)
			put_name(m.root, *name);
		if (*roots[i].made)
			is_int(usr_root_complete(&files, refuse, NULL), -EROFS, "%s: a failure",
			       roots[i].what);
		is_int(usr_root_complete(&files, make, &m), 0, "%s", roots[i].what);
		is_str(m.text, roots[i].made, "%s: what is made", roots[i].what);
		*m.text = '\0';
		is_int(usr_root_complete(&files, make, &m), 0, "%s: again", roots[i].what);
		is_str(m.text, "", "%s: nothing more", roots[i].what);
		close(m.root);
	}
	return done_testing();
}
