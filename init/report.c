/* The report as JSON. */
#include "report.h"

#include <stdio.h>

#include "console.h"
#include "json.h"
#include "memory.h"

static void write_string(FILE *out, const char *key, const char *text)
{
	fprintf(out, "  \"%s\": ", key);
	json_text(out, text);
	fputs(",\n", out);
}

static void write_warnings(FILE *out)
{
	const char *text;

	fputs("  \"warnings\": [", out);
	for (size_t i = 0; (text = console_warning(i)); i++) {
		if (i > 0)
			fputs(", ", out);
		json_text(out, text);
	}
	fputs("],\n", out);
}

static void write_number(FILE *out, const char *key, uint64_t value)
{
	fprintf(out, "  \"%s\": %llu,\n", key, (unsigned long long)value);
}

static void write_steps(FILE *out, const struct boot *b)
{
	fputs("  \"steps\": [\n", out);
	for (size_t i = 0; i < b->n_steps; i++) {
		const struct step_record *s = &b->steps[i];

		fprintf(out,
			"    { \"name\": \"%s\", \"start_s\": %.6f, \"duration_s\": %.6f }%s\n",
			s->name, (double)s->start / 1e6, (double)s->duration / 1e6,
			i + 1 < b->n_steps ? "," : "");
	}
	fputs("  ]\n}\n", out);
}

void report_write(const struct boot *b)
{
	FILE *out = fopen(RUN_DIR "/report.json", "we");
	struct memory m = { 0 };

	if (!out)
		return;
	(void)memory_read(&m);
	fputs("{\n", out);
	write_string(out, "version", TARBOOT_VERSION);
	write_string(out, "build_id", b->manifest.build_id);
	write_string(out, "init", b->new_init);
	write_string(out, "failed_step", b->failed_step ? b->failed_step : "");
	write_string(out, "failed_what", b->failed_step ? b->fail.what : "");
	write_string(out, "failed_why", b->failed_step ? b->fail.why : "");
	write_number(out, "tar_bytes", b->unpacked.bytes);
	write_number(out, "members", b->unpacked.members);
	write_number(out, "blocks", b->unpacked.blocks);
	write_number(out, "threads", b->unpacked.threads);
	write_number(out, "engine_memory_bytes", b->plan.memory);
	write_number(out, "lost_xattrs", b->unpacked.losses.count);
	write_number(out, "unpack_peak_rss_bytes", b->unpack_peak);
	write_number(out, "memory_peak_bytes", b->memory_peak);
	write_number(out, "root_size_bytes", b->root_size);
	write_string(out, "root_size_from",
		     b->params.size.kind == SIZE_AUTO ? "what the tree needs and half of the rest"
						      : "tarboot.size=");
	write_number(out, "tree_bytes", b->tree_bytes);
	write_number(out, "tree_inodes", b->tree_inodes);
	write_number(out, "memory_total_bytes", m.total);
	write_number(out, "memory_available_bytes", m.available);
	write_warnings(out);
	write_steps(out, b);
	fclose(out);
}
