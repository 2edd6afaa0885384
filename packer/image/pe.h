/*
 * Programs for UEFI: the headers of a PE file (PE32+, for 64-bit firmware), and sections added behind those that are there.
 * Pure: bytes in, struct out. After Microsoft's "PE Format" and, for the signature, "Windows Authenticode Portable Executable
 * Signature Format".
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PE_HEAD_MAX 65536 /* bytes at the start of a file in which its headers must be */
#define PE_SECTIONS_MAX 96
#define PE_MACHINE_X86_64 0x8664
#define PE_MACHINE_AARCH64 0xaa64

/* The format has 32 bits for places and sizes; firmware and tools take half of that. */
#define PE_SIZE_MAX 0x7fffffffU

struct pe_section {
	char name[9];
	uint32_t address, memory_size; /* in memory, from where it is loaded */
	uint32_t offset, file_size; /* in the file; file_size is padded to the file's alignment */
};

struct pe {
	uint16_t machine;
	uint32_t coff;     /* where the COFF header stands, behind "PE\0\0" */
	uint32_t optional; /* the optional header */
	uint32_t table;    /* the table of sections */
	uint32_t section_alignment, file_alignment; /* powers of two */
	uint32_t headers_size;                      /* in file and memory */
	uint32_t image_size;                        /* in memory */
	uint32_t signature, signature_size; /* the certificate table, in the file; size 0: none */
	unsigned n_sections;
	/* in the order of memory; they do not overlap */
	struct pe_section sections[PE_SECTIONS_MAX];
};

/* Reads the headers in the first bytes of a file of file_size bytes. -EBADMSG, and *ret_why is the end of a sentence. */
int pe_parse(const void *head, size_t size, uint64_t file_size, struct pe *ret,
	     const char **ret_why);

/* The only section of that name. NULL: there is none, or several. */
const struct pe_section *pe_find(const struct pe *pe, const char *name);

/* How many sections have that name? */
unsigned pe_count(const struct pe *pe, const char *name);

/* The bytes of a section that both the file has and a program sees. */
uint32_t pe_content_size(const struct pe_section *s);

/* Where the sections end in the file, behind the last of them. */
uint32_t pe_sections_end(const struct pe *pe);

/* Adds a read-only section of data behind all others, in the headers that start at head and in *pe, which they are parsed
 * to. The file must then have that data at ret->offset, and zeros up to ret->offset + ret->file_size.
 * -ENOSPC: the headers have no room for one more; -EFBIG: the file gets larger than PE_SIZE_MAX. */
int pe_add(void *head, struct pe *pe, const char *name, uint64_t size, struct pe_section *ret);

/* Forgets symbols and signature, which do not fit to a changed file. */
void pe_forget(void *head, struct pe *pe);

/* The checksum of the headers, of a file whose bytes are given one stretch after the other, all but the last of an even
 * size. Start with 0. */
uint32_t pe_sum_add(uint32_t sum, const void *data, size_t size);
uint32_t pe_sum_end(uint32_t sum, uint64_t file_size);

/* Where it stands; 4 bytes, which must be zeros while it is computed. */
uint32_t pe_sum_offset(const struct pe *pe);

/* Where the headers have place and size of the signature; 8 bytes. */
uint32_t pe_signature_entry(const struct pe *pe);

/* Is a certificate table one signature (WIN_CERTIFICATE, PKCS #7), and nothing else but zeros up to the next 8 bytes? */
bool pe_is_one_signature(const void *table, size_t size);

/* Writes the checksum. */
void pe_set_sum(void *head, const struct pe *pe, uint32_t sum);
