/* Names and texts in it may be anybody's. */
#include "image/uki_report.h"

#include "base/json.h"
#include "base/print.h"
#include "base/size.h"
#include "image/uki_sign.h"

static void print_value(FILE *out, const char *name, const char *text)
{
	if (text)
		print_line(out, "  %-8s %s", name, text);
}

static void print_sections(const struct uki *uki, FILE *out)
{
	char size[SIZE_TEXT_MAX];

	for (unsigned i = 0; i < uki->pe.n_sections; i++)
		print_line(out, "  %10s  %s", size_format(size, uki->pe.sections[i].memory_size),
			   uki->pe.sections[i].name);
}

void uki_print(const struct uki *uki, FILE *out)
{
	const char *machine = uki_machine_name(uki);

	fprintf(out, "unified kernel image%s%s, %s\n", *machine ? " for " : "", machine,
		uki_is_signed(uki) ? "signed (`tarboot verify` checks that)" : "not signed");
	print_value(out, "system", uki->os_name);
	print_value(out, "kernel", uki->uname);
	print_value(out, "cmdline",
		    uki->cmdline ? uki->cmdline : "not in it: whoever starts it says");
	print_value(out, "stub", uki->stub);
	print_sections(uki, out);
}

static void write_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, ", \"%s\": ", key);
	if (text)
		json_text(out, text);
	else
		fputs("null", out);
}

void uki_json(const struct uki *uki, FILE *out)
{
	fprintf(out, "  \"uki\": { \"bytes\": %llu", (unsigned long long)uki->size);
	write_text(out, "machine", uki_machine_name(uki));
	fprintf(out, ", \"signed\": %s", uki_is_signed(uki) ? "true" : "false");
	write_text(out, "os_name", uki->os_name);
	write_text(out, "kernel", uki->uname);
	write_text(out, "cmdline", uki->cmdline);
	write_text(out, "stub", uki->stub);
	fputs(", \"sections\": [", out);
	for (unsigned i = 0; i < uki->pe.n_sections; i++) {
		const struct pe_section *s = &uki->pe.sections[i];

		fprintf(out, "%s\n    { \"name\": ", i ? "," : "");
		json_text(out, s->name);
		fprintf(out, ", \"offset\": %lu, \"bytes\": %lu }", (unsigned long)s->offset,
			(unsigned long)s->memory_size);
	}
	fputs(" ] },\n", out);
}
