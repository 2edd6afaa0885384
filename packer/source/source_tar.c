/*
 * A tar or cpio archive as a source, from a file or from a program that writes it. libarchive takes the compression off, by
 * the programs that it runs; common's readers do the rest.
 */
#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/decompress.h"
#include "source/file_kind.h"
#include "base/piped_child.h"
#include "tar/root_read.h"
#include "tar/tar_header.h"
#include "source/source_kinds.h"
#include "source/uncompressed.h"

#define BLOCK_SIZE (1 << 20)
#define EMPTY_MAX (1 << 20) /* bytes of an archive without members */

struct source_tar {
	struct source base;
	struct archive *raw;      /* one "member": the tar's bytes */
	struct root_reader *root; /* NULL: it has no members */
	bool is_whole;            /* a digest said so: its end may be missing, or all of it */
	const void *
		head; /* the first bytes, which were looked at and are to be read yet; NULL = none */
	size_t head_size;
	uint64_t zeros; /* that it begins with */
	bool has_begun; /* something else has followed */
	char *joined;   /* the same as head, when they came in small pieces; owned */
	char *name;     /* for messages; owned */
	pid_t child;    /* that writes it; 0 = none */
	int fd; /* of a file that holds the archive as it is, to read data from later; -1 = none */
	uint64_t at; /* where in it */
};

/* libarchive has no errno (or EILSEQ) for a decoder whose data is wrong, or that is a program and cannot be started. */
static int fail_raw(struct source_tar *t, struct fail *f)
{
	const char *text = archive_error_string(t->raw);
	int error = archive_errno(t->raw);

	if (text && strstr(text, "unable to run program"))
		return fail_set(f, EBADMSG, t->name,
				"Give a tar or cpio archive, plain or compressed, whose "
				"compression program is "
				"installed.",
				"cannot read it: %s", text);
	if (error > 0 && error != EILSEQ)
		return fail_errno(f, error, t->name, "cannot read it");
	return fail_set(f, EBADMSG, t->name, "Copy or build it again.",
			"its compressed data is cut short or damaged: %s",
			decompress_error(t->raw));
}

static int read_piece(struct source_tar *t, const void **ret_data, size_t *ret_size, struct fail *f)
{
	la_int64_t offset;
	int r;

	do
		r = archive_read_data_block(t->raw, ret_data, ret_size, &offset);
	while (r == ARCHIVE_OK && *ret_size == 0);
	t->base.position = (uint64_t)archive_filter_bytes(t->raw, -1);
	if (r == ARCHIVE_EOF)
		return 0;
	return r == ARCHIVE_OK ? 1 : fail_raw(t, f);
}

/* An archive without members has only zeros, of which there may be some KiB; no other begins with them. */
static int check_start(struct source_tar *t, const char *data, size_t size, struct fail *f)
{
	size_t zeros = 0;

	if (t->has_begun)
		return 0;
	while (zeros < size && !data[zeros])
		zeros++;
	t->zeros += zeros;
	if (t->zeros > EMPTY_MAX)
		return fail_set(f, EBADMSG, t->name,
				"Give a root: a directory, a tar or cpio archive, a disk or a "
				"container image.",
				"it is empty: there is nothing but zeros in its first MiB");
	if (zeros == size)
		return 0;
	t->has_begun = true;
	if (t->zeros < TAR_BLOCK)
		return 0;
	return fail_set(f, EBADMSG, t->name,
			"Give it as a file, not on standard input, and decompress it first.",
			"it begins with zeros, as a disk may, and so is no archive");
}

static int read_raw(void *arg, const void **ret_data, size_t *ret_size, struct fail *f)
{
	struct source_tar *t = arg;
	int r = 1;

	if (t->head) {
		*ret_data = t->head;
		*ret_size = t->head_size;
		t->head = NULL;
	} else {
		r = read_piece(t, ret_data, ret_size, f);
	}
	return r > 0 && check_start(t, *ret_data, *ret_size, f) < 0 ? -f->error : r;
}

/* Reads the first bytes, as they come, or joined when there are too few to tell what they are. */
static int read_head(struct source_tar *t, struct fail *f)
{
	const void *data;
	size_t size;
	char *more;
	int r = read_piece(t, &t->head, &t->head_size, f);

	if (r <= 0)
		t->head = NULL;
	if (r <= 0 || t->head_size >= FILE_KIND_HEAD)
		return r;
	t->joined = malloc(t->head_size);
	if (t->joined)
		memcpy(t->joined, t->head, t->head_size);
	while (t->joined && t->head_size < FILE_KIND_HEAD &&
	       (r = read_piece(t, &data, &size, f)) > 0) {
		more = realloc(t->joined, t->head_size + size);
		if (!more)
			return fail_errno(f, ENOMEM, t->name, "cannot read it");
		t->joined = more;
		memcpy(t->joined + t->head_size, data, size);
		t->head_size += size;
	}
	t->head = t->joined;
	return t->joined ? r : fail_errno(f, ENOMEM, t->name, "cannot read it");
}

/* Somebody else's words about a damaged tar would not help who gave another kind of file. */
static int check_kind(struct source_tar *t, struct fail *f)
{
	const struct file_kind *kind;
	int r = read_head(t, f);

	if (r < 0)
		return r;
	kind = t->head ? file_kind_of(t->head, t->head_size) : NULL;
	return kind ? fail_set(f, EBADMSG, t->name, kind->todo, "it is %s", kind->what) : 0;
}

/* At the end, good or bad: the program that wrote the tar knows better why it is short. */
static int check_child(struct source_tar *t, struct fail *f)
{
	const char *todo =
		"See its messages above. If it finds no system there, mount the disk (guestmount, "
		"or losetup -P and mount) and pack that directory.";
	int status;

	if (!t->child)
		return 0;
	archive_read_free(t->raw); /* its end of the pipe */
	t->raw = NULL;
	while (waitpid(t->child, &status, 0) < 0 && errno == EINTR)
		;
	t->child = 0;
	if ((WIFEXITED(status) && WEXITSTATUS(status) == 0) ||
	    (WIFSIGNALED(status) && WTERMSIG(status) == SIGPIPE)) /* we stopped reading */
		return 0;
	if (WIFEXITED(status))
		return fail_set(f, EIO, t->name, todo,
				"the program that reads it failed (exit status %d)",
				WEXITSTATUS(status));
	return fail_set(f, EIO, t->name, todo, "the program that reads it was killed by signal %d",
			WTERMSIG(status));
}

static int tar_next(struct source *s, struct source_member *ret, struct fail *f)
{
	struct source_tar *t = (struct source_tar *)s;
	int r = t->root ? root_reader_next(t->root, &ret->m, f) : 0;

	return r <= 0 && check_child(t, f) < 0 ? -f->error : r;
}

static const struct tar_extent *tar_extents(struct source *s, size_t *ret_n)
{
	return root_reader_extents(((struct source_tar *)s)->root, ret_n);
}

static int tar_place(struct source *s, struct file_data *ret, struct fail *f)
{
	struct source_tar *t = (struct source_tar *)s;

	if (t->fd < 0)
		return 0;
	if (source_map(s, &ret->at.span.map) < 0)
		return fail_errno(f, ENOMEM, s->current.m.path, "cannot hold its map of holes");
	ret->at.span.fd = t->fd;
	ret->at.span.offset = t->at + root_reader_offset(t->root);
	ret->kind = FILE_DATA_SPAN;
	return 1;
}

static int tar_read(struct source *s, const void **ret_data, size_t *ret_size, uint64_t *ret_offset,
		    struct fail *f)
{
	struct source_tar *t = (struct source_tar *)s;
	int r = root_reader_data(t->root, ret_data, ret_size, ret_offset, f);

	return r < 0 && check_child(t, f) < 0 ? -f->error : r;
}

static void tar_settle(struct source *s)
{
	struct source_tar *t = (struct source_tar *)s;

	root_reader_close(t->root);
	t->root = NULL;
	if (t->raw)
		archive_read_free(t->raw);
	t->raw = NULL;
}

static void tar_close(struct source *s)
{
	struct source_tar *t = (struct source_tar *)s;

	root_reader_close(t->root);
	if (t->raw)
		archive_read_free(t->raw);
	if (t->child) {
		kill(t->child, SIGTERM);
		waitpid(t->child, NULL, 0);
	}
	cleanup_close(&t->fd);
	free(t->joined);
	free(t->name);
	free(t);
}

static const struct source_kind kind = { .next = tar_next,
					 .place = tar_place,
					 .read = tar_read,
					 .extents = tar_extents,
					 .settle = tar_settle,
					 .close = tar_close };

static struct source_tar *tar_new(const char *name, struct fail *f)
{
	struct source_tar *t = calloc(1, sizeof(*t));

	if (t) {
		t->base.kind = &kind;
		t->fd = -1;
		t->name = strdup(name);
		t->raw = archive_read_new();
		if (t->name && t->raw) {
			archive_read_support_format_raw(t->raw);
			archive_read_support_format_empty(t->raw);
			decompress_support_all(t->raw);
			return t;
		}
		tar_close(&t->base);
	}
	fail_errno(f, ENOMEM, name, "cannot read it");
	return NULL;
}

static int open_reader(struct source_tar *t, struct fail *f)
{
	int r = root_reader_open(read_raw, t, t->name, TAR_MEMORY_MAX, &t->root, f);

	if (r == 0 && t->is_whole)
		root_reader_take_without_end(t->root);
	return r;
}

static int fail_empty(struct source_tar *t, struct fail *f)
{
	return check_child(t, f) < 0 ? -f->error
				     : fail_set(f, EBADMSG, t->name, "Give a tar or cpio archive.",
						"it is empty");
}

/* opened: what libarchive said to opening the bytes. */
static int open_tar(struct source_tar *t, int opened, struct fail *f)
{
	struct archive_entry *entry;
	int r;

	if (opened != ARCHIVE_OK)
		return fail_raw(t, f);
	switch (archive_read_next_header(t->raw, &entry)) {
	case ARCHIVE_OK:
		r = check_kind(t, f);
		if (r == 0)
			return open_reader(t, f);
		return check_child(t, f) < 0 ? -f->error : r;
	case ARCHIVE_EOF:
		return t->is_whole ? 0 : fail_empty(t, f);
	default:
		fail_raw(t, f);
		(void)check_child(t, f);
		return -f->error;
	}
}

/* ---- a tar from a descriptor ---- */

/* What libarchive reads: a pipe to its end, or a part of a file. */
struct bytes {
	int fd;
	char *head; /* what was read of a pipe before; owned; NULL = nothing */
	size_t head_size;
	uint64_t at, left; /* left: UINT64_MAX for a pipe */
	char block[BLOCK_SIZE];
};

static la_ssize_t read_bytes(struct archive *a, void *arg, const void **ret)
{
	struct bytes *b = arg;
	size_t want = b->left < BLOCK_SIZE ? (size_t)b->left : BLOCK_SIZE;
	ssize_t n;

	if (b->head_size > 0) {
		n = (ssize_t)b->head_size;
		b->head_size = 0;
		*ret = b->head;
		return n;
	}
	do
		n = b->left == UINT64_MAX ? read(b->fd, b->block, want)
					  : pread(b->fd, b->block, want, (off_t)b->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		archive_set_error(a, errno, "%s", strerror(errno));
	if (n > 0 && b->left != UINT64_MAX) {
		b->at += (uint64_t)n;
		b->left -= (uint64_t)n;
	}
	*ret = b->block;
	return n;
}

static int close_bytes(struct archive *a, void *arg)
{
	struct bytes *b = arg;

	(void)a;
	close(b->fd);
	free(b->head);
	free(b);
	return ARCHIVE_OK;
}

/* fd, head and t are taken over. */
static int open_bytes(struct source_tar *t, int fd, uint64_t offset, uint64_t size, char *head,
		      size_t head_size, struct source **ret, struct fail *f)
{
	struct bytes *b = malloc(sizeof(*b));
	int r;

	if (!b) {
		close(fd);
		free(head);
		r = fail_errno(f, ENOMEM, t->name, "cannot read it");
	} else {
		b->fd = fd;
		b->head = head;
		b->head_size = head_size;
		b->at = offset;
		b->left = size;
		r = open_tar(t, archive_read_open(t->raw, b, NULL, read_bytes, close_bytes), f);
	}
	if (r == 0 && size != UINT64_MAX && archive_filter_code(t->raw, 0) == ARCHIVE_FILTER_NONE) {
		t->at = offset;
		t->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
		r = t->fd < 0 ? fail_errno(f, errno, t->name, "cannot read it") : 0;
	} else if (r == 0 && size != UINT64_MAX) {
		t->base.uncompressed = uncompressed_size(fd, offset, size);
	}
	if (r < 0)
		tar_close(&t->base);
	else
		*ret = &t->base;
	return r;
}

/* What is a file can be read again from where it was opened. */
static int open_descriptor(struct source_tar *t, int fd, struct source **ret, struct fail *f)
{
	off_t at = lseek(fd, 0, SEEK_CUR);
	struct stat st;

	if (at < 0 || fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) || at > st.st_size)
		return open_bytes(t, fd, 0, UINT64_MAX, NULL, 0, ret, f);
	t->base.total = (uint64_t)(st.st_size - at);
	return open_bytes(t, fd, (uint64_t)at, t->base.total, NULL, 0, ret, f);
}

int source_tar_open(const char *path, struct source **ret, struct fail *f)
{
	struct source_tar *t = tar_new(path, f);
	int fd, r;

	if (!t)
		return -ENOMEM;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd >= 0)
		return open_descriptor(t, fd, ret, f);
	r = fail_errno(f, errno, path, "cannot open it");
	tar_close(&t->base);
	return r;
}

int source_stdin_open(char *head, size_t head_size, struct source **ret, struct fail *f)
{
	struct source_tar *t = tar_new("stdin", f);
	int fd = t ? fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0) : -1;

	if (fd >= 0)
		return head ? open_bytes(t, fd, 0, UINT64_MAX, head, head_size, ret, f)
			    : open_descriptor(t, fd, ret, f);
	if (t) {
		fail_errno(f, errno, "stdin", "cannot open it");
		tar_close(&t->base);
	}
	free(head);
	return -f->error;
}

/* ---- a program that writes a tar ---- */

int source_command_open(const char *const argv[], const char *name, struct source **ret,
			struct fail *f)
{
	struct source_tar *t = tar_new(name, f);
	pid_t child;
	int fd, r;

	if (!t)
		return -ENOMEM;
	child = piped_child(&fd);
	if (child == 0) {
		execvp(argv[0], (char *const *)argv);
		_exit(127);
	}
	if (child > 0) {
		t->child = child;
		return open_bytes(t, fd, 0, UINT64_MAX, NULL, 0, ret, f);
	}
	r = fail_errno(f, (int)child, argv[0], "cannot start it");
	tar_close(&t->base);
	return r;
}

int source_layer_open(int fd, uint64_t offset, uint64_t size, bool is_whole, const char *name,
		      struct source **ret, struct fail *f)
{
	struct source_tar *t = tar_new(name, f);

	if (!t) {
		close(fd);
		return -ENOMEM;
	}
	t->is_whole = is_whole;
	return open_bytes(t, fd, offset, size, NULL, 0, ret, f);
}

int source_tar_open_range(int fd, uint64_t offset, uint64_t size, const char *name,
			  struct source **ret, struct fail *f)
{
	return source_layer_open(fd, offset, size, false, name, ret, f);
}
