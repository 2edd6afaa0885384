/* The report as JSON. */
#include "base/report.h"

#include <fcntl.h>
#include <stdio.h>

#include "base/console.h"
#include "base/json.h"
#include "base/memory.h"

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
	for (size_t i = 0; i < b->record.n_steps; i++) {
		const struct step_record *s = &b->record.steps[i];

		fprintf(out,
			"    { \"name\": \"%s\", \"start_s\": %.6f, \"duration_s\": %.6f }%s\n",
			s->name, (double)s->start / 1e6, (double)s->duration / 1e6,
			i + 1 < b->record.n_steps ? "," : "");
	}
	fputs("  ]\n}\n", out);
}

static void write_member(FILE *out, const char *key, const char *text)
{
	fprintf(out, ", \"%s\": ", key);
	json_text(out, text);
}

static void write_network(FILE *out, const struct boot *b)
{
	const struct network_seen *s = &b->network_seen;

	if (!*s->nic)
		return;
	fputs("  \"network\": { \"nic\": ", out);
	json_text(out, s->nic);
	write_member(out, "driver", s->driver);
	write_member(out, "address", s->address);
	write_member(out, "gateway", s->gateway);
	write_member(out, "dns", s->dns);
	write_member(out, "from", s->from);
	fprintf(out,
		", \"mbit_per_s\": %u, \"link_s\": %.6f, \"configured_s\": %.6f, \"reached_s\": "
		"%.6f },\n",
		s->speed, (double)s->link / 1e6, (double)s->configured / 1e6,
		(double)s->reached / 1e6);
}

static void write_fetched(FILE *out, const struct boot *b)
{
	const struct fetch_record *r = &b->record.fetched;
	double seconds = (double)(r->last_byte - r->first_byte) / 1e6;
	/* Waiting for the cores: while the window was full, and from the last byte to the end. */
	uint64_t cores = r->held + (r->end - r->last_byte);
	bool is_line = cores + r->held < r->last_byte - r->first_byte;

	if (!r->first_byte || b->fetch.n_urls == 0)
		return;
	fprintf(out, "  \"fetch\": { \"url\": ");
	json_text(out, b->fetch.urls[r->from].text);
	fprintf(out,
		", \"bytes\": %llu, \"first_byte_s\": %.6f, \"last_byte_s\": %.6f, "
		"\"bytes_per_s\": %.0f, \"held_s\": %.6f, \"limit\": \"%s\", \"failures\": %llu "
		"},\n",
		(unsigned long long)r->bytes, (double)r->first_byte / 1e6,
		(double)r->last_byte / 1e6, seconds > 0 ? (double)r->bytes / seconds : 0,
		(double)r->held / 1e6, is_line ? "line" : "cores", (unsigned long long)r->failures);
}

static void write_zram(FILE *out, const struct zram *z)
{
	if (!*z->device)
		return;
	fputs("  \"zram\": { \"device\": ", out);
	json_text(out, z->device);
	write_member(out, "algorithm", z->algorithm);
	fprintf(out,
		", \"size_bytes\": %llu, \"expected_ratio\": %u.%02u, \"stored_bytes\": %llu, "
		"\"taken_bytes\": %llu },\n",
		(unsigned long long)z->size, z->ratio / 100, z->ratio % 100,
		(unsigned long long)z->use.stored, (unsigned long long)z->use.taken);
}

static void write_block_times(FILE *out, const struct boot *b)
{
	const char *comma = "";

	fputs("  \"block_times\": [", out);
	for (size_t i = 0; i < BLOCK_TIMES_MAX; i++) {
		const struct block_time *t = &b->record.block_times[i];

		if (!t->end)
			continue;
		fprintf(out, "%s[%u, %.6f, %.6f]", comma, t->worker, (double)t->start / 1e6,
			(double)t->end / 1e6);
		comma = ", ";
	}
	fputs("],\n", out);
}

static void write_memory_samples(FILE *out, const struct boot *b)
{
	fputs("  \"memory_samples\": [", out);
	for (size_t i = 0; i < b->record.n_memory_samples; i++)
		fprintf(out, "%s[%.6f, %llu]", i ? ", " : "",
			(double)b->record.memory_samples[i].time / 1e6,
			(unsigned long long)b->record.memory_samples[i].used);
	fputs("],\n", out);
}

/* Every other sample goes when there is no room for more. */
static void thin_out(struct boot *b)
{
	for (size_t i = 0; i < MEMORY_SAMPLES_MAX / 2; i++)
		b->record.memory_samples[i] = b->record.memory_samples[2 * i];
	b->record.n_memory_samples = MEMORY_SAMPLES_MAX / 2;
	b->record.sample_every = b->record.sample_every ? 2 * b->record.sample_every : 500000;
}

uint64_t report_sample_memory(struct boot *b)
{
	size_t n = b->record.n_memory_samples;
	uint64_t now = now_usec();
	struct memory m;

	if (memory_read(&m) < 0)
		return 0;
	if (n > 0 && now - b->record.memory_samples[n - 1].time < b->record.sample_every)
		return m.total - m.available;
	if (b->record.n_memory_samples == MEMORY_SAMPLES_MAX)
		thin_out(b);
	b->record.memory_samples[b->record.n_memory_samples++] =
		(struct memory_sample){ now, m.total - m.available };
	return m.total - m.available;
}

static const char *root_size_from(const struct params *p)
{
	if (params_mount_has_size(p))
		return "tarboot.mount=";
	return p->size.kind == SIZE_AUTO ? "what the tree needs and half of the rest"
					 : "tarboot.size=";
}

void report_write(const struct boot *b)
{
	int fd = open(RUN_DIR "/report.json", O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	FILE *out = fd < 0 ? NULL : fdopen(fd, "w");
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
	write_number(out, "tar_bytes", b->record.unpacked.bytes);
	write_number(out, "members", b->record.unpacked.members);
	write_number(out, "blocks", b->record.unpacked.blocks);
	write_number(out, "threads", b->record.unpacked.threads);
	write_number(out, "engine_memory_bytes", b->plan.memory);
	write_number(out, "lost_xattrs",
		     b->record.unpacked.losses.count + b->record.unpacked.losses.unknown);
	write_number(out, "unpack_peak_rss_bytes", b->record.unpack_peak);
	write_number(out, "memory_peak_bytes", b->record.memory_peak);
	write_number(out, "root_size_bytes", b->root_size);
	write_string(out, "root_size_from", root_size_from(&b->params));
	write_number(out, "tree_bytes", b->need.tree);
	write_number(out, "tree_inodes", b->need.inodes);
	write_number(out, "memory_total_bytes", m.total);
	write_number(out, "memory_available_bytes", m.available);
	fprintf(out, "  \"devices_seen_s\": %.6f,\n", (double)b->devices_seen.time / 1e6);
	write_number(out, "device_modules", b->devices_seen.modules);
	write_network(out, b);
	write_fetched(out, b);
	write_zram(out, &b->zram);
	write_block_times(out, b);
	write_memory_samples(out, b);
	write_warnings(out);
	write_steps(out, b);
	fclose(out);
}
