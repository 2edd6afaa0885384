/* Headers of programs for UEFI: what is taken for good lies in the file, and sections can be added. */
#include "image/pe.h"

#include "fuzz.h"

static void check(const struct pe *pe, size_t size)
{
	uint64_t end = 0;

	promise(pe->n_sections > 0 && pe->n_sections <= PE_SECTIONS_MAX);
	promise(pe->headers_size <= size && pe_sum_offset(pe) + 4 <= pe->table);
	promise(pe_signature_entry(pe) + 8 <= pe->table);
	promise(pe->table + 40 * pe->n_sections <= pe->headers_size);
	promise(pe_sections_end(pe) <= size);
	promise((uint64_t)pe->signature + pe->signature_size <= size || !pe->signature_size);
	for (unsigned i = 0; i < pe->n_sections; i++) {
		const struct pe_section *s = &pe->sections[i];

		promise(!s->name[8]);
		promise(s->address >= end);
		end = (uint64_t)s->address + s->memory_size;
		promise(!s->file_size || (uint64_t)s->offset + s->file_size <= size);
		promise(pe_content_size(s) <= s->file_size);
		promise(pe_count(pe, s->name) > 0);
	}
}

/* A size of any magnitude. */
static uint64_t a_size(const uint8_t *data)
{
	return (uint64_t)data[0] << data[1] % 33;
}

static bool is_same(const struct pe_section *a, const struct pe_section *b)
{
	return strcmp(a->name, b->name) == 0 && a->address == b->address &&
	       a->memory_size == b->memory_size && a->offset == b->offset &&
	       a->file_size == b->file_size;
}

/* Headers that a section was added to say the same when they are read again. */
static void add(uint8_t *head, size_t size, struct pe *pe, const uint8_t *own)
{
	struct pe_section s;
	struct pe again;
	const char *why;
	int r;

	pe_forget(head, pe);
	r = pe_add(head, pe, ".added", a_size(own), &s);
	promise(r == 0 || r == -ENOSPC || r == -EFBIG);
	if (r < 0)
		return;
	promise(pe_parse(head, size, (uint64_t)s.offset + s.file_size, &again, &why) == 0);
	promise(again.n_sections == pe->n_sections && again.image_size == pe->image_size);
	promise(is_same(&again.sections[again.n_sections - 1], &s));
	promise(again.signature_size == 0);
	promise(pe_sections_end(pe) == s.offset + s.file_size || s.file_size == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t *head;
	const char *why = NULL;
	struct pe pe;

	if (size < 2)
		return 0;
	head = malloc(size);
	promise(head);
	memcpy(head, data + 2, size - 2);
	size -= 2;
	if (pe_parse(head, size, size, &pe, &why) == 0) {
		fuzz_accepted++;
		check(&pe, size);
		(void)pe_sum_end(pe_sum_add(0, head, size), size);
		add(head, size, &pe, data);
	} else
		promise(why && *why);
	free(head);
	return 0;
}
