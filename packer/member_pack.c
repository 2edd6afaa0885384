/* From a source, by the selection, to payload and sketch. */
#include "member_pack.h"

#include <errno.h>
#include <string.h>

#include "path.h"
#include "root_warnings.h"
#include "say.h"
#include "scrub.h"
#include "swap_file.h"

#define TEXT_MAX (1 << 20)

static int pack_data(struct member_pack *p, struct source *s, struct fail *f)
{
	const void *data;
	uint64_t offset;
	size_t size;
	int r;

	while ((r = source_read(s, &data, &size, &offset, f)) > 0) {
		r = sketch_data(p->sketch, data, size, offset, f);
		if (r == 0)
			r = payload_writer_data(p->writer, data, size, offset, f);
		if (r < 0)
			return r;
		say_progress("packing", source_position(s), source_total(s));
	}
	return r;
}

/* In a dry run: no more than the checks look at. */
static int draw_data(struct member_pack *p, struct source *s, struct fail *f)
{
	const void *data;
	uint64_t offset = 0;
	size_t size = 0;
	int r = 1;

	while (r > 0 && offset + size < sketch_wanted(p->sketch)) {
		r = source_read(s, &data, &size, &offset, f);
		if (r > 0 && sketch_data(p->sketch, data, size, offset, f) < 0)
			r = -f->error;
	}
	return r < 0 ? r : 0;
}

/* Before anything is written of a member, in a dry run, too. */
static int begin(struct member_pack *p, const struct source_member *m, struct fail *f)
{
	p->members++;
	p->bytes += m->m.size;
	return names_pack(p->names, &m->m, f);
}

static int pack_as_it_is(struct member_pack *p, struct source *s, const struct source_member *m,
			 struct fail *f)
{
	bool has_data = m->m.type == MEMBER_FILE && m->m.size > 0;
	int r = begin(p, m, f);

	if (r == 0)
		r = sketch_add(p->sketch, &m->m, f);
	if (r == 0 && !p->writer)
		return has_data ? draw_data(p, s, f) : 0;
	if (r == 0)
		r = payload_writer_add(p->writer, m, f);
	return r == 0 && has_data ? pack_data(p, s, f) : r;
}

/* ---- scrubbed ---- */

static int pack_text(struct member_pack *p, struct source_member *m, const char *text, size_t size,
		     struct fail *f)
{
	int r;

	m->m.size = size;
	m->n_extents = 0;
	r = begin(p, m, f);
	if (r < 0 || !p->writer)
		return r;
	r = payload_writer_add(p->writer, m, f);
	return r == 0 && size > 0 ? payload_writer_data(p->writer, text, size, 0, f) : r;
}

/* Reads a file to its end. *ret is the caller's. */
static int read_text(struct source *s, const struct source_member *m, char **ret, struct fail *f)
{
	const void *data;
	uint64_t offset;
	size_t size;
	int r;

	if (m->m.size > TEXT_MAX)
		return fail_set(f, EFBIG, m->m.path, "Look at it, or keep it as it is with --keep.",
				"it is too large to be a configuration file");
	*ret = calloc(1, (size_t)m->m.size + 1);
	if (!*ret)
		return fail_errno(f, ENOMEM, m->m.path, "cannot read it");
	while ((r = source_read(s, &data, &size, &offset, f)) > 0)
		if (offset <= m->m.size && size <= m->m.size - offset)
			memcpy(*ret + offset, data, size);
	return r;
}

static int pack_by_text(struct member_pack *p, struct source *s, struct source_member *m,
			enum sieve_action action, struct fail *f)
{
	_cleanup_free_ char *text = NULL, *changed = NULL;
	size_t size = (size_t)m->m.size;
	struct scrubbed scrubbed;
	int r = read_text(s, m, &text, f);

	if (r < 0)
		return r;
	r = scrub_text(action, text, size, &p->selection->mapped, &scrubbed);
	changed = scrubbed.text;
	if (r == 0)
		r = selection_note_table(p->selection, action, text, size);
	if (r == 0 && scrubbed.result == SCRUB_LEAVES_OUT)
		r = selection_drop(p->selection, &m->m);
	if (r < 0)
		return fail_errno(f, r, m->m.path, "cannot look at it");
	if (scrubbed.result == SCRUB_LEAVES_OUT)
		return 0;
	if (action == SIEVE_RESOLV_CONF && !p->selection->explain)
		root_warn_of_name_servers(text, size);
	selection_comment(p->selection, &m->m, scrubbed.lines);
	return changed ? pack_text(p, m, changed, scrubbed.size, f)
		       : pack_text(p, m, text, size, f);
}

static int pack_unless_swap(struct member_pack *p, struct source *s, struct source_member *m,
			    struct fail *f)
{
	const void *head;
	size_t size;
	int r = source_peek(s, SWAP_FILE_HEAD, &head, &size, f);

	if (r < 0)
		return r;
	if (!swap_file_is(head, size)) {
		r = selection_keep(p->selection, &m->m);
		return r < 0 ? fail_errno(f, r, m->m.path, "cannot look at it")
			     : pack_as_it_is(p, s, m, f);
	}
	r = selection_drop(p->selection, &m->m);
	return r < 0 ? fail_errno(f, r, m->m.path, "cannot look at it") : 0;
}

int member_pack(struct member_pack *p, struct source *s, struct source_member *m, struct fail *f)
{
	const struct sieve_rule *rule = m->m.type == MEMBER_FILE ? selection_rule(p->selection)
								 : NULL;

	if (m->m.type == MEMBER_HARDLINK && selection_drops_name(p->selection, &m->m))
		return 0;
	if (!rule) {
		(void)selection_keep(p->selection, &m->m);
		return pack_as_it_is(p, s, m, f);
	}
	if (scrub_reads_text(rule->action))
		return pack_by_text(p, s, m, rule->action, f);
	if (rule->action == SIEVE_SWAP_FILE)
		return pack_unless_swap(p, s, m, f);
	selection_empty(p->selection, &m->m);
	return pack_text(p, m, NULL, 0, f);
}

int member_pack_file(struct member_pack *p, struct source_member *m, int fd, struct fail *f)
{
	char block[65536];
	uint64_t at = 0;
	ssize_t n;
	int r;

	m->n_extents = 0;
	(void)selection_keep(p->selection, &m->m);
	r = begin(p, m, f);
	if (r < 0 || !p->writer)
		return r;
	r = payload_writer_add(p->writer, m, f);
	while (r == 0 && at < m->m.size) {
		n = pread(fd, block, sizeof(block), (off_t)at);
		if (n <= 0)
			return fail_errno(f, n < 0 ? errno : EIO, m->m.path, "cannot read it");
		r = payload_writer_data(p->writer, block, (size_t)n, at, f);
		at += (uint64_t)n;
	}
	return r;
}

int member_pack_additions(struct member_pack *p, struct fail *f)
{
	/* Its time is always the same, so that the same root gives the same image. */
	struct source_member m = {
		.m = { .type = MEMBER_FILE, .path = "etc/machine-id", .mode = 0444 }
	};

	if (!selection_lacks_machine_id(p->selection))
		return 0;
	if (!p->selection->explain)
		puts("made     /etc/machine-id, empty: without one every boot would be a first "
		     "boot");
	return pack_text(p, &m, NULL, 0, f);
}
