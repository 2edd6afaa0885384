/* One fetcher after the other, until all is here. See receive.h. */
#include "fetch/receive.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/size.h"
#include "fetch/fetcher.h"
#include "fetch/receive_fail.h"

#define READ_SIZE (256 << 10)
#define LOOK_MS 100 /* how soon a wrong Block or the reader's end is noticed */
#define LIFE_MS 500 /* after so long, at the soonest, a fetcher that ended is started again */
#define MESSAGES_AT_ONCE 64
#define RECOVERED (16U << 20) /* bytes from a server after which its next failure is news again */
#define PROGRESS \
	(64U << 10) /* bytes: a server that gives fewer within the patience has given nothing */
#define NO_BLOCK SIZE_MAX

struct receiver {
	struct arrival *a;
	int fd;
	const struct receive_options *o;
	uint8_t *buf; /* owned; READ_SIZE */

	struct fetcher fetcher;
	size_t first_url; /* that the current fetcher tries first; its messages count from there */
	size_t url;       /* that sent the last bytes */
	char validator[FETCH_TEXT_MAX + 1];
	size_t validator_url;

	bool has_no_range;      /* the server sends from the start what was to be a part */
	uint64_t last_progress; /* PROGRESS bytes had come, or there was no room for them */
	uint64_t since;         /* bytes that came since then */
	struct fail trouble;    /* why the last try failed; error 0: none did since then */
	uint32_t missing;       /* bits: servers that do not have it */
	uint32_t silent;        /* bits: servers that did not answer */
	uint32_t wrong_size;    /* bits: servers that have a file of another size */

	/* What was said already. */
	char told[URLS_MAX][sizeof(((struct fail *)0)->why)]; /* of each server's failures */
	uint64_t came[URLS_MAX];                              /* bytes from it since then */
	bool must_tell_answer;                                /* something was since the last one */
	char told_end[96];                                    /* of a fetcher */

	uint64_t wrong_seen; /* of arrival.wrong */
	size_t again; /* the Block that is fetched again, whose failure was taken; NO_BLOCK */
	struct digest_state outside; /* of the bytes that belong to no Block */
	/* Up to here they were fetched again; the size of the file: they need not be. */
	uint64_t outside_at;
	unsigned outside_again; /* how often */
	size_t outside_url;     /* that sent the last of them */
};

/* What the current fetcher fetches. */
struct task {
	uint64_t at, end; /* end FETCH_SIZE_UNKNOWN: nobody knows */
	bool is_again;    /* they were here, and were wrong; else it is the rest of the file */
	size_t block;     /* that is fetched again; n_blocks: it is none */
};

static const char todo_same_version[] = "Copy the payload to that server again, or publish boot "
					"part and payload of the same version.";

static void tell(const struct receiver *r, bool is_trouble, const char *line)
{
	if (r->o->tell)
		r->o->tell(r->o->tell_arg, is_trouble, line);
}

/* ---- what to fetch next ---- */

static bool is_block(const struct receiver *r, const struct task *t)
{
	return t->block < r->a->n_blocks;
}

/* Of the bytes that belong to no Block, when they are fetched again: the next that follow each other. False: that was all. */
static bool next_outside(struct receiver *r, struct task *ret)
{
	const struct arrival *a = r->a;
	uint64_t end;

	while (r->outside_at < a->size) {
		bool is_kept = arrival_is_kept(a, r->outside_at, &end);

		end = min_u64(end, a->size);
		*ret = (struct task){ r->outside_at, end, true, a->n_blocks };
		if (!is_kept)
			return true;
		r->outside_at = end;
	}
	return false;
}

/* False: all is here, but perhaps not yet checked. */
static bool next_task(struct receiver *r, struct task *ret)
{
	struct arrival *a = r->a;
	uint64_t arrived = atomic_load(&a->arrived);
	size_t wrong;

	r->wrong_seen = atomic_load(&a->wrong); /* first: what comes later is seen later */
	wrong = arrival_find_wrong(a);
	if (wrong < a->n_blocks)
		*ret = (struct task){ a->blocks[wrong].offset,
				      a->blocks[wrong].offset + a->blocks[wrong].total, true,
				      wrong };
	else if (r->o->is_size_unknown)
		*ret = (struct task){ arrived, FETCH_SIZE_UNKNOWN, false, a->n_blocks };
	else if (arrived < a->size)
		*ret = (struct task){ arrived, a->size, false, a->n_blocks };
	else
		return next_outside(r, ret);
	return true;
}

/* what: came wrong from that server, and is fetched again. */
static void go_on_with_next(struct receiver *r, const char *what, size_t url)
{
	const struct fetch_source *from = &r->o->from;
	char line[URL_MAX + 128];

	snprintf(line, sizeof(line), "%s is wrong from %s: it is fetched again%s", what,
		 from->urls[url].text, from->n_urls > 1 ? " from the next server" : "");
	tell(r, true, line);
	atomic_fetch_add(&r->a->failures, 1);
	r->must_tell_answer = true;
	r->first_url = (url + 1) % from->n_urls;
	r->last_progress = now_usec(); /* until now the readers were at work, not the servers */
	r->since = 0;
}

/* Each server gets two tries: the second for what happened on the way. */
static bool has_tries_left(const struct receiver *r, unsigned again)
{
	return again <= 2 * r->o->from.n_urls;
}

static int take_wrong(struct receiver *r, size_t block, struct fail *f)
{
	struct arrival_block *b = &r->a->blocks[block];
	char what[48];

	if (block == r->again)
		return 0; /* a fetcher died meanwhile */
	r->again = block;
	if (!has_tries_left(r, ++b->again))
		return fail_set(f, EBADMSG, r->o->from.urls[b->url].text, todo_same_version,
				"Block %zu (byte %llu) is not what its digest in the manifest says",
				block + 1, (unsigned long long)b->offset);
	snprintf(what, sizeof(what), "Block %zu", block + 1);
	go_on_with_next(r, what, b->url);
	return 0;
}

static int take_wrong_outside(struct receiver *r, struct fail *f)
{
	if (!has_tries_left(r, ++r->outside_again))
		return fail_set(f, EBADMSG, r->o->from.urls[r->outside_url].text, todo_same_version,
				"its bytes outside of Blocks are not what outside-digest in the "
				"manifest says");
	go_on_with_next(r, "What lies outside of Blocks", r->outside_url);
	r->outside_at = 0;
	digest_begin(&r->outside);
	return 0;
}

/* ---- messages ---- */

/* Is said at the start, and after a failure was. */
static void take_answer(struct receiver *r, const struct fetch_message *m)
{
	char line[URL_MAX + 64], size[SIZE_TEXT_MAX];

	r->missing = r->silent = r->wrong_size = 0;
	atomic_store(&r->a->from, (uint32_t)r->url);
	r->has_no_range = r->o->is_part && m->status == 200 && atomic_load(&r->a->arrived) > 0;
	atomic_store(&r->a->told_size, m->size == FETCH_SIZE_UNKNOWN ? 0 : m->size);
	memcpy(r->validator, m->text, FETCH_TEXT_MAX);
	r->validator_url = r->url;
	if (!r->must_tell_answer)
		return;
	r->must_tell_answer = false;
	if (m->size == FETCH_SIZE_UNKNOWN)
		snprintf(line, sizeof(line), "fetching %s", r->o->from.urls[r->url].text);
	else
		snprintf(line, sizeof(line), "fetching %s, %s", r->o->from.urls[r->url].text,
			 size_format(size, m->size));
	tell(r, false, line);
}

/* Which servers do not have a file that may be missing. Some say 403 then, and some send a page. A size where the bytes have
 * ended is none that the server told before: it may have been interrupted. */
static void count_missing(struct receiver *r, const struct fetch_message *m)
{
	bool has_told_size = m->reason == FETCH_WRONG_SIZE && !r->o->is_size_unknown &&
			     m->size != FETCH_SIZE_UNKNOWN && m->size != m->offset;
	bool says_no = m->reason == FETCH_STATUS && (m->status == 404 || m->status == 410);
	bool has_answered = m->reason == FETCH_NO_FILE || m->reason == FETCH_REDIRECTS ||
			    (m->reason == FETCH_STATUS && m->status >= 400 && m->status < 500);

	if (has_told_size)
		r->wrong_size |= 1U << r->url;
	else if (r->o->only_if_nowhere ? says_no : has_answered)
		r->missing |= 1U << r->url;
	else
		r->silent |= 1U << r->url;
}

/* Each server has another file, or none: to ask again only helps where somebody is about to publish the right one. */
static bool is_nowhere(const struct receiver *r)
{
	return r->o->may_be_missing && r->wrong_size &&
	       (r->missing | r->wrong_size) == (1U << r->o->from.n_urls) - 1;
}

static void take_failure(struct receiver *r, const struct fetch_message *m)
{
	char line[sizeof(r->trouble.what) + sizeof(r->trouble.why) + 32];
	uint64_t size = r->o->is_size_unknown || r->o->is_part ? FETCH_SIZE_UNKNOWN : r->a->size;

	receive_explain(m, &r->o->from.urls[r->url], size, &r->trouble);
	count_missing(r, m);
	atomic_fetch_add(&r->a->failures, 1);
	if ((strcmp(r->told[r->url], r->trouble.why) == 0 && r->came[r->url] < RECOVERED) ||
	    (r->o->may_be_missing && (r->missing >> r->url & 1)))
		return;
	memcpy(r->told[r->url], r->trouble.why, sizeof(r->told[0]));
	if (is_nowhere(r))
		return;
	r->came[r->url] = 0;
	r->must_tell_answer = true;
	snprintf(line, sizeof(line), "%s: %s; trying again", r->trouble.what, r->trouble.why);
	tell(r, true, line);
}

static void take_messages(struct receiver *r)
{
	struct fetch_message m;

	for (unsigned i = 0; i < MESSAGES_AT_ONCE && fetcher_message(&r->fetcher, &m) == 0; i++) {
		r->url = (r->first_url + m.url) % r->o->from.n_urls;
		if (m.kind == FETCH_ANSWERED)
			take_answer(r, &m);
		else if (m.kind == FETCH_FAILED)
			take_failure(r, &m);
	}
}

/* ---- bytes ---- */

static uint64_t room_for(const struct receiver *r, const struct task *t)
{
	uint64_t left = t->end - t->at; /* much, where the end is unknown */

	if (r->o->is_size_unknown && t->at == r->a->size)
		return 1; /* to see whether it has ended */
	return t->is_again ? left : min_u64(left, arrival_room(r->a));
}

static int write_all(int fd, const uint8_t *data, size_t size, uint64_t offset)
{
	while (size > 0) {
		ssize_t n = pwrite(fd, data, size, (off_t)offset);

		if (n < 0 && errno != EINTR)
			return -errno;
		if (n > 0) {
			data += n;
			size -= (size_t)n;
			offset += (uint64_t)n;
		}
	}
	return 0;
}

/* What the file does not keep is only held against its digest. */
static int keep(struct receiver *r, const uint8_t *data, size_t size, uint64_t at)
{
	uint64_t end;
	int e = 0;

	for (size_t n; size > 0 && e == 0; data += n, at += n, size -= n) {
		bool is_kept = arrival_is_kept(r->a, at, &end);

		n = (size_t)min_u64(end - at, size);
		if (is_kept) {
			e = write_all(r->fd, data, n, at);
		} else {
			digest_add(&r->outside, data, n);
			r->outside_url = r->url;
		}
	}
	return e;
}

static void count_bytes(struct receiver *r, struct task *t, size_t n)
{
	uint64_t now = now_usec();

	t->at += n;
	r->since += n;
	if (r->since >= PROGRESS || t->at == t->end) {
		r->last_progress = now;
		r->since = r->trouble.error = 0;
	}
	r->came[r->url] += n;
	if (atomic_load(&r->a->first_byte) == 0)
		atomic_store(&r->a->first_byte, now);
	atomic_store(&r->a->last_byte, now);
	if (!t->is_again)
		arrival_add(r->a, n, (uint32_t)r->url);
	else if (!is_block(r, t))
		r->outside_at = t->at;
}

static int fail_too_large(const struct receiver *r, struct fail *f)
{
	return fail_set(f, EFBIG, r->o->from.urls[r->url].text, "Correct the URL, or add memory.",
			"it has more than %llu bytes, which is the most that it may have",
			(unsigned long long)r->a->size);
}

static int fail_room(const struct receiver *r, const struct task *t, struct fail *f)
{
	const char *url = r->o->from.urls[r->url].text;
	unsigned long long at = t->at;

	if (r->o->directory)
		return fail_set(f, ENOSPC, r->o->directory,
				"Set TMPDIR to a directory with more room.",
				"it is full: there is no room for what arrives of %s, at byte %llu",
				url, at);
	return fail_set(f, ENOSPC, url, "Add memory.",
			"there is no room to keep what arrives, at byte %llu", at);
}

/* From the pipe into the file, through the buffer. Returns their number, 0 at the end of the pipe, -errno; *ret_keep: 0, or -errno
 * of the file. */
static ssize_t copy_bytes(struct receiver *r, const struct task *t, uint64_t room, int *ret_keep)
{
	ssize_t n = read(r->fetcher.bytes, r->buf, (size_t)min_u64(room, READ_SIZE));

	if (n > 0 && t->at < r->a->size)
		*ret_keep = keep(r, r->buf, (size_t)n, t->at);
	return n < 0 ? -errno : n;
}

/* The same inside of the kernel, for what is kept: a copy less. -EINVAL: the file is none that can do it. */
static ssize_t move_bytes(const struct receiver *r, const struct task *t, uint64_t room)
{
	off_t to = (off_t)t->at;
	uint64_t end;
	ssize_t n;

	if (r->o->is_size_unknown || !arrival_is_kept(r->a, t->at, &end))
		return -EINVAL;
	n = splice(r->fetcher.bytes, NULL, r->fd, &to,
		   (size_t)min_u64(min_u64(room, end - t->at), READ_SIZE), SPLICE_F_NONBLOCK);
	return n < 0 ? -errno : n;
}

/* Returns 1 when there were some or none yet, 0 at the end of the pipe, -errno with *f set. */
static int take_bytes(struct receiver *r, struct task *t, uint64_t room, struct fail *f)
{
	ssize_t n = move_bytes(r, t, room);
	int w = n == -ENOSPC || n == -ENOMEM || n == -EFBIG ? (int)n : 0;

	if (n == -EINVAL)
		n = copy_bytes(r, t, room, &w);
	if (n > 0 && r->o->is_size_unknown && t->at == r->a->size)
		return fail_too_large(r, f);
	if (w == -ENOSPC || w == -ENOMEM || w == -EFBIG)
		return fail_room(r, t, f);
	if (w < 0)
		return fail_errno(f, w, r->o->from.urls[r->url].text, "cannot keep what arrives");
	if (n < 0)
		return n == -EINTR || n == -EAGAIN
			       ? 1
			       : fail_errno(f, (int)n, "the fetcher", "cannot read from it");
	if (n == 0)
		return 0;
	count_bytes(r, t, (size_t)n);
	return 1;
}

/* ---- the end of a fetcher ---- */

/* One that should not have: said once for each way to end. Another one follows, with what has answered last. */
static void take_death(struct receiver *r, int status)
{
	char line[sizeof(r->told_end)];

	if (WIFSIGNALED(status))
		snprintf(line, sizeof(line), "the fetcher died of signal %d: it is started again",
			 WTERMSIG(status));
	else
		snprintf(line, sizeof(line),
			 "the fetcher ended with status %d: it is started again",
			 WEXITSTATUS(status));
	if (strcmp(line, r->told_end) != 0) {
		strcpy(r->told_end, line);
		r->must_tell_answer = true;
		tell(r, true, line);
	}
	atomic_fetch_add(&r->a->failures, 1);
	r->first_url = r->url;
}

/* Its pipe has ended. Returns 1 when the file is complete, 0 to go on with another one, -errno with *f set. */
static int take_end(struct receiver *r, struct fail *f)
{
	int status;

	take_messages(r);
	status = fetcher_wait(&r->fetcher);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 0 &&
	    (r->o->is_size_unknown || r->o->is_part))
		return 1;
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return fail_set(f, ENOENT, r->o->from.program, "Build and install tarboot again.",
				"cannot start it");
	if (WIFEXITED(status) && WEXITSTATUS(status) == 2)
		return fail_set(f, EINVAL, r->o->from.program, "Build and install tarboot again.",
				"it does not understand what it is asked for");
	take_death(r, status);
	return 0;
}

/* ---- until a fetcher has done its task, or is no longer wanted ---- */

/* What was told of each of several servers. */
static int fail_everywhere(const struct receiver *r, struct fail *f)
{
	const struct fetch_source *from = &r->o->from;
	char list[2 * sizeof(f->why)];
	size_t used = 0;

	for (size_t i = 0; i < from->n_urls && used < sizeof(list); i++)
		if (*r->told[i])
			used += (size_t)snprintf(list + used, sizeof(list) - used, "%s%s:%u: %s",
						 used ? "; " : "", from->urls[i].host,
						 from->urls[i].port, r->told[i]);
	return fail_set(f, r->trouble.error, from->urls[0].text,
			"Mend one of them: that is enough.", "none of %zu servers gives it: %s",
			from->n_urls, list);
}

/* The last to say anything was a server that answered, and did not go on. */
static void tell_silence(struct receiver *r)
{
	if (!(r->missing | r->silent | r->wrong_size) && !*r->told[r->url])
		snprintf(r->told[r->url], sizeof(r->told[0]), "%s came for %u s",
			 r->since ? "hardly anything" : "nothing", r->o->patience);
}

static int fail_impatient(struct receiver *r, struct fail *f)
{
	const char *what = r->o->from.urls[r->url].text;

	if (r->trouble.error && r->o->from.n_urls > 1)
		tell_silence(r);
	if (r->trouble.error && r->o->from.n_urls > 1 && *r->told[r->url])
		return fail_everywhere(r, f);
	if (r->trouble.error) {
		*f = r->trouble;
		return -f->error;
	}
	if (r->since)
		return fail_set(f, ETIMEDOUT, what,
				"Look at the load of the server and of the network.",
				"hardly anything came for %u s", r->o->patience);
	return fail_set(f, ETIMEDOUT, what,
			"Check that the server runs, and that no firewall is in between.",
			"nothing came for %u s", r->o->patience);
}

static bool is_missing(const struct receiver *r)
{
	uint32_t counted = r->missing | (r->o->only_if_nowhere ? 0 : r->silent);

	return r->o->may_be_missing && r->missing && counted == (1U << r->o->from.n_urls) - 1;
}

static int check_trouble(struct receiver *r, struct fail *f)
{
	uint64_t waited = (now_usec() - r->last_progress) / 1000000;

	if (is_missing(r)) {
		*f = r->trouble;
		f->error = ENOENT;
		return -ENOENT;
	}
	if (is_nowhere(r))
		return fail_impatient(r, f);
	if (r->o->is_size_unknown && atomic_load(&r->a->told_size) > r->a->size)
		return fail_too_large(r, f);
	if (r->has_no_range)
		return fail_errno(f, ENOTSUP, r->o->from.urls[r->url].text, "cannot fetch its end");
	return r->o->patience == 0 || waited < r->o->patience ? 0 : fail_impatient(r, f);
}

/* The readers are the limit. */
static void wait_for_room(struct receiver *r)
{
	uint32_t changes = arrival_changes(r->a);
	uint64_t start = now_usec();

	if (arrival_room(r->a) == 0 && arrival_state(r->a) == ARRIVAL_GOES_ON &&
	    atomic_load(&r->a->wrong) == r->wrong_seen)
		arrival_wait_change(r->a, changes, LOOK_MS);
	r->last_progress = now_usec();
	atomic_fetch_add(&r->a->held, r->last_progress - start);
}

/* Waits for bytes and messages, and takes them. Returns as take_bytes. */
static int take_some(struct receiver *r, struct task *t, struct fail *f)
{
	uint64_t room = room_for(r, t);
	struct pollfd p[] = { { .fd = room ? r->fetcher.bytes : -1, .events = POLLIN },
			      { .fd = r->fetcher.messages, .events = POLLIN } };

	if (room == 0)
		wait_for_room(r);
	(void)poll(p, ARRAY_SIZE(p), room ? LOOK_MS : 0);
	if (p[1].revents)
		take_messages(r);
	return p[0].revents ? take_bytes(r, t, room, f) : 1;
}

/* Returns 1 when the whole file is complete, whose size was unknown; 0 to look for the next task; -errno with *f set. */
static int follow(struct receiver *r, struct task *t, struct fail *f)
{
	int more = 1, e = 0;

	while (more > 0 && e == 0 && t->at < t->end) {
		if (arrival_state(r->a) != ARRIVAL_GOES_ON)
			return fail_errno(f, ECANCELED, r->o->from.urls[r->url].text,
					  "cannot fetch it");
		if (!t->is_again && atomic_load(&r->a->wrong) != r->wrong_seen)
			return 0;
		more = take_some(r, t, f);
		e = check_trouble(r, f);
	}
	if (more < 0 || e < 0)
		return more < 0 ? more : e;
	if (t->at == t->end && is_block(r, t)) {
		r->again = NO_BLOCK;
		arrival_put_again(r->a, t->block, (uint32_t)r->url);
	}
	return t->at == t->end ? 0 : take_end(r, f);
}

/* A fetcher that ends at once must not be started as fast as it ends. */
static void wait_until(const struct receiver *r, uint64_t when)
{
	uint64_t now;

	while (arrival_state(r->a) == ARRIVAL_GOES_ON && (now = now_usec()) < when)
		arrival_wait_change(r->a, arrival_changes(r->a), (int)((when - now) / 1000 + 1));
}

static int run_task(struct receiver *r, struct task *t, struct fail *f)
{
	uint64_t start = now_usec();

	const struct fetch_job job = {
		.offset = t->at,
		.end = t->end,
		.size = r->o->is_size_unknown || r->o->is_part ? FETCH_SIZE_UNKNOWN : r->a->size,
		.first_url = r->first_url,
		.validator = r->validator_url == r->first_url ? r->validator : "",
	};
	int e = fetcher_start(&r->o->from, &job, &r->fetcher);

	if (e < 0)
		return fail_errno(f, e, r->o->from.program, "cannot start it");
	e = follow(r, t, f);
	fetcher_stop(&r->fetcher);
	if (e == 0 && t->at < t->end && atomic_load(&r->a->wrong) == r->wrong_seen)
		wait_until(r, start + LIFE_MS * 1000);
	return e;
}

/* Returns 1 when they are right, 0 when they are to be fetched again, -errno with *f set. */
static int check_outside(struct receiver *r, struct fail *f)
{
	struct digest is = digest_end(&r->outside);
	bool is_right = !r->a->has_outside || digest_is_same(&is, &r->a->outside);

	return is_right ? 1 : take_wrong_outside(r, f);
}

/* All is here: those who read it check it. Returns 1 when it is right, 0 when something is wrong, -errno with *f set. */
static int wait_for_checks(struct receiver *r, struct fail *f)
{
	uint32_t changes;

	while (arrival_state(r->a) == ARRIVAL_GOES_ON) {
		changes = arrival_changes(r->a);
		if (arrival_all_right(r->a))
			return check_outside(r, f);
		if (atomic_load(&r->a->wrong) != r->wrong_seen)
			return 0;
		arrival_wait_change(r->a, changes, LOOK_MS);
	}
	return fail_errno(f, ECANCELED, r->o->from.urls[r->url].text, "cannot fetch it");
}

static int run(struct receiver *r, struct fail *f)
{
	struct task t;
	int e = 0;

	while (e == 0) {
		if (!next_task(r, &t)) {
			e = wait_for_checks(r, f);
			continue;
		}
		if (is_block(r, &t))
			e = take_wrong(r, t.block, f);
		if (e == 0)
			e = run_task(r, &t, f);
	}
	return e < 0 ? e : 0;
}

int receive_run(struct arrival *a, int fd, const struct receive_options *o, struct fail *f)
{
	struct receiver r = { .a = a,
			      .fd = fd,
			      .o = o,
			      .fetcher = { .bytes = -1, .messages = -1 },
			      .last_progress = now_usec(),
			      .must_tell_answer = true,
			      .again = NO_BLOCK,
			      .outside_at = a->size };
	int e;

	r.buf = malloc(READ_SIZE);
	digest_begin(&r.outside);
	e = r.buf ? run(&r, f) : fail_errno(f, ENOMEM, o->from.urls[0].text, "cannot fetch it");
	free(r.buf);
	if (e < 0)
		arrival_fail(a, f);
	else
		arrival_complete(a);
	return e;
}

void receive_note_end(struct arrival *a, int status, const char *todo)
{
	struct fail f;

	if (arrival_state(a) != ARRIVAL_GOES_ON)
		return;
	fail_set(&f, EIO, "the receiver", todo,
		 "it ended with wait status %d before all had arrived", status);
	arrival_fail(a, &f);
}
