/* A tar archive as a source, through libarchive; compressed ones through the programs it runs. */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#include "source_kinds.h"

struct source_tar {
	struct source base;
	struct archive *archive;
	struct archive_entry *entry;
	char *name; /* for messages; owned */
};

static int fail_archive(struct source_tar *t, struct fail *f)
{
	const char *text = archive_error_string(t->archive);

	return fail_set(f, EBADMSG, t->name,
			"Give a tar archive, plain or compressed, whose compression program is "
			"installed.",
			"cannot read it as tar: %s", text ? text : "unknown error");
}

static int collect_extents(struct source_tar *t)
{
	la_int64_t offset, size;
	int n = archive_entry_sparse_reset(t->entry);

	for (int i = 0; i < n; i++) {
		if (archive_entry_sparse_next(t->entry, &offset, &size) != ARCHIVE_OK)
			break;
		if (source_add_extent(&t->base, (uint64_t)offset, (uint64_t)size) < 0)
			return -ENOMEM;
	}
	return 0;
}

static int tar_next(struct source *s, struct source_member *ret, struct fail *f)
{
	struct source_tar *t = (struct source_tar *)s;
	int r = archive_read_next_header(t->archive, &t->entry);

	s->position = (uint64_t)archive_filter_bytes(t->archive, -1);
	if (r == ARCHIVE_EOF)
		return 0;
	if (r != ARCHIVE_OK && r != ARCHIVE_WARN)
		return fail_archive(t, f);
	r = member_from_entry(t->entry, &ret->m, f);
	if (r < 0)
		return r;
	if (collect_extents(t) < 0)
		return fail_errno(f, ENOMEM, ret->m.path, "cannot hold its sparse map");
	return 1;
}

static int tar_read(struct source *s, const void **ret_data, size_t *ret_size, uint64_t *ret_offset,
		    struct fail *f)
{
	struct source_tar *t = (struct source_tar *)s;
	la_int64_t offset;
	int r;

	do
		r = archive_read_data_block(t->archive, ret_data, ret_size, &offset);
	while (r == ARCHIVE_OK && *ret_size == 0);
	*ret_offset = (uint64_t)offset;
	s->position = (uint64_t)archive_filter_bytes(t->archive, -1);
	if (r == ARCHIVE_EOF)
		return 0;
	return r == ARCHIVE_OK ? 1 : fail_archive(t, f);
}

static void tar_close(struct source *s)
{
	struct source_tar *t = (struct source_tar *)s;

	archive_read_free(t->archive);
	free(t->name);
	free(t);
}

static const struct source_kind kind = { tar_next, tar_read, tar_close };

int source_tar_open(const char *path, struct source **ret, struct fail *f)
{
	struct source_tar *t = calloc(1, sizeof(*t));
	struct stat st;

	if (!t)
		return fail_errno(f, ENOMEM, path ? path : "stdin", "cannot read it");
	t->base.kind = &kind;
	t->base.root_fd = -1;
	t->name = strdup(path ? path : "stdin");
	t->archive = archive_read_new();
	if (!t->name || !t->archive) {
		tar_close(&t->base);
		return fail_errno(f, ENOMEM, path ? path : "stdin", "cannot read it");
	}
	if (path && stat(path, &st) == 0 && S_ISREG(st.st_mode))
		t->base.total = (uint64_t)st.st_size;
	archive_read_support_format_tar(t->archive);
	archive_read_support_filter_all(t->archive);
	if (archive_read_open_filename(t->archive, path, 1 << 20) != ARCHIVE_OK) {
		int r = fail_archive(t, f);

		tar_close(&t->base);
		return r;
	}
	*ret = &t->base;
	return 0;
}
