/* The most important objects come first. */
#include "image/inspect_json.h"

#include "base/json.h"
#include "image/uki_report.h"

static void write_boot_part(const struct image *image, FILE *out)
{
	fputs("  \"image_members\": [", out);
	for (size_t i = 0; i < image->n_members; i++) {
		fprintf(out, "%s\n    { \"path\": ", i ? "," : "");
		json_text(out, image->members[i].name);
		fprintf(out, ", \"mode\": \"%06o\", \"size\": %llu }",
			(unsigned)image->members[i].mode,
			(unsigned long long)image->members[i].size);
	}
	fputs("\n  ],\n", out);
}

static void write_text(const char *key, const char *text, FILE *out)
{
	fprintf(out, ", \"%s\": ", key);
	json_text(out, text);
}

static void write_digest(const char *key, bool is_there, const struct digest *d, FILE *out)
{
	char text[DIGEST_TEXT_MAX];

	write_text(key, is_there ? digest_format(text, d) : "", out);
}

static void write_blocks(const struct manifest *m, FILE *out)
{
	fputs(", \"blocks\": [", out);
	for (size_t i = 0; i < m->n_blocks; i++) {
		const struct manifest_block *b = &m->blocks[i];

		fprintf(out,
			"%s\n    { \"offset\": %llu, \"bytes\": %llu, \"uncompressed_bytes\": "
			"%llu, "
			"\"decoder_bytes\": %llu",
			i ? "," : "", (unsigned long long)b->offset, (unsigned long long)b->bytes,
			(unsigned long long)b->uncompressed, (unsigned long long)b->decoder_memory);
		write_digest("digest", true, &b->digest, out);
		fputs(" }", out);
	}
	fputs("]", out);
}

static void write_manifest(const struct manifest *m, FILE *out)
{
	fprintf(out, "  \"manifest\": { \"format\": %llu", (unsigned long long)m->format);
	write_text("payload", manifest_payload(m), out);
	write_text("build_id", m->build_id, out);
	write_text("init", m->init, out);
	fprintf(out,
		", \"payload_bytes\": %llu, \"unpacked_bytes\": %llu, \"unpacked_bytes_16k\": "
		"%llu, "
		"\"unpacked_bytes_64k\": %llu, \"inodes\": %llu, \"members\": %llu, \"files\": "
		"%llu, "
		"\"data_bytes\": %llu, \"directories\": %llu, \"xattr_bytes\": %llu, \"kernels\": "
		"[",
		(unsigned long long)m->payload_bytes, (unsigned long long)m->unpacked_bytes,
		(unsigned long long)m->unpacked_bytes_16k,
		(unsigned long long)m->unpacked_bytes_64k, (unsigned long long)m->inodes,
		(unsigned long long)m->members, (unsigned long long)m->files,
		(unsigned long long)m->data_bytes, (unsigned long long)m->directories,
		(unsigned long long)m->xattr_bytes);
	for (unsigned i = 0; i < m->n_kernels; i++) {
		fputs(i ? ", " : "", out);
		json_text(out, m->kernels[i]);
	}
	fputs("]", out);
	write_digest("payload_digest", m->has_payload_digest, &m->payload_digest, out);
	write_digest("boot_digest", m->has_boot_digest, &m->boot_digest, out);
	write_digest("vmlinuz_digest", m->has_vmlinuz_digest, &m->vmlinuz_digest, out);
	write_blocks(m, out);
	fputs(" },\n", out);
}

static void write_payload(const struct image *image, const struct block_list *l, FILE *out)
{
	fprintf(out,
		"  \"payload\": { \"codec\": \"%s\", \"bytes\": %llu, \"parts\": %zu, "
		"\"tar_bytes\": %llu, \"streams\": %llu, \"blocks\": %zu, "
		"\"unsized_blocks\": %llu, \"unchecked_blocks\": %llu, "
		"\"largest_block_bytes\": %llu, \"decoder_bytes\": %llu },\n",
		l->codec->name, (unsigned long long)image->payload.size, image->payload.n_parts,
		(unsigned long long)l->uncompressed, (unsigned long long)l->streams, l->n,
		(unsigned long long)l->unsized, (unsigned long long)l->unchecked,
		(unsigned long long)l->largest, (unsigned long long)l->decoder_memory);
}

static void write_trust(const struct signature_trust *trust, FILE *out)
{
	char id[SIGNATURE_ID_TEXT_MAX];

	fputs("  \"trust\": { \"keys\": [", out);
	for (size_t i = 0; i < trust->n; i++)
		fprintf(out, "%s\"%s\"", i ? ", " : "", signature_id_format(id, trust->keys[i].id));
	fprintf(out, "], \"manifest_min\": \"%s\" },\n", trust->not_before);
}

void inspect_json_member(const struct listed *m, FILE *out)
{
	fputs("{ \"path\": ", out);
	json_text(out, m->path);
	fprintf(out,
		", \"type\": \"%s\", \"mode\": \"%04o\", \"uid\": %llu, \"gid\": %llu, \"mtime\": "
		"%lld, "
		"\"size\": %llu, \"ram_bytes\": %llu, \"image_bytes\": %.0f",
		listed_type(m), (unsigned)m->mode, (unsigned long long)m->uid,
		(unsigned long long)m->gid, (long long)m->mtime.tv_sec, (unsigned long long)m->size,
		(unsigned long long)m->ram, m->packed);
	if (m->target) {
		fputs(", \"target\": ", out);
		json_text(out, m->target);
	}
	fputs(" }", out);
}

void inspect_json(const struct image_report *r, FILE *out)
{
	const struct needs *n = &r->needs;

	fputs("{\n  \"image\": ", out);
	json_text(out, r->image.path);
	fprintf(out, ",\n  \"bytes\": %llu,\n", (unsigned long long)r->image.size);
	if (r->image.uki)
		uki_json(r->image.uki, out);
	write_boot_part(&r->image, out);
	if (r->image.has_manifest)
		write_manifest(&r->image.manifest, out);
	write_payload(&r->image, &r->blocks, out);
	write_trust(&r->keys, out);
	fprintf(out,
		"  \"memory\": { \"load_bytes\": %llu, \"unpack_bytes\": %llu, "
		"\"unpack_bytes_16k\": %llu, "
		"\"unpack_bytes_64k\": %llu, \"machine_bytes\": %llu, "
		"\"fetching_machine_bytes\": %llu, \"zram_machine_bytes\": %llu, "
		"\"zram_fetching_machine_bytes\": %llu },\n  \"files\": [",
		(unsigned long long)n->load, (unsigned long long)n->unpack,
		(unsigned long long)n->unpack_16k, (unsigned long long)n->unpack_64k,
		(unsigned long long)n->machine, (unsigned long long)n->fetching_machine,
		(unsigned long long)n->zram_machine, (unsigned long long)n->zram_fetching_machine);
	for (size_t i = 0; i < r->contents.n; i++) {
		fprintf(out, "%s\n    ", i ? "," : "");
		inspect_json_member(&r->contents.members[i], out);
	}
	fputs("\n  ]\n}\n", out);
}
