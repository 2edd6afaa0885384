/* libarchive's filters on a file without a format. */
#include "base/decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <sys/mman.h>

#include "base/util.h"
#include "codec/codec.h"

#define BLOCK_SIZE (1 << 18)

/* Of zstd libarchive itself calls the program without --long, and that refuses windows of more than 128 MiB. */
int decompress_support_all(struct archive *archive)
{
	int r = archive_read_support_filter_program_signature(archive, "zstd -d -qq --long=31",
							      "\x28\xb5\x2f\xfd", 4);

	return r < ARCHIVE_WARN ? r : archive_read_support_filter_all(archive);
}

/* All filters, and any content. NULL: no memory. */
static struct archive *new_reader(void)
{
	struct archive *archive = archive_read_new();

	if (archive && archive_read_support_format_raw(archive) >= ARCHIVE_WARN &&
	    archive_read_support_format_empty(archive) >= ARCHIVE_WARN &&
	    decompress_support_all(archive) >= ARCHIVE_WARN)
		return archive;
	archive_read_free(archive);
	return NULL;
}

/* ---- memory ---- */

/* Makes room for size more bytes and a NUL. */
static int grow(char **data, size_t have, size_t size, size_t *room)
{
	size_t wanted = *room ? *room : 4096;
	char *more;

	while (wanted - have <= size)
		wanted *= 2;
	more = wanted == *room ? *data : realloc(*data, wanted);
	if (!more)
		return -ENOMEM;
	*data = more;
	*room = wanted;
	return 0;
}

/* Blocks, which come even when the one behind them is broken. */
static int read_data(struct archive *archive, size_t max, char **ret, size_t *ret_size)
{
	struct archive_entry *entry;
	const void *block;
	la_int64_t offset;
	size_t size, room = 0;
	int r;

	if (archive_read_next_header(archive, &entry) != ARCHIVE_OK)
		return -EBADMSG;
	while ((r = archive_read_data_block(archive, &block, &size, &offset)) == ARCHIVE_OK) {
		if (size > max - *ret_size)
			return -EFBIG;
		if (grow(ret, *ret_size, size, &room) < 0)
			return -ENOMEM;
		memcpy(*ret + *ret_size, block, size);
		*ret_size += size;
	}
	if (grow(ret, *ret_size, 0, &room) < 0)
		return -ENOMEM;
	(*ret)[*ret_size] = '\0';
	return r == ARCHIVE_EOF ? 0 : -EBADMSG;
}

static int fill_file(int fd, const char *data, size_t size)
{
	ssize_t n;

	while (size > 0) {
		n = write(fd, data, size);
		if (n < 0 && errno != EINTR)
			return -errno;
		data += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* A whole file of zstd, by the decoder that is here anyway. The same results as of decompress(). */
static int decompress_zstd(const void *data, size_t size, size_t max, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = memfd_create("zstd", MFD_CLOEXEC);
	_cleanup_free_ char *buf = NULL;
	struct fail f;
	char *text;
	int r = fd < 0 ? -errno : fill_file(fd, data, size);

	if (r == 0)
		buf = malloc(max + 1);
	if (r == 0 && !buf)
		r = -ENOMEM;
	if (r == 0)
		r = codec_decode(fd, "", buf, max, ret_size, &f);
	if (r < 0)
		return r;
	buf[*ret_size] = '\0';
	text = realloc(buf, *ret_size + 1);
	*ret = text ? text : buf;
	buf = NULL;
	return 0;
}

int decompress(const void *data, size_t size, size_t max, char **ret, size_t *ret_size)
{
	struct archive *archive;
	int r = -ENOMEM;

	*ret = NULL;
	*ret_size = 0;
	/* What other data follows, as in a kernel, is the program's. */
	if (codec_find(data, size) == &codec_zstd &&
	    decompress_zstd(data, size, max, ret, ret_size) == 0)
		return 0;
	*ret_size = 0;
	archive = new_reader();
	if (archive)
		r = archive_read_open_memory(archive, data, size) == ARCHIVE_OK
			    ? read_data(archive, max, ret, ret_size)
			    : -EBADMSG;
	archive_read_free(archive);
	return r;
}

/* ---- a part of a file ---- */

struct part {
	int fd;
	uint64_t at, left;
	char block[BLOCK_SIZE];
};

static la_ssize_t read_part(struct archive *archive, void *arg, const void **ret)
{
	struct part *p = arg;
	ssize_t n;

	do
		n = pread(p->fd, p->block, (size_t)min_u64(p->left, BLOCK_SIZE), (off_t)p->at);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		archive_set_error(archive, errno, "%s", strerror(errno));
	if (n > 0) {
		p->at += (uint64_t)n;
		p->left -= (uint64_t)n;
	}
	*ret = p->block;
	return n;
}

int __wrap_pipe(int fds[2]);

/* The linker puts it in place of pipe(), for libarchive: of the programs that it starts one behind the other none must inherit the
 * pipes of another, which would never see the end of its input. */
int __wrap_pipe(int fds[2])
{
	return pipe2(fds, O_CLOEXEC);
}

/* A decompression program may have printed why; zstd, as libarchive runs it, does not. liblzma calls data that ends too early "no
 * progress". */
const char *decompress_error(struct archive *archive)
{
	const char *text = archive_error_string(archive);

	if (text && strstr(text, "Child process exited with status"))
		return "the program that decompresses it failed; run that by hand to see why";
	if (text && strstr(text, "No progress"))
		return "it ends too early";
	return text ? text : "unknown error";
}

static int fail_archive(struct archive *archive, const char *name, struct fail *f)
{
	const char *text = archive_error_string(archive);

	if (text && strstr(text, "unable to run program"))
		return fail_set(f, EBADMSG, name, "Install the program, or decompress it first.",
				"cannot decompress it: %s", text);
	return fail_set(f, EBADMSG, name, "Copy or build it again.",
			"its compressed data is cut short or damaged: %s",
			decompress_error(archive));
}

static int read_pieces(struct archive *archive, const char *name,
		       int (*take)(const void *data, size_t size, void *arg, struct fail *f),
		       void *arg, struct fail *f)
{
	struct archive_entry *entry;
	const void *data;
	la_int64_t offset;
	size_t size;
	int status = archive_read_next_header(archive, &entry), r = 0;

	if (status == ARCHIVE_EOF)
		return 0;
	if (status != ARCHIVE_OK)
		return fail_archive(archive, name, f);
	while (r == 0 &&
	       (status = archive_read_data_block(archive, &data, &size, &offset)) == ARCHIVE_OK)
		r = take(data, size, arg, f);
	return r < 0 || status == ARCHIVE_EOF ? r : fail_archive(archive, name, f);
}

int decompress_file(int fd, uint64_t offset, uint64_t size, const char *name,
		    int (*take)(const void *data, size_t size, void *arg, struct fail *f),
		    void *arg, struct fail *f)
{
	_cleanup_free_ struct part *part = malloc(sizeof(*part));
	struct archive *archive = new_reader();
	int r;

	if (!part || !archive) {
		archive_read_free(archive);
		return fail_errno(f, ENOMEM, name, "cannot read it");
	}
	part->fd = fd;
	part->at = offset;
	part->left = size;
	r = archive_read_open(archive, part, NULL, read_part, NULL) == ARCHIVE_OK
		    ? read_pieces(archive, name, take, arg, f)
		    : fail_archive(archive, name, f);
	archive_read_free(archive);
	return r;
}
