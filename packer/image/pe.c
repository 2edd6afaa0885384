/* Little-endian numbers at fixed places. */
#include "image/pe.h"

#include <errno.h>
#include <string.h>

#include "base/util.h"

#define DOS_HEADER 0x40
#define COFF_HEADER 20
#define SECTION_HEADER 40
#define PE32_PLUS 0x20b
#define DIRECTORY_SIGNATURE 4 /* number of its data directory */
#define OPTIONAL_MIN (112 + 8 * (DIRECTORY_SIGNATURE + 1))
#define DATA_READ_ONLY 0x40000040U /* initialized data, may be read */
#define PAGE 4096
#define CERTIFICATE_HEADER 8
#define CERTIFICATE_REVISION 0x200
#define CERTIFICATE_PKCS7 2

/* Fields of the COFF header. */
enum { MACHINE = 0, N_SECTIONS = 2, SYMBOLS = 8, N_SYMBOLS = 12, OPTIONAL_SIZE = 16 };

/* Fields of the optional header. */
enum {
	MAGIC = 0,
	DATA_SIZE = 8,
	SECTION_ALIGNMENT = 32,
	FILE_ALIGNMENT = 36,
	IMAGE_SIZE = 56,
	HEADERS_SIZE = 60,
	SUM = 64,
	N_DIRECTORIES = 108,
	DIRECTORIES = 112,
};

static uint16_t get16(const uint8_t *at)
{
	return (uint16_t)(at[0] | at[1] << 8);
}

static uint32_t get32(const uint8_t *at)
{
	return get16(at) | (uint32_t)get16(at + 2) << 16;
}

static void put16(uint8_t *at, uint16_t value)
{
	at[0] = (uint8_t)value;
	at[1] = (uint8_t)(value >> 8);
}

static void put32(uint8_t *at, uint32_t value)
{
	put16(at, (uint16_t)value);
	put16(at + 2, (uint16_t)(value >> 16));
}

static bool is_power_of_two(uint32_t n)
{
	return n && !(n & (n - 1));
}

static uint64_t align(uint64_t n, uint32_t to)
{
	return (n + to - 1) & ~((uint64_t)to - 1);
}

uint32_t pe_content_size(const struct pe_section *s)
{
	return s->memory_size < s->file_size ? s->memory_size : s->file_size;
}

uint32_t pe_sections_end(const struct pe *pe)
{
	uint32_t end = pe->headers_size;

	for (unsigned i = 0; i < pe->n_sections; i++)
		if (pe->sections[i].file_size &&
		    pe->sections[i].offset + pe->sections[i].file_size > end)
			end = pe->sections[i].offset + pe->sections[i].file_size;
	return end;
}

/* ---- reading ---- */

static bool share_bytes(const struct pe_section *a, const struct pe_section *b)
{
	return a->file_size && b->file_size && a->offset < b->offset + b->file_size &&
	       b->offset < a->offset + a->file_size;
}

/* Is the n-th section where one may be, and apart from those before it? NULL or what is wrong. */
static const char *check_section(const struct pe *pe, unsigned n, uint64_t file_size)
{
	const struct pe_section *s = &pe->sections[n], *before = s - 1;

	if (s->file_size && (uint64_t)s->offset + s->file_size > file_size)
		return "it is cut short: a section ends behind the end of the file";
	if ((s->file_size && s->offset < pe->headers_size) || s->address < pe->headers_size)
		return "a section lies over the headers";
	if ((uint64_t)s->address + s->memory_size > PE_SIZE_MAX ||
	    (s->file_size && (uint64_t)s->offset + s->file_size > PE_SIZE_MAX))
		return "a section is larger than a program can be";
	if (n > 0 && s->address < (uint64_t)before->address + before->memory_size)
		return "two sections have the same place in memory";
	for (unsigned i = 0; i < n; i++)
		if (share_bytes(s, &pe->sections[i]))
			return "two sections have the same bytes of the file";
	return NULL;
}

static const char *read_sections(const uint8_t *head, uint64_t file_size, struct pe *pe)
{
	const char *why = NULL;

	for (unsigned i = 0; !why && i < pe->n_sections; i++) {
		const uint8_t *at = head + pe->table + i * SECTION_HEADER;
		struct pe_section *s = &pe->sections[i];

		memcpy(s->name, at, 8);
		s->memory_size = get32(at + 8);
		s->address = get32(at + 12);
		s->file_size = get32(at + 16);
		s->offset = get32(at + 20);
		why = check_section(pe, i, file_size);
	}
	return why;
}

static const char *read_signature(const uint8_t *head, uint64_t file_size, struct pe *pe)
{
	pe->signature = get32(head + pe_signature_entry(pe));
	pe->signature_size = get32(head + pe_signature_entry(pe) + 4);
	if (pe->signature_size == 0)
		return NULL;
	if ((uint64_t)pe->signature + pe->signature_size > file_size)
		return "it is cut short: its signature ends behind the end of the file";
	return pe->signature < pe_sections_end(pe) ? "its signature lies over its sections" : NULL;
}

static const char *read_optional(const uint8_t *at, uint32_t size, struct pe *pe)
{
	if (size < OPTIONAL_MIN || get16(at + MAGIC) != PE32_PLUS)
		return "it is not for 64-bit firmware (PE32+)";
	pe->section_alignment = get32(at + SECTION_ALIGNMENT);
	pe->file_alignment = get32(at + FILE_ALIGNMENT);
	pe->image_size = get32(at + IMAGE_SIZE);
	pe->headers_size = get32(at + HEADERS_SIZE);
	if (!is_power_of_two(pe->section_alignment) || !is_power_of_two(pe->file_alignment))
		return "its headers have an alignment that is no power of two";
	return get32(at + N_DIRECTORIES) <= DIRECTORY_SIGNATURE
		       ? "its headers have no place for a signature"
		       : NULL;
}

/* The parts of the headers, each of which says where the next one is. */
static const char *read_headers(const uint8_t *head, size_t size, struct pe *pe)
{
	uint32_t signature = size < DOS_HEADER ? 0 : get32(head + 0x3c), optional_size;
	const char *why;

	if (size < DOS_HEADER || memcmp(head, "MZ", 2) != 0 || signature < 2 ||
	    signature > size - 4 - COFF_HEADER || memcmp(head + signature, "PE\0", 4) != 0)
		return "it has no headers of one";
	pe->coff = signature + 4;
	pe->optional = pe->coff + COFF_HEADER;
	pe->machine = get16(head + pe->coff + MACHINE);
	pe->n_sections = get16(head + pe->coff + N_SECTIONS);
	optional_size = get16(head + pe->coff + OPTIONAL_SIZE);
	pe->table = pe->optional + optional_size;
	if (pe->n_sections == 0 || pe->n_sections > PE_SECTIONS_MAX)
		return "it has no sections, or too many";
	if (pe->table > size || pe->n_sections * SECTION_HEADER > size - pe->table)
		return "it is cut short in its headers";
	why = read_optional(head + pe->optional, optional_size, pe);
	if (why)
		return why;
	return pe->headers_size < pe->table + pe->n_sections * SECTION_HEADER ||
			       pe->headers_size > size
		       ? "the size of its headers is wrong"
		       : NULL;
}

int pe_parse(const void *head, size_t size, uint64_t file_size, struct pe *ret,
	     const char **ret_why)
{
	struct pe pe = { 0 };
	const char *why = read_headers(head, size, &pe);

	if (!why)
		why = read_sections(head, file_size, &pe);
	if (!why)
		why = read_signature(head, file_size, &pe);
	if (why) {
		*ret_why = why;
		return -EBADMSG;
	}
	*ret = pe;
	return 0;
}

unsigned pe_count(const struct pe *pe, const char *name)
{
	unsigned n = 0;

	for (unsigned i = 0; i < pe->n_sections; i++)
		n += strcmp(pe->sections[i].name, name) == 0;
	return n;
}

const struct pe_section *pe_find(const struct pe *pe, const char *name)
{
	for (unsigned i = 0; i < pe->n_sections; i++)
		if (strcmp(pe->sections[i].name, name) == 0)
			return pe_count(pe, name) == 1 ? &pe->sections[i] : NULL;
	return NULL;
}

/* ---- changing ---- */

/* Where the next section goes in memory: on a page of its own, for firmware that protects pages. */
static uint64_t next_address(const struct pe *pe)
{
	const struct pe_section *last = &pe->sections[pe->n_sections - 1];
	uint32_t size = last->memory_size > last->file_size ? last->memory_size : last->file_size;

	return align((uint64_t)last->address + size,
		     pe->section_alignment > PAGE ? pe->section_alignment : PAGE);
}

static void write_section(uint8_t *at, const struct pe_section *s)
{
	memset(at, 0, SECTION_HEADER);
	memcpy(at, s->name, strnlen(s->name, 8));
	put32(at + 8, s->memory_size);
	put32(at + 12, s->address);
	put32(at + 16, s->file_size);
	put32(at + 20, s->offset);
	put32(at + 36, DATA_READ_ONLY);
}

int pe_add(void *head, struct pe *pe, const char *name, uint64_t size, struct pe_section *ret)
{
	uint8_t *bytes = head;
	uint32_t at = pe->table + pe->n_sections * SECTION_HEADER;
	uint64_t offset = align(pe_sections_end(pe), pe->file_alignment);
	uint64_t address = next_address(pe), file_size = align(size, pe->file_alignment);
	struct pe_section s = { 0 };

	if (pe->n_sections == PE_SECTIONS_MAX || at + SECTION_HEADER > pe->headers_size)
		return -ENOSPC;
	if (size > PE_SIZE_MAX || offset + file_size > PE_SIZE_MAX || address + size > PE_SIZE_MAX)
		return -EFBIG;
	strncpy(s.name, name, 8);
	s.memory_size = (uint32_t)size;
	s.address = (uint32_t)address;
	s.file_size = (uint32_t)file_size;
	s.offset = (uint32_t)offset;
	write_section(bytes + at, &s);
	pe->sections[pe->n_sections++] = s;
	pe->image_size = (uint32_t)align(address + size, pe->section_alignment);
	put16(bytes + pe->coff + N_SECTIONS, (uint16_t)pe->n_sections);
	put32(bytes + pe->optional + IMAGE_SIZE, pe->image_size);
	put32(bytes + pe->optional + DATA_SIZE,
	      get32(bytes + pe->optional + DATA_SIZE) + s.file_size);
	*ret = s;
	return 0;
}

void pe_forget(void *head, struct pe *pe)
{
	uint8_t *bytes = head;

	put32(bytes + pe->coff + SYMBOLS, 0);
	put32(bytes + pe->coff + N_SYMBOLS, 0);
	put32(bytes + pe_signature_entry(pe), 0);
	put32(bytes + pe_signature_entry(pe) + 4, 0);
	pe->signature = pe->signature_size = 0;
	pe_set_sum(head, pe, 0);
}

/* ---- the checksum ---- */

uint32_t pe_sum_add(uint32_t sum, const void *data, size_t size)
{
	const uint8_t *at = data;

	for (; size >= 2; at += 2, size -= 2) {
		sum += get16(at);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	if (size)
		sum += *at;
	return (sum & 0xffff) + (sum >> 16);
}

uint32_t pe_sum_end(uint32_t sum, uint64_t file_size)
{
	return sum + (uint32_t)file_size;
}

uint32_t pe_sum_offset(const struct pe *pe)
{
	return pe->optional + SUM;
}

/* The size of the SEQUENCE that DER begins with, its header included; 0: there is none. */
static uint64_t sequence_size(const uint8_t *at, size_t size)
{
	uint64_t length = 0;
	unsigned n;

	if (size < 2 || at[0] != 0x30)
		return 0;
	n = at[1] < 0x80 ? 0 : at[1] & 0x7f;
	if (n > 4 || size < 2 + n || at[1] == 0x80)
		return 0;
	for (unsigned i = 0; i < n; i++)
		length = length << 8 | at[2 + i];
	return 2 + n + (n ? length : at[1]);
}

bool pe_is_one_signature(const void *table, size_t size)
{
	const uint8_t *at = table;
	uint64_t end, stated;

	if (size < CERTIFICATE_HEADER || get16(at + 4) != CERTIFICATE_REVISION ||
	    get16(at + 6) != CERTIFICATE_PKCS7)
		return false;
	stated = get32(at);
	end = sequence_size(at + CERTIFICATE_HEADER, size - CERTIFICATE_HEADER);
	if (end == 0 || align(stated, 8) != size || end + CERTIFICATE_HEADER > stated ||
	    stated - CERTIFICATE_HEADER - end > 7)
		return false;
	for (end += CERTIFICATE_HEADER; end < size; end++)
		if (at[end])
			return false;
	return true;
}

uint32_t pe_signature_entry(const struct pe *pe)
{
	return pe->optional + DIRECTORIES + 8 * DIRECTORY_SIGNATURE;
}

void pe_set_sum(void *head, const struct pe *pe, uint32_t sum)
{
	put32((uint8_t *)head + pe_sum_offset(pe), sum);
}
