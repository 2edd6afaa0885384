/* Headers of programs for UEFI: read, refused, and sections added. tests/pack/uki.t asks other programs. */
#include "image/pe.h"

#include <errno.h>

#include "scratch.h"

#define HEADERS 1024
#define COFF 0x44
#define OPTIONAL (COFF + 20)
#define TABLE (OPTIONAL + 240)

/* A program with two sections, of 700 and 100 bytes. */
static uint8_t file[HEADERS + 1024 + 512];

static void put(size_t at, uint32_t value, size_t bytes)
{
	for (size_t i = 0; i < bytes; i++)
		file[at + i] = (uint8_t)(value >> 8 * i);
}

static void put_section(unsigned n, const char *name, uint32_t memory, uint32_t address,
			uint32_t size, uint32_t offset)
{
	size_t at = TABLE + 40 * n;

	memset(file + at, 0, 40);
	memcpy(file + at, name, strlen(name));
	put(at + 8, memory, 4);
	put(at + 12, address, 4);
	put(at + 16, size, 4);
	put(at + 20, offset, 4);
}

static void make(void)
{
	memset(file, 0, sizeof(file));
	memcpy(file, "MZ", 2);
	put(0x3c, 0x40, 4);
	memcpy(file + 0x40, "PE\0", 4);
	put(COFF, PE_MACHINE_X86_64, 2);
	put(COFF + 2, 2, 2);
	put(COFF + 8, 4711, 4); /* symbols */
	put(COFF + 16, 240, 2);
	put(OPTIONAL, 0x20b, 2);
	put(OPTIONAL + 8, 1536, 4);
	put(OPTIONAL + 32, 4096, 4);
	put(OPTIONAL + 36, 512, 4);
	put(OPTIONAL + 56, 12288, 4);
	put(OPTIONAL + 60, HEADERS, 4);
	put(OPTIONAL + 108, 16, 4);
	put_section(0, ".text", 700, 4096, 1024, HEADERS);
	put_section(1, ".osrel", 100, 8192, 512, HEADERS + 1024);
}

/* Parses a copy that ends where the file does. NULL, or why it is refused. */
static const char *parse(struct pe *ret, size_t size)
{
	void *copy = exact_copy(file, size);
	const char *why = NULL;

	if (pe_parse(copy, size, size, ret, &why) == 0)
		why = NULL;
	free(copy);
	return why;
}

static void test_reads(void)
{
	struct pe pe;

	make();
	is_str(parse(&pe, sizeof(file)), NULL, "a program is read");
	is_int(pe.machine, PE_MACHINE_X86_64, "its machine");
	is_int(pe.n_sections, 2, "its sections");
	is_str(pe.sections[1].name, ".osrel", "their names");
	is_int(pe.sections[1].offset, HEADERS + 1024, "their places");
	is_int(pe_content_size(&pe.sections[1]), 100, "their sizes, without what is padded");
	is_int(pe_sections_end(&pe), sizeof(file), "their end");
	ok(pe_find(&pe, ".osrel") == &pe.sections[1], "one is found by its name");
	ok(!pe_find(&pe, ".osre"), "and not by a part of it");
	is_int(pe.signature_size, 0, "there is no signature");
	memcpy(file + TABLE, ".osrel\0\0", 8);
	is_str(parse(&pe, sizeof(file)), NULL, "two of a name are read");
	ok(pe_count(&pe, ".osrel") == 2 && !pe_find(&pe, ".osrel"), "and neither is the one");
	memcpy(file + TABLE, "12345678", 8);
	(void)parse(&pe, sizeof(file));
	is_str(pe.sections[0].name, "12345678", "a name of eight characters");
}

static const struct {
	const char *what;
	size_t at;
	uint32_t value;
	size_t bytes;
	const char *why;
} wrong[] = {
	{ "no MZ", 0, 'X', 1, "it has no headers of one" },
	{ "no PE", 0x40, 'X', 1, "it has no headers of one" },
	{ "headers behind the end", 0x3c, 0xfffffff0, 4, "it has no headers of one" },
	{ "no sections", COFF + 2, 0, 2, "it has no sections, or too many" },
	{ "97 sections", COFF + 2, 97, 2, "it has no sections, or too many" },
	{ "a large optional header", COFF + 16, 0xffff, 2, "it is cut short in its headers" },
	{ "a small one", COFF + 16, 100, 2, "it is not for 64-bit firmware (PE32+)" },
	{ "32 bits", OPTIONAL, 0x10b, 2, "it is not for 64-bit firmware (PE32+)" },
	{ "an odd alignment", OPTIONAL + 36, 513, 4,
	  "its headers have an alignment that is no power of two" },
	{ "no alignment", OPTIONAL + 32, 0, 4,
	  "its headers have an alignment that is no power of two" },
	{ "few directories", OPTIONAL + 108, 4, 4, "its headers have no place for a signature" },
	{ "small headers", OPTIONAL + 60, TABLE + 79, 4, "the size of its headers is wrong" },
	{ "large headers", OPTIONAL + 60, sizeof(file) + 1, 4, "the size of its headers is wrong" },
	{ "a long section", TABLE + 40 + 16, 513, 4,
	  "it is cut short: a section ends behind the end of the file" },
	{ "a section far away", TABLE + 40 + 20, 0xfffffe00, 4,
	  "it is cut short: a section ends behind the end of the file" },
	{ "a section over the headers", TABLE + 40 + 20, 512, 4,
	  "a section lies over the headers" },
	{ "a section over the headers in memory", TABLE + 12, HEADERS - 1, 4,
	  "a section lies over the headers" },
	{ "two with the same bytes", TABLE + 40 + 20, HEADERS + 1023, 4,
	  "two sections have the same bytes of the file" },
	{ "two at the same place", TABLE + 8, 4097, 4,
	  "two sections have the same place in memory" },
	{ "disorder", TABLE + 12, 8192, 4, "two sections have the same place in memory" },
	{ "a section of 4 GiB", TABLE + 40 + 8, 0xfffffff0, 4,
	  "a section is larger than a program can be" },
	{ "a signature behind the end", OPTIONAL + 112 + 36, 1, 4,
	  "its signature lies over its sections" },
};

static void test_refuses(void)
{
	const char *why = NULL;
	struct pe pe;

	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		make();
		put(wrong[i].at, wrong[i].value, wrong[i].bytes);
		is_str(parse(&pe, sizeof(file)), wrong[i].why, "%s", wrong[i].what);
	}
	make();
	put(OPTIONAL + 112 + 32, sizeof(file), 4);
	put(OPTIONAL + 112 + 36, 8, 4);
	is_str(parse(&pe, sizeof(file)),
	       "it is cut short: its signature ends behind the end of the file",
	       "a signature that is cut off");
	make();
	put(TABLE + 40 + 20, 0xfffffe00, 4);
	is_int(pe_parse(file, sizeof(file), 5ULL << 30, &pe, &why), -EBADMSG,
	       "a place and size of 4 GiB together, in a file of 5 GiB");
	is_str(why, "a section is larger than a program can be", "which no program has");
	make();
	for (size_t size = 0; size < sizeof(file); size++)
		if (!parse(&pe, size))
			ok(false, "%zu bytes of it are taken", size);
	ok(true, "nothing that is cut short is taken");
}

/* A certificate table with a SEQUENCE of 300 bytes, changed at one place. */
static bool is_signature_with(size_t at, uint8_t value, size_t size)
{
	uint8_t table[320] = { 0x38, 1, 0, 0, 0, 2, 2, 0, 0x30, 0x82, 1, 0x2a };
	void *copy;
	bool is;

	memset(table + 12, 'x', 0x12a);
	table[at] = value;
	copy = exact_copy(table, size);
	is = pe_is_one_signature(copy, size);
	free(copy);
	return is;
}

static void test_signature(void)
{
	static const uint8_t small[] = { 13, 0, 0, 0, 0, 2, 2, 0, 0x30, 3, 'a', 'b', 'c', 0, 0, 0 };
	size_t taken = 0;

	ok(is_signature_with(0, 0x38, 312), "one signature, padded");
	ok(is_signature_with(0, 0x36, 312), "with its size before it was padded");
	ok(!is_signature_with(0, 0x35, 312), "with a smaller one");
	ok(!is_signature_with(0, 0x39, 312), "with a larger one");
	ok(!is_signature_with(0, 0x38, 320), "with 8 bytes behind it");
	ok(!is_signature_with(0, 0x40, 320), "that count as its own");
	ok(!is_signature_with(5, 1, 312), "of an older revision");
	ok(!is_signature_with(6, 1, 312), "of another type");
	ok(!is_signature_with(8, 0x31, 312), "no SEQUENCE");
	ok(!is_signature_with(9, 0x80, 312), "without length");
	ok(!is_signature_with(9, 0x88, 312), "with a length of 64 bits");
	ok(!is_signature_with(10, 2, 312), "longer than the table");
	ok(!is_signature_with(11, 0x20, 312), "shorter than it says");
	ok(!is_signature_with(11, 0x29, 312), "with something in its padding");
	ok(!is_signature_with(311, 1, 312), "at its last byte");
	ok(pe_is_one_signature(small, sizeof(small)), "a length of one byte");
	for (size_t size = 0; size < 312; size++)
		taken += is_signature_with(0, 0x38, size);
	is_int((long long)taken, 0, "none that is cut short");
}

static void test_adds(void)
{
	struct pe pe, again;
	struct pe_section s;
	unsigned n = 0;

	make();
	put(OPTIONAL + 112 + 32, HEADERS + 1536, 4);
	(void)parse(&pe, sizeof(file));
	pe_forget(file, &pe);
	is_int(pe_add(file, &pe, ".cmdline", 13, &s), 0, "a section is added");
	is_int(s.offset, sizeof(file), "it begins behind the others");
	is_int(s.file_size, 512, "padded to the file's alignment");
	is_int(s.address, 12288, "in memory behind the others, too");
	is_int(pe_add(file, &pe, ".initrd", 5000, &s), 0, "another one");
	is_int(s.address, 16384, "on a page of its own");
	is_int(s.offset, sizeof(file) + 512, "behind that");
	(void)pe_parse(file, sizeof(file), s.offset + s.file_size, &again, &(const char *){ NULL });
	is_int(again.n_sections, 4, "the headers have both");
	is_str(again.sections[2].name, ".cmdline", "with a name of eight characters");
	is_int(again.image_size, 16384 + 8192, "SizeOfImage");
	is_int(file[OPTIONAL + 8] | file[OPTIONAL + 9] << 8, 1536 + 512 + 5120,
	       "SizeOfInitializedData");
	is_int(file[COFF + 8] | file[COFF + 9], 0, "symbols are forgotten");
	is_int(again.signature, 0, "and the signature");
	is_int(pe_add(file, &pe, ".linux", PE_SIZE_MAX - 10000, &s), -EFBIG, "2 GiB are too much");
	is_int(pe_add(file, &pe, ".linux", UINT64_MAX - 100, &s), -EFBIG, "and so is all there is");
	while (pe_add(file, &pe, ".more", 1, &s) == 0)
		n++;
	is_int(n, (HEADERS - TABLE) / 40 - 4, "as many as the headers have room for");
	is_int(pe_add(file, &pe, ".more", 1, &s), -ENOSPC, "and no more");
}

static void test_sums(void)
{
	static const uint8_t bytes[] = { 0xff, 0xff, 0x01, 0x00, 0xfe };
	uint32_t sum = pe_sum_add(0, bytes, sizeof(bytes));

	is_int(pe_sum_end(sum, sizeof(bytes)), 0xff + 5, "carries are added again");
	is_int(pe_sum_add(pe_sum_add(0, bytes, 2), bytes + 2, 3), sum, "in pieces, too");
}

int main(void)
{
	test_reads();
	test_refuses();
	test_signature();
	test_adds();
	test_sums();
	return done_testing();
}
