/* Which programs can be the new init: roots with one fault each, and the order of the defaults. */
#include "image/initcheck.h"

#include <elf.h>
#include <errno.h>

#include "base/elfinfo.h"
#include "base/inroot.h"
#include "scratch.h"
#include "tap.h"

#define LD_SO "/lib64/ld-linux.so"

/* A program of the machine, with the interpreter or static. */
static void put_program(int root, const char *path, uint16_t machine, const char *interpreter)
{
	struct {
		Elf64_Ehdr e;
		Elf64_Phdr segment;
		char interpreter[64];
	} file = {
		.e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT },
		       .e_machine = machine,
		       .e_phoff = sizeof(Elf64_Ehdr),
		       .e_phentsize = sizeof(Elf64_Phdr),
		       .e_phnum = 1 },
		.segment = { .p_type = interpreter ? PT_INTERP : PT_LOAD,
			     .p_offset = sizeof(Elf64_Ehdr) + sizeof(Elf64_Phdr),
			     .p_filesz = interpreter ? strlen(interpreter) + 1 : 0 },
	};

	if (interpreter)
		strcpy(file.interpreter, interpreter);
	put_data(root, path, &file, sizeof(file), 0755);
}

static void make_directories(int root)
{
	static const char *const directories[] = { "sbin",    "bin",     "etc",
						   "usr",     "usr/lib", "usr/lib/systemd",
						   "usr/bin", "lib64" };

	for (size_t i = 0; i < ARRAY_SIZE(directories); i++)
		must(mkdirat(root, directories[i], 0755));
	must(symlinkat("usr/lib", root, "lib"));
}

/* One root with every fault that an init can have. */
static void make_faults(int root)
{
	make_directories(root);
	put_program(root, "bin/static", EM_X86_64, NULL);
	put_program(root, "lib64/ld-linux.so", EM_X86_64, NULL);
	put_program(root, "bin/dynamic", EM_X86_64, LD_SO);
	put_program(root, "bin/foreign", EM_AARCH64, NULL);
	put_program(root, "bin/i386", EM_386, NULL);
	put_program(root, "bin/no-ld", EM_X86_64, "/lib64/ld-missing.so");
	put_program(root, "lib64/ld-foreign.so", EM_AARCH64, NULL);
	put_program(root, "bin/foreign-ld", EM_X86_64, "/lib64/ld-foreign.so");
	put_program(root, "bin/plain", EM_X86_64, NULL);
	must(fchmodat(root, "bin/plain", 0644, 0));
	put_program(root, "bin/group-only", EM_X86_64, NULL);
	must(fchmodat(root, "bin/group-only", 0610, 0));
	put_file(root, "lib64/ld-plain.so", "x", 0644);
	put_program(root, "bin/plain-ld", EM_X86_64, "/lib64/ld-plain.so");
	put_file(root, "bin/empty", "", 0755);
	put_file(root, "bin/text", "just text\n", 0755);
	put_file(root, "bin/script", "#!/bin/static\n", 0755);
	put_file(root, "bin/script-dynamic", "#! /bin/dynamic -x\n", 0755);
	put_file(root, "bin/script-missing", "#!/bin/missing\n", 0755);
	put_file(root, "bin/script-foreign", "#!/bin/foreign\n", 0755);
	put_file(root, "bin/script-no-ld", "#!/bin/no-ld\n", 0755);
	put_file(root, "bin/script-2", "#!/bin/script\n", 0755);
	put_file(root, "bin/script-self", "#!/bin/script-self\n", 0755);
	must(mkfifoat(root, "bin/fifo", 0755));
	/* Without a driver: it cannot be opened. */
	if (mknodat(root, "bin/device", S_IFCHR | 0755, 0) < 0)
		must(mkfifoat(root, "bin/device", 0755));
	must(symlinkat("nowhere", root, "bin/dangling"));
	must(symlinkat("loop", root, "bin/loop"));
	must(symlinkat("/bin/static", root, "bin/absolute"));
	must(symlinkat("../../../../bin/static", root, "bin/upwards"));
	must(symlinkat("../bin/dynamic", root, "sbin/relative"));
}

static const struct {
	const char *path;
	int r;
	const char *why; /* some of the reason's words */
} programs[] = {
	{ "/bin/static", 0, NULL },
	{ "bin/static", 0, NULL },
	{ "/bin/i386", 0, NULL },
	{ "/bin/dynamic", 0, NULL },
	{ "/bin/absolute", 0, NULL },
	{ "/bin/upwards", 0, NULL },
	{ "/sbin/relative", 0, NULL },
	{ "/bin/group-only", 0, NULL },
	{ "/bin/script", 0, NULL },
	{ "/bin/script-dynamic", 0, NULL },
	{ "/bin/script-2", 0, NULL },
	{ "/bin/missing", -ENOENT, "not in the root" },
	{ "/nowhere/init", -ENOENT, "not in the root" },
	{ "/bin/dangling", -ENOENT, "not in the root" },
	{ "/bin/loop", -ELOOP, "" },
	{ "/bin/static/x", -ENOTDIR, "" },
	{ "/bin", -EACCES, "directory" },
	{ "/", -EACCES, "directory" },
	{ "/bin/fifo", -EACCES, "regular file" },
	{ "/bin/device", -EACCES, "regular file" },
	{ "/bin/plain", -EACCES, "0644" },
	{ "/bin/empty", -ENOEXEC, "neither" },
	{ "/bin/text", -ENOEXEC, "neither" },
	{ "/bin/foreign", -ENOEXEC, "aarch64" },
	{ "/bin/no-ld", -ENOENT, "/lib64/ld-missing.so" },
	{ "/bin/foreign-ld", -ENOEXEC, "aarch64" },
	{ "/bin/plain-ld", -EACCES, "/lib64/ld-plain.so" },
	{ "/bin/script-missing", -ENOENT, "/bin/missing" },
	{ "/bin/script-foreign", -ENOEXEC, "aarch64" },
	{ "/bin/script-no-ld", -ENOENT, "/lib64/ld-missing.so" },
	{ "/bin/script-self", -ELOOP, "deep" },
};

static void test_programs(int root)
{
	struct root_files files = root_files_at(root);
	int before = count_descriptors();

	for (size_t i = 0; i < ARRAY_SIZE(programs); i++) {
		struct fail f = { 0 };
		int r = initcheck_program(&files, programs[i].path, EM_X86_64, &f);

		is_int(r, programs[i].r, "%s", programs[i].path);
		if (programs[i].r < 0)
			ok(f.error == -programs[i].r && strcmp(f.what, programs[i].path) == 0 &&
				   strstr(f.why, programs[i].why),
			   "because %s", f.why);
	}
	is_int(initcheck_program(&files, "/bin/foreign", EM_AARCH64, &(struct fail){ 0 }), 0,
	       "it is the machine that was asked for that counts");
	is_int(initcheck_program(&files, "/bin/i386", EM_AARCH64, &(struct fail){ 0 }), -ENOEXEC,
	       "one for i386 runs on x86-64, and nowhere else");
	is_int(count_descriptors(), before, "no descriptor is left open");
}

static void test_find(int root)
{
	struct root_files files = root_files_at(root);
	static const struct {
		const char *wanted, *preferred, *found; /* found NULL: a failure */
		int error;
	} cases[] = {
		{ "/bin/static", NULL, "/bin/static", 0 },
		{ "/bin/static", "/bin/dynamic", "/bin/static", 0 },
		{ "/bin/missing", "/bin/dynamic", NULL, ENOENT },
		{ "/bin/plain", NULL, NULL, EACCES },
		{ NULL, "/bin/dynamic", "/bin/dynamic", 0 },
		{ "", "/bin/dynamic", "/bin/dynamic", 0 },
		{ "", "", NULL, ENOENT },
		{ NULL, NULL, NULL, ENOENT },
		{ NULL, "/bin/missing", NULL, ENOENT },
		{ NULL, "/bin/plain", NULL, EACCES },
	};

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct fail f = { 0 };
		const char *path = initcheck_find(&files, cases[i].wanted, cases[i].preferred,
						  EM_X86_64, &f);

		is_str(path, cases[i].found, "wanted %s, preferred %s",
		       cases[i].wanted ? cases[i].wanted : "nothing",
		       cases[i].preferred ? cases[i].preferred : "nothing");
		if (!cases[i].found)
			ok(f.error == cases[i].error && *f.what && *f.why, "because: %s: %s",
			   f.what, f.why);
	}
}

/* The defaults appear one by one, the least wanted first; each time the new one must be found. */
static void test_defaults(void)
{
	int root = scratch_dir("defaults");
	struct root_files files = root_files_at(root);
	struct fail f = { 0 };
	const char *path;
	size_t n = 0;

	make_directories(root);
	must(unlinkat(root, "lib", 0)); /* or two of them were one file */
	must(mkdirat(root, "lib", 0755));
	must(mkdirat(root, "lib/systemd", 0755));
	while (initcheck_defaults[n])
		n++;
	path = initcheck_find(&files, NULL, NULL, EM_X86_64, &f);
	ok(!path && f.error == ENOENT && strstr(f.why, "/sbin/init") && *f.todo,
	   "a root without init: %s", f.why);
	while (n-- > 0) {
		const char *name = initcheck_defaults[n];

		put_program(root, name + 1, EM_X86_64, NULL);
		is_str(initcheck_find(&files, NULL, NULL, EM_X86_64, &f), name,
		       "%s comes first now", name);
	}
	close(root);
}

/* The machine of a root: of the first default that is a program, or whose interpreter is one. */
static void test_machine(void)
{
	int root = scratch_dir("machine");
	struct root_files files = root_files_at(root);

	make_directories(root);
	is_int(initcheck_machine(&files, NULL), 0, "an empty root is for no machine");
	put_program(root, "bin/init", EM_AARCH64, NULL);
	is_int(initcheck_machine(&files, NULL), EM_AARCH64, "the last default");
	put_data(root, "sbin/init", "#!/bin/sh\n", 10, 0755);
	is_int(initcheck_machine(&files, NULL), EM_AARCH64,
	       "a script without its interpreter is passed over");
	put_program(root, "bin/sh", EM_X86_64, LD_SO);
	is_int(initcheck_machine(&files, NULL), EM_X86_64, "that of a script is its interpreter's");
	put_data(root, "bin/sh", "#!/bin/sh\n", 10, 0755);
	is_int(initcheck_machine(&files, NULL), EM_AARCH64, "an interpreter of itself is none");
	put_program(root, "usr/bin/own", EM_X86_64, NULL);
	is_int(initcheck_machine(&files, "/usr/bin/own"), EM_X86_64,
	       "one that was named counts alone");
	is_int(initcheck_machine(&files, "/usr/bin/none"), 0, "even if it is not there");
	close(root);
}

/* /sbin/init that is there but broken says more than the others that are missing; another that works
 * is still taken. */
static void test_broken_default(void)
{
	int root = scratch_dir("broken");
	struct root_files files = root_files_at(root);
	struct fail f = { 0 };

	make_directories(root);
	put_program(root, "sbin/init", EM_AARCH64, NULL);
	ok(!initcheck_find(&files, NULL, NULL, EM_X86_64, &f), "a foreign init alone is none");
	ok(strcmp(f.what, "/sbin/init") == 0 && strstr(f.why, "aarch64"), "and it is told: %s: %s",
	   f.what, f.why);
	ok(!initcheck_find(&files, NULL, "/bin/missing", EM_X86_64, &f),
	   "the same with a preference");
	ok(strcmp(f.what, "/sbin/init") == 0, "about %s", f.what);
	must(unlinkat(root, "sbin/init", 0));
	put_program(root, "sbin/init", EM_X86_64, LD_SO);
	ok(!initcheck_find(&files, NULL, NULL, EM_X86_64, &f), "one without its ld.so is none");
	ok(strcmp(f.what, "/sbin/init") == 0 && strstr(f.why, LD_SO), "and it is told: %s: %s",
	   f.what, f.why);
	put_program(root, "bin/init", EM_X86_64, NULL);
	is_str(initcheck_find(&files, NULL, NULL, EM_X86_64, &f), "/bin/init",
	       "a good one is taken");
	close(root);
}

int main(void)
{
	int root = scratch_dir("faults");

	make_faults(root);
	test_programs(root);
	test_find(root);
	test_defaults();
	test_broken_default();
	test_machine();
	close(root);
	return done_testing();
}
