/* Atomic fields, and a futex for those who wait. See arrival.h. */
#include "codec/arrival.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "base/util.h"

#define READ_SIZE 16384
#define WAIT_MS 1000 /* then a waiter looks again, whatever happened to those who should wake it */

struct arrival *arrival_new(uint64_t size, uint64_t window, size_t n_blocks)
{
	size_t bytes = sizeof(struct arrival) + n_blocks * sizeof(struct arrival_block);
	struct arrival *a = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS,
				 -1, 0);

	if (a == MAP_FAILED)
		return NULL;
	a->size = size;
	a->window = window;
	a->n_blocks = n_blocks;
	a->bytes = bytes;
	return a;
}

void arrival_free(struct arrival *a)
{
	if (a)
		(void)munmap(a, a->bytes);
}

void arrival_set_here(struct arrival *a)
{
	a->is_here = true;
	arrival_add(a, a->size, 0);
}

/* ---- waiting ---- */

uint32_t arrival_changes(const struct arrival *a)
{
	return atomic_load(&a->changes);
}

/* The kernel sleeps only if the counter is still the same, so no change is missed. Processes share it: no PRIVATE. */
void arrival_wait_change(struct arrival *a, uint32_t changes, int milliseconds)
{
	struct timespec limit = { milliseconds / 1000, milliseconds % 1000 * 1000000L };

	atomic_fetch_add(&a->waiting, 1);
	(void)syscall(SYS_futex, &a->changes, FUTEX_WAIT, changes, &limit, NULL, 0);
	atomic_fetch_sub(&a->waiting, 1);
}

static void tell_change(struct arrival *a)
{
	atomic_fetch_add(&a->changes, 1);
	if (atomic_load(&a->waiting) > 0)
		(void)syscall(SYS_futex, &a->changes, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

enum arrival_state arrival_state(const struct arrival *a)
{
	return (enum arrival_state)atomic_load(&a->state);
}

/* From going on only: the first end counts. */
static void end(struct arrival *a, enum arrival_state state)
{
	uint32_t before = ARRIVAL_GOES_ON;

	(void)atomic_compare_exchange_strong(&a->state, &before, (uint32_t)state);
	tell_change(a);
}

/* ---- readers ---- */

/* The Block that ends behind offset, the first of those; n_blocks: there is none. */
static size_t find_block(const struct arrival *a, uint64_t offset)
{
	size_t low = 0, high = a->n_blocks;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (a->blocks[middle].offset + a->blocks[middle].total <= offset)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Without Blocks: what is here may be read. */
static size_t ready_unchecked(const struct arrival *a, uint64_t offset)
{
	uint64_t to = atomic_load(&a->arrived);

	return to > offset ? (size_t)min_u64(to - offset, SIZE_MAX) : 0;
}

/* 1: right, 0: wrong, or -errno. */
static int check_digest(const struct arrival_block *b, arrival_read *read, const void *from)
{
	uint64_t at = b->offset, end_of_block = b->offset + b->total;
	uint8_t buf[READ_SIZE];
	struct digest_state s;
	struct digest is;

	digest_begin(&s);
	while (at < end_of_block) {
		ssize_t n = read(from, at, buf, (size_t)min_u64(end_of_block - at, sizeof(buf)));

		if (n <= 0)
			return (int)n;
		digest_add(&s, buf, (size_t)n);
		at += (uint64_t)n;
	}
	is = digest_end(&s);
	return digest_is_same(&is, &b->digest);
}

/* Only one of the readers gets it from HERE to CHECKING. 0, or -errno of a payload that is here and cannot be read; what arrives can
 * be fetched again. */
static int check_block(struct arrival *a, struct arrival_block *b, arrival_read *read,
		       const void *from)
{
	uint32_t before = ARRIVAL_HERE;
	int r;

	if (!atomic_compare_exchange_strong(&b->check, &before, ARRIVAL_CHECKING))
		return 0;
	r = check_digest(b, read, from);
	if (r < 0 && a->is_here) {
		atomic_store(&b->check, ARRIVAL_HERE);
	} else {
		atomic_store(&b->check, r > 0 ? ARRIVAL_RIGHT : ARRIVAL_WRONG);
		atomic_fetch_add(r > 0 ? &a->right : &a->wrong, 1);
		r = 0;
	}
	tell_change(a);
	return r;
}

static size_t ready_in_block(const struct arrival_block *b, uint64_t offset)
{
	if (atomic_load(&b->check) != ARRIVAL_RIGHT)
		return 0;
	return (size_t)min_u64(b->offset + b->total - offset, SIZE_MAX);
}

/* Why nobody needs to wait for a byte of b, NULL without Blocks; 0: it may come. */
static int why_never(const struct arrival *a, const struct arrival_block *b)
{
	if (a->is_here && b && atomic_load(&b->check) == ARRIVAL_WRONG)
		return -EBADMSG;
	return arrival_state(a) == ARRIVAL_GOES_ON ? 0 : -ECANCELED;
}

int arrival_wait(struct arrival *a, arrival_read *read, const void *from, uint64_t offset,
		 size_t size, size_t *ret_size)
{
	size_t number = find_block(a, offset), ready;
	struct arrival_block *b = number < a->n_blocks ? &a->blocks[number] : NULL;
	uint32_t changes;
	int r = 0;

	if (a->n_blocks > 0 && (!b || b->offset > offset))
		return -ENODATA;
	for (;;) {
		changes = arrival_changes(a);
		if (b && atomic_load(&b->check) == ARRIVAL_HERE)
			r = check_block(a, b, read, from);
		ready = b ? ready_in_block(b, offset) : ready_unchecked(a, offset);
		if (ready > 0)
			break;
		r = r < 0 ? r : why_never(a, b);
		if (r < 0)
			return r;
		arrival_wait_change(a, changes, WAIT_MS);
	}
	*ret_size = ready < size ? ready : size;
	return 0;
}

void arrival_give_back(struct arrival *a, uint64_t to)
{
	uint64_t before = atomic_load(&a->given_back);

	while (before < to && !atomic_compare_exchange_weak(&a->given_back, &before, to))
		;
	if (before < to)
		tell_change(a);
}

int arrival_wait_complete(struct arrival *a)
{
	uint32_t changes = arrival_changes(a);

	if (a->is_here)
		return arrival_all_right(a) ? 0 : -ECANCELED;
	while (arrival_state(a) == ARRIVAL_GOES_ON) {
		arrival_wait_change(a, changes, WAIT_MS);
		changes = arrival_changes(a);
	}
	return arrival_state(a) == ARRIVAL_COMPLETE ? 0 : -ECANCELED;
}

int arrival_failure(const struct arrival *a, struct fail *f)
{
	*f = a->fail;
	return -f->error;
}

void arrival_cancel(struct arrival *a)
{
	end(a, ARRIVAL_CANCELLED);
}

/* ---- the receiver ---- */

uint64_t arrival_room(const struct arrival *a)
{
	uint64_t arrived = atomic_load(&a->arrived);
	uint64_t to = add_u64(atomic_load(&a->given_back), a->window);

	to = min_u64(to, a->size);
	return to > arrived ? to - arrived : 0;
}

uint64_t arrival_kept(const struct arrival *a)
{
	uint64_t given_back = atomic_load(&a->given_back); /* first: it follows the other */
	uint64_t arrived = atomic_load(&a->arrived);

	return arrived > given_back ? arrived - given_back : 0;
}

bool arrival_is_kept(const struct arrival *a, uint64_t offset, uint64_t *ret_end)
{
	size_t number = find_block(a, offset);
	const struct arrival_block *b = number < a->n_blocks ? &a->blocks[number] : NULL;
	bool is_kept = a->n_blocks == 0 || (b && b->offset <= offset);

	if (b)
		*ret_end = is_kept ? b->offset + b->total : b->offset;
	else
		*ret_end = UINT64_MAX;
	return is_kept;
}

void arrival_add(struct arrival *a, uint64_t bytes, uint32_t url)
{
	uint64_t before = atomic_load(&a->arrived), now = before + bytes;
	bool is_news = a->n_blocks == 0;

	for (size_t i = find_block(a, before); i < a->n_blocks; i++) {
		if (a->blocks[i].offset + a->blocks[i].total > now)
			break;
		a->blocks[i].url = url;
		atomic_store(&a->blocks[i].check, ARRIVAL_HERE);
		is_news = true;
	}
	atomic_store(&a->arrived, now);
	if (is_news)
		tell_change(a);
}

size_t arrival_find_wrong(const struct arrival *a)
{
	size_t i = 0;

	while (i < a->n_blocks && atomic_load(&a->blocks[i].check) != ARRIVAL_WRONG)
		i++;
	return i;
}

void arrival_put_again(struct arrival *a, size_t block, uint32_t url)
{
	a->blocks[block].url = url;
	atomic_store(&a->blocks[block].check, ARRIVAL_HERE);
	tell_change(a);
}

bool arrival_all_right(const struct arrival *a)
{
	return atomic_load(&a->arrived) == a->size && atomic_load(&a->right) == a->n_blocks;
}

void arrival_complete(struct arrival *a)
{
	end(a, ARRIVAL_COMPLETE);
}

void arrival_fail(struct arrival *a, const struct fail *f)
{
	a->fail = *f;
	end(a, ARRIVAL_FAILED);
}
