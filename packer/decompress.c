/* libarchive's filters on a file without a format. */
#include "decompress.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

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

int decompress(const void *data, size_t size, size_t max, char **ret, size_t *ret_size)
{
	struct archive *archive = archive_read_new();
	int r = -ENOMEM;

	*ret = NULL;
	*ret_size = 0;
	if (archive && archive_read_support_format_raw(archive) >= ARCHIVE_WARN &&
	    archive_read_support_filter_all(archive) >= ARCHIVE_WARN)
		r = archive_read_open_memory(archive, data, size) == ARCHIVE_OK
			    ? read_data(archive, max, ret, ret_size)
			    : -EBADMSG;
	archive_read_free(archive);
	return r;
}
