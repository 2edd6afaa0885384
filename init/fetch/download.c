/* Where the bytes and the messages go. See download.h. */
#include "fetch/download.h"

#include <errno.h>
#include <poll.h>
#include <unistd.h>

#include "base/util.h"

bool download_is_complete(const struct download *d)
{
	uint64_t end = min_u64(d->end, d->size);

	return end != FETCH_SIZE_UNKNOWN && d->offset >= end;
}

static ssize_t write_some(int fd, const void *data, size_t size)
{
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	ssize_t n = write(fd, data, size);

	if (n >= 0)
		return n;
	if (errno == EAGAIN)
		(void)poll(&p, 1, -1);
	return errno == EAGAIN || errno == EINTR ? 0 : -1;
}

int download_write(struct download *d, const void *data, size_t size)
{
	uint64_t start = now_usec();

	for (size_t done = 0; done < size;) {
		ssize_t n = write_some(d->bytes, (const char *)data + done, size - done);

		if (n < 0) {
			d->is_reader_gone = true;
			return -EPIPE;
		}
		done += (size_t)n;
		d->offset += (uint64_t)n;
	}
	d->blocked += now_usec() - start;
	return 0;
}

void download_tell(struct download *d, const struct fetch_message *m)
{
	ssize_t n;

	do
		n = write_some(d->messages, m, sizeof(*m));
	while (n == 0);
	if (n < 0)
		d->is_reader_gone = true;
}

/* A pipe without a reader has POLLERR, a socket POLLHUP; nothing else is asked for. */
void download_wait(struct download *d, int timeout_ms)
{
	struct pollfd p[] = { { .fd = d->bytes }, { .fd = d->messages } };

	if (poll(p, ARRAY_SIZE(p), timeout_ms) > 0)
		d->is_reader_gone = true;
}
