/* ELF and "#!" headers. */
#include "base/elfinfo.h"

#include <elf.h>
#include <errno.h>
#include <string.h>

#include "base/util.h"

/* Where a program header entry stands differs between the two ELF classes; these are the facts
 * that both share. */
struct segment {
	uint32_t type;
	uint64_t offset, size;
};

uint16_t program_own_machine(void)
{
#if defined(__x86_64__)
	return EM_X86_64;
#elif defined(__aarch64__)
	return EM_AARCH64;
#elif defined(__i386__)
	return EM_386;
#elif defined(__riscv)
	return EM_RISCV;
#elif defined(__arm__)
	return EM_ARM;
#else
#error "add this machine's ELF number here"
#endif
}

const char *program_machine_name(uint16_t machine)
{
	static const struct {
		uint16_t machine;
		const char *name;
	} names[] = {
		{ EM_X86_64, "x86-64" }, { EM_AARCH64, "aarch64" }, { EM_386, "i386" },
		{ EM_ARM, "arm" },       { EM_RISCV, "riscv" },     { EM_PPC64, "ppc64" },
		{ EM_S390, "s390x" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (names[i].machine == machine)
			return names[i].name;
	return "unknown";
}

bool program_may_run(uint16_t machine, uint16_t program)
{
	return program == machine || (machine == EM_X86_64 && program == EM_386);
}

static int set_interpreter(struct program *p, const char *path, size_t length)
{
	if (length >= sizeof(p->interpreter))
		return -ENAMETOOLONG;
	memcpy(p->interpreter, path, length);
	p->interpreter[length] = '\0';
	return 0;
}

/* "#!" blanks path [blanks argument] newline */
static int parse_script(const char *text, size_t size, struct program *ret)
{
	struct program p = { .kind = PROGRAM_SCRIPT };
	size_t start = 2, end;
	int r;

	while (start < size && (text[start] == ' ' || text[start] == '\t'))
		start++;
	for (end = start; end < size && !memchr(" \t\n", text[end], 4); end++)
		;
	if (end == start)
		return -ENOEXEC;
	r = set_interpreter(&p, text + start, end - start);
	if (r == 0)
		*ret = p;
	return r;
}

static int read_segment(const unsigned char *head, size_t size, uint64_t at, bool is_64bit,
			struct segment *ret)
{
	Elf64_Phdr p64;
	Elf32_Phdr p32;
	size_t need = is_64bit ? sizeof(p64) : sizeof(p32);

	if (at > size || size - at < need)
		return -ERANGE;
	if (is_64bit) {
		memcpy(&p64, head + at, sizeof(p64));
		*ret = (struct segment){ p64.p_type, p64.p_offset, p64.p_filesz };
	} else {
		memcpy(&p32, head + at, sizeof(p32));
		*ret = (struct segment){ p32.p_type, p32.p_offset, p32.p_filesz };
	}
	return 0;
}

static int parse_elf(const unsigned char *head, size_t size, struct program *ret)
{
	struct program p = { .kind = PROGRAM_ELF, .is_64bit = head[EI_CLASS] == ELFCLASS64 };
	uint64_t at, step, count;
	struct segment s;
	Elf64_Ehdr e64;
	Elf32_Ehdr e32;
	int r;

	if (size < (p.is_64bit ? sizeof(e64) : sizeof(e32)))
		return -ENOEXEC;
	memcpy(&e64, head, p.is_64bit ? sizeof(e64) : sizeof(e32));
	memcpy(&e32, head, sizeof(e32));
	p.machine = e32.e_machine; /* the same place in both classes */
	at = p.is_64bit ? e64.e_phoff : e32.e_phoff;
	step = p.is_64bit ? e64.e_phentsize : e32.e_phentsize;
	count = p.is_64bit ? e64.e_phnum : e32.e_phnum;
	for (uint64_t i = 0; i < count; i++) {
		if (read_segment(head, size, at + i * step, p.is_64bit, &s) < 0)
			break;
		if (s.type != PT_INTERP || s.offset > size || s.size > size - s.offset)
			continue;
		r = set_interpreter(&p, (const char *)head + s.offset,
				    strnlen((const char *)head + s.offset, s.size));
		if (r < 0)
			return r;
	}
	*ret = p;
	return 0;
}

int program_parse(const void *head, size_t size, struct program *ret)
{
	const unsigned char *bytes = head;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
	const int own_order = ELFDATA2LSB;
#else
	const int own_order = ELFDATA2MSB;
#endif

	if (size > 2 && memcmp(bytes, "#!", 2) == 0)
		return parse_script(head, size, ret);
	if (size > EI_NIDENT && memcmp(bytes, ELFMAG, SELFMAG) == 0 && bytes[EI_DATA] == own_order)
		return parse_elf(bytes, size, ret);
	return -ENOEXEC;
}
