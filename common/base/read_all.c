/* read() until nothing comes. */
#include "base/read_all.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "base/util.h"

int read_all(int fd, char **ret, size_t *ret_size)
{
	_cleanup_free_ char *data = NULL;
	size_t have = 0, room = 0;
	struct stat st;
	char *more;
	ssize_t n;

	if (fstat(fd, &st) < 0)
		return -errno;
	do {
		if (have + 2 > room) { /* one more byte shows the end, and the NUL */
			room = data ? 2 * room : (size_t)st.st_size + 2;
			more = realloc(data, room);
			if (!more)
				return -ENOMEM;
			data = more;
		}
		n = read(fd, data + have, room - have - 1);
		if (n < 0)
			return -errno;
		have += (size_t)n;
	} while (n > 0);
	data[have] = '\0';
	*ret = data;
	*ret_size = have;
	data = NULL;
	return 0;
}

int read_file(const char *path, char **ret, size_t *ret_size)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : read_all(fd, ret, ret_size);
}
