/* Heads of programs: ELF of both classes, scripts, and what is neither or lies. */
#include "base/elfinfo.h"

#include <elf.h>
#include <errno.h>

#include "scratch.h"
#include "tap.h"

/* What to build a head from; 0 means the usual. */
struct recipe {
	int class, order;
	uint16_t machine, step, count;
	uint64_t phoff;
	const char *interpreter; /* NULL = static */
	uint64_t interpreter_at, interpreter_size;
};

static const char interpreter[] = "/lib64/ld-linux-x86-64.so.2";

/* The ELF header, one PT_LOAD, perhaps one PT_INTERP, the interpreter at 512. Two classes, written
 * down twice. */
static void build_head64(const struct recipe *c, char head[PROGRAM_HEAD_SIZE])
{
	uint64_t at = c->interpreter_at ? c->interpreter_at : 512;
	Elf64_Phdr segments[2] = { { .p_type = PT_LOAD, .p_filesz = 100 } };
	Elf64_Ehdr e = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS64,
			     (unsigned char)(c->order ? c->order : ELFDATA2LSB), EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = c->machine ? c->machine : EM_X86_64,
		.e_phoff = c->phoff ? c->phoff : sizeof(e),
		.e_phentsize = c->step ? c->step : sizeof(segments[0]),
		.e_phnum = c->count         ? c->count
			   : c->interpreter ? 2
					    : 1,
	};

	if (c->interpreter) {
		segments[1].p_type = PT_INTERP;
		segments[1].p_offset = at;
		segments[1].p_filesz = c->interpreter_size ? c->interpreter_size
							   : strlen(c->interpreter) + 1;
		if (at < PROGRAM_HEAD_SIZE / 2)
			strcpy(head + at, c->interpreter);
	}
	memcpy(head, &e, sizeof(e));
	memcpy(head + sizeof(e), segments, sizeof(segments));
}

static void build_head32(const struct recipe *c, char head[PROGRAM_HEAD_SIZE])
{
	uint64_t at = c->interpreter_at ? c->interpreter_at : 512;
	Elf32_Phdr segments[2] = { { .p_type = PT_LOAD, .p_filesz = 100 } };
	Elf32_Ehdr e = {
		.e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32,
			     (unsigned char)(c->order ? c->order : ELFDATA2LSB), EV_CURRENT },
		.e_type = ET_EXEC,
		.e_machine = c->machine ? c->machine : EM_386,
		.e_phoff = (uint32_t)(c->phoff ? c->phoff : sizeof(e)),
		.e_phentsize = c->step ? c->step : sizeof(segments[0]),
		.e_phnum = c->count         ? c->count
			   : c->interpreter ? 2
					    : 1,
	};

	if (c->interpreter) {
		segments[1].p_type = PT_INTERP;
		segments[1].p_offset = (uint32_t)at;
		segments[1].p_filesz = (uint32_t)(c->interpreter_size ? c->interpreter_size
								      : strlen(c->interpreter) + 1);
		if (at < PROGRAM_HEAD_SIZE / 2)
			strcpy(head + at, c->interpreter);
	}
	memcpy(head, &e, sizeof(e));
	memcpy(head + sizeof(e), segments, sizeof(segments));
}

static void build_head(const struct recipe *c, char head[PROGRAM_HEAD_SIZE])
{
	memset(head, 0, PROGRAM_HEAD_SIZE);
	if (c->class == ELFCLASS32)
		build_head32(c, head);
	else
		build_head64(c, head);
}

static int parse(const void *bytes, size_t size, struct program *ret)
{
	void *copy = exact_copy(bytes, size);
	int r = program_parse(copy, size, ret);

	free(copy);
	return r;
}

static const struct {
	const char *what;
	struct recipe recipe;
	int r;
	const char *interpreter;
} elves[] = {
	{ "static", { 0 }, 0, "" },
	{ "dynamic", { .interpreter = interpreter }, 0, interpreter },
	{ "dynamic, aarch64",
	  { .interpreter = interpreter, .machine = EM_AARCH64 },
	  0,
	  interpreter },
	{ "big-endian", { .order = ELFDATA2MSB }, -ENOEXEC, NULL },
	{ "of no byte order", { .order = 77 }, -ENOEXEC, NULL },
	{ "with no program headers", { .count = 0, .phoff = PROGRAM_HEAD_SIZE }, 0, "" },
	{ "with headers that end outside", { .interpreter = interpreter, .phoff = 4090 }, 0, "" },
	{ "with headers far outside", { .interpreter = interpreter, .phoff = 1 << 30 }, 0, "" },
	{ "with headers at 2^64 - 1", { .interpreter = interpreter, .phoff = UINT64_MAX }, 0, "" },
	{ "with headers at 2^63", { .interpreter = interpreter, .phoff = 1ULL << 63 }, 0, "" },
	{ "with 65535 headers", { .interpreter = interpreter, .count = 65535 }, 0, interpreter },
	{ "with headers of size 1", { .step = 1, .count = 65535 }, 0, "" },
	{ "with an interpreter outside",
	  { .interpreter = interpreter, .interpreter_at = 1 << 20 },
	  0,
	  "" },
	{ "with an interpreter at 2^32 - 1",
	  { .interpreter = interpreter, .interpreter_at = UINT32_MAX },
	  0,
	  "" },
	{ "with an interpreter larger than the head",
	  { .interpreter = interpreter, .interpreter_size = UINT32_MAX },
	  0,
	  "" },
	{ "with an interpreter without NUL",
	  { .interpreter = interpreter, .interpreter_size = 6 },
	  0,
	  "/lib64" },
	{ "with an interpreter that is empty", { .interpreter = "" }, 0, "" },
};

static void test_elf(int class)
{
	char head[PROGRAM_HEAD_SIZE];
	struct program p;

	for (size_t i = 0; i < ARRAY_SIZE(elves); i++) {
		struct recipe c = elves[i].recipe;
		int r;

		c.class = class;
		build_head(&c, head);
		memset(&p, 0, sizeof(p));
		r = parse(head, sizeof(head), &p);
		is_int(r, elves[i].r, "ELF%d %s", class * 32, elves[i].what);
		if (r == 0)
			ok(p.kind == PROGRAM_ELF && p.is_64bit == (class == ELFCLASS64) &&
				   strcmp(p.interpreter, elves[i].interpreter) == 0,
			   "its class and interpreter '%s'", p.interpreter);
		if (r == 0 && c.machine)
			is_int(p.machine, c.machine, "its machine");
	}
}

static void test_interpreter_length(void)
{
	char head[PROGRAM_HEAD_SIZE], path[300];
	struct recipe c = { .interpreter = path };
	struct program p;

	memset(path, 'i', sizeof(path));
	path[sizeof(p.interpreter) - 1] = '\0';
	build_head(&c, head);
	is_int(parse(head, sizeof(head), &p), 0, "the longest interpreter that fits");
	is_str(p.interpreter, path, "is whole");
	path[sizeof(p.interpreter) - 1] = 'i';
	path[sizeof(p.interpreter)] = '\0';
	build_head(&c, head);
	is_int(parse(head, sizeof(head), &p), -ENAMETOOLONG, "a byte more is refused");
}

/* Every length: never a read behind the end (ASan looks), never half a header taken for a program. */
static void test_truncated(int class)
{
	struct recipe c = { .class = class, .interpreter = interpreter };
	size_t whole = class == ELFCLASS64 ? sizeof(Elf64_Ehdr) : sizeof(Elf32_Ehdr);
	char head[PROGRAM_HEAD_SIZE];
	struct program p;
	int wrong = 0;

	build_head(&c, head);
	for (size_t size = 0; size < 700; size++)
		wrong += parse(head, size, &p) != (size < whole ? -ENOEXEC : 0);
	is_int(wrong, 0, "ELF%d cut at every length", class * 32);
}

#define BYTES(text) text, sizeof(text) - 1
static const struct {
	const char *text;
	size_t size;
	int r;
	const char *interpreter;
} scripts[] = {
	{ BYTES("#!/bin/sh\n"), 0, "/bin/sh" },
	{ BYTES("#!/bin/sh"), 0, "/bin/sh" },
	{ BYTES("#! /bin/sh -e\necho"), 0, "/bin/sh" },
	{ BYTES("#!\t \t/usr/bin/env perl\n"), 0, "/usr/bin/env" },
	{ BYTES("#!/bin/sh\0\n"), 0, "/bin/sh" },
	{ BYTES("#!/bin/sh\r\n"), 0, "/bin/sh\r" }, /* as the kernel: that is its name */
	{ BYTES("#!sh\n"), 0, "sh" },
	{ BYTES("#!/\xff\xfe\n"), 0, "/\xff\xfe" },
	{ BYTES("#!\n/bin/sh\n"), -ENOEXEC, NULL },
	{ BYTES("#!   \n"), -ENOEXEC, NULL },
	{ BYTES("#!   "), -ENOEXEC, NULL },
	{ BYTES("#!"), -ENOEXEC, NULL },
	{ BYTES("#"), -ENOEXEC, NULL },
	{ BYTES(""), -ENOEXEC, NULL },
	{ BYTES(" #!/bin/sh\n"), -ENOEXEC, NULL },
	{ BYTES("echo no head line\n"), -ENOEXEC, NULL },
	{ BYTES("\x7f"
		"ELF"),
	  -ENOEXEC, NULL },
	{ BYTES("MZ and a great deal of Windows"), -ENOEXEC, NULL },
};

static void test_scripts(void)
{
	struct program p;

	for (size_t i = 0; i < ARRAY_SIZE(scripts); i++) {
		int r = parse(scripts[i].text, scripts[i].size, &p);

		is_int(r, scripts[i].r, "the head '%s'", scripts[i].text);
		if (r == 0)
			ok(p.kind == PROGRAM_SCRIPT && p.machine == 0 &&
				   strcmp(p.interpreter, scripts[i].interpreter) == 0,
			   "its interpreter '%s'", p.interpreter);
	}
}

static void test_long_script(void)
{
	char text[PROGRAM_HEAD_SIZE];
	struct program p;

	memset(text, 'x', sizeof(text));
	memcpy(text, "#!/", 3);
	is_int(parse(text, sizeof(text), &p), -ENAMETOOLONG, "an interpreter of 4 KiB is refused");
	text[2 + sizeof(p.interpreter) - 1] = '\n';
	is_int(parse(text, sizeof(text), &p), 0, "the longest one that fits");
	is_int((long long)strlen(p.interpreter), sizeof(p.interpreter) - 1, "is whole");
}

static void test_names(void)
{
	is_str(program_machine_name(EM_X86_64), "x86-64", "name of x86-64");
	is_str(program_machine_name(EM_AARCH64), "aarch64", "name of aarch64");
	is_str(program_machine_name(0xfffe), "unknown", "name of a machine that is none");
	ok(strcmp(program_machine_name(program_own_machine()), "unknown") != 0,
	   "this machine has a name");
}

static void test_this_program(void)
{
	_cleanup_close_ int fd = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	static char head[PROGRAM_HEAD_SIZE];
	struct program p;
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	if (n < 0) {
		skip(2, "no /proc");
		return;
	}
	is_int(parse(head, (size_t)n, &p), 0, "this program is read");
	ok(p.kind == PROGRAM_ELF && p.machine == program_own_machine() &&
		   p.is_64bit == (sizeof(void *) == 8),
	   "and is for this machine");
}

int main(void)
{
	test_elf(ELFCLASS64);
	test_elf(ELFCLASS32);
	test_interpreter_length();
	test_truncated(ELFCLASS64);
	test_truncated(ELFCLASS32);
	test_scripts();
	test_long_script();
	test_names();
	test_this_program();
	return done_testing();
}
