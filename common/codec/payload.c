/* The parts of the payload as one. */
#include "codec/payload.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/falloc.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

int payload_add(struct payload *p, int fd, uint64_t offset, uint64_t size)
{
	struct payload_part *parts = array_one_more(p->parts, p->n_parts, sizeof(*parts));
	struct stat st;

	if (!parts) {
		close(fd);
		return -ENOMEM;
	}
	p->parts = parts;
	parts[p->n_parts++] = (struct payload_part){
		.fd = fd,
		.offset = offset,
		.size = size,
		.ends_file = fstat(fd, &st) == 0 && (uint64_t)st.st_size == offset + size,
	};
	p->size += size;
	return 0;
}

static int add_file(struct payload *p, int dir_fd, const char *path, bool writable)
{
	_cleanup_close_ int fd = openat(dir_fd, path,
					(writable ? O_RDWR : O_RDONLY) | O_CLOEXEC | O_NOCTTY);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	if (!S_ISREG(st.st_mode))
		return -EINVAL;
	return payload_add(p, take_fd(&fd), 0, (uint64_t)st.st_size);
}

static int add_numbered(struct payload *p, int dir_fd, const char *path, bool writable)
{
	char name[4096];
	int r = 0;

	for (unsigned i = 0; r == 0; i++) {
		if ((size_t)snprintf(name, sizeof(name), "%s.%03u", path, i) >= sizeof(name))
			return -ENAMETOOLONG;
		r = add_file(p, dir_fd, name, writable);
		if (r == -ENOENT && i > 0)
			return 0;
	}
	return r;
}

int payload_open(int dir_fd, const char *path, bool writable, struct payload *ret, struct fail *f)
{
	struct payload p = { 0 };
	int r = add_file(&p, dir_fd, path, writable);

	snprintf(p.name, sizeof(p.name), "%s", path);
	if (r == -ENOENT)
		r = add_numbered(&p, dir_fd, path, writable);
	if (r < 0) {
		payload_close(&p);
		if (r == -EINVAL)
			return fail_set(f, EINVAL, path, "Give a .tar, .tar.xz or .tar.zst file.",
					"it is not a regular file");
		return fail_errno(f, r, path, "cannot open it");
	}
	*ret = p;
	return 0;
}

/* The part that holds offset, and where in it; NULL behind the end. */
static const struct payload_part *find_part(const struct payload *p, uint64_t *offset)
{
	for (size_t i = 0; i < p->n_parts; i++) {
		if (*offset < p->parts[i].size)
			return &p->parts[i];
		*offset -= p->parts[i].size;
	}
	return NULL;
}

/* Whether they may be read or not. */
static ssize_t read_part(const void *payload, uint64_t offset, void *buf, size_t size)
{
	const struct payload_part *part = find_part(payload, &offset);
	ssize_t n;

	if (!part)
		return 0;
	if (size > part->size - offset)
		size = (size_t)(part->size - offset);
	do
		n = pread(part->fd, buf, size, (off_t)(part->offset + offset));
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	return n == 0 ? -ENODATA : n; /* the file became shorter under our hands */
}

ssize_t payload_read(const struct payload *p, uint64_t offset, void *buf, size_t size)
{
	int r = 0;

	if (p->arrival && offset < p->size && size > 0)
		r = arrival_wait(p->arrival, read_part, p, offset, size, &size);
	return r < 0 ? r : read_part(p, offset, buf, size);
}

ssize_t payload_read_up_to(const struct payload *p, uint64_t offset, void *buf, size_t size)
{
	size_t have = 0;
	ssize_t n;

	while (have < size) {
		n = payload_read(p, offset + have, (char *)buf + have, size - have);
		if (n < 0)
			return n;
		if (n == 0)
			break;
		have += (size_t)n;
	}
	return (ssize_t)have;
}

bool payload_lacks(const struct payload *p, uint64_t offset, uint64_t size)
{
	return offset < p->hole_end && add_u64(offset, size) > p->hole;
}

bool payload_has_failed(const struct payload *p)
{
	return p->arrival && arrival_state(p->arrival) == ARRIVAL_FAILED;
}

static int fail_wrong(const struct payload *p, struct fail *f)
{
	size_t block = arrival_find_wrong(p->arrival);

	if (block == p->arrival->n_blocks)
		return fail_errno(f, EBADMSG, p->name, "cannot read it");
	return fail_set(f, EBADMSG, p->name, PAYLOAD_TODO_COPY,
			"Block %zu (byte %llu) is damaged, or was changed: it is not what its "
			"digest in the manifest says",
			block + 1, (unsigned long long)p->arrival->blocks[block].offset);
}

int payload_fail_read(const struct payload *p, int error, struct fail *f)
{
	if (error == -EBADMSG && p->arrival)
		return fail_wrong(p, f);
	if (error != -ECANCELED || !payload_has_failed(p))
		return fail_errno(f, error, p->name, "cannot read it");
	return arrival_failure(p->arrival, f);
}

int payload_wait_complete(const struct payload *p, struct fail *f)
{
	int r = p->arrival ? arrival_wait_complete(p->arrival) : 0;

	return r < 0 ? payload_fail_read(p, r, f) : 0;
}

void payload_cancel(const struct payload *p)
{
	if (p->arrival)
		arrival_cancel(p->arrival);
}

static uint64_t page_size(void)
{
	long size = sysconf(_SC_PAGESIZE);

	return size > 0 ? (uint64_t)size : 4096;
}

/* Punches the pages that lie wholly in [from, to) of a part. */
static void discard_in_part(const struct payload_part *part, uint64_t from, uint64_t to)
{
	uint64_t page = page_size();
	uint64_t start = (part->offset + from + page - 1) / page * page;
	uint64_t end = part->offset + to;

	if (to == part->size && part->ends_file) /* it is the end of a page, too */
		end += page - 1;
	end = end / page * page;
	if (start < end)
		(void)fallocate(part->fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)start,
				(off_t)(end - start));
}

void payload_discard(const struct payload *p, uint64_t from, uint64_t to)
{
	while (from < to) {
		uint64_t offset = from, size;
		const struct payload_part *part = find_part(p, &offset);

		if (!part)
			return;
		size = min_u64(part->size - offset, to - from);
		discard_in_part(part, offset, offset + size);
		from += size;
	}
}

void payload_done_before(const struct payload *p, uint64_t offset)
{
	if (p->arrival)
		arrival_give_back(p->arrival, offset);
}

uint64_t payload_page_start(const struct payload *p, uint64_t offset)
{
	uint64_t in_part = offset;
	const struct payload_part *part = find_part(p, &in_part);

	if (!part)
		return offset;
	return offset - min_u64(in_part, (part->offset + in_part) % page_size());
}

void payload_close(struct payload *p)
{
	for (size_t i = 0; i < p->n_parts; i++)
		close(p->parts[i].fd);
	free(p->parts);
	*p = (struct payload){ 0 };
}
