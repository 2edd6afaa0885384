/*
 * The receiver, with a fetcher that does what a test wants: it is this program, started again. It notes what it was asked for, and
 * then follows the line of a script that is for this start. What the receiver asks for, tells and gives are held against whole
 * texts.
 */
#include "fetch/receive.h"

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "image/pinned.h"
#include "scratch.h"
#include "tap.h"

#define FILE_SIZE 1000
#define LARGEST (256 << 10) /* bytes of a file whose size nobody knows, and of one step */
#define DIRECTORY "TARBOOT_TEST_FETCHER" /* environment: where script and notes are */

static uint8_t byte_at(uint64_t i)
{
	return (uint8_t)(i * 7 + i / 251);
}

static const struct manifest_block blocks[] = {
	{ .offset = 10, .bytes = 190 },
	{ .offset = 200, .bytes = 200 },
	{ .offset = 400, .bytes = 250 },
	{ .offset = 700, .bytes = 280 },
};

/* ---- the fetcher ---- */

struct fake {
	uint64_t at, end;
	bool wrong[ARRAY_SIZE(blocks)];
	uint64_t odd; /* byte that is wrong; 0: none */
	size_t piece; /* bytes of one write; 0: all in one */
};

static void write_bytes(struct fake *f, uint64_t n)
{
	static uint8_t data[LARGEST];

	for (uint64_t i = 0; i < n; i++) {
		data[i] = byte_at(f->at + i);
		for (size_t b = 0; b < ARRAY_SIZE(blocks); b++)
			if (f->wrong[b] && f->at + i == blocks[b].offset + 5)
				data[i] ^= 1;
		if (f->odd && f->at + i == f->odd)
			data[i] ^= 1;
	}
	f->at += n;
	for (uint64_t have = 0; have < n;) {
		uint64_t size = f->piece ? min_u64(f->piece, n - have) : n - have;
		ssize_t w = write(STDOUT_FILENO, data + have, size);

		if (w < 0)
			_exit(99);
		have += (uint64_t)w;
		if (f->piece)
			usleep(100);
	}
}

static void send_message(uint32_t kind, const char *arguments)
{
	struct fetch_message m = { .kind = kind, .size = FETCH_SIZE_UNKNOWN };
	unsigned long long size = FILE_SIZE;

	if (kind == FETCH_ANSWERED)
		(void)sscanf(arguments, "%u %llu %191s", &m.url, &size, m.text);
	else
		(void)sscanf(arguments, "%u %u %u %llu %191s", &m.url, &m.reason, &m.status, &size,
			     m.text);
	m.size = size == 0 ? FETCH_SIZE_UNKNOWN : size;
	if (strcmp(m.text, "ended") == 0) {
		m.offset = m.size;
		m.text[0] = '\0';
	}
	if (m.text[0] == '@') {
		snprintf(m.proxy, sizeof(m.proxy), "%.95s", m.text + 1);
		m.text[0] = '\0';
	}
	(void)send(FETCH_MESSAGES, &m, sizeof(m), MSG_NOSIGNAL);
}

/* What a program that was taken over may send. */
static void send_junk(void)
{
	struct {
		struct fetch_message m;
		char more;
	} wild;
	static const uint32_t odd[] = { 2, 77, UINT32_MAX };

	memset(&wild, 0xff, sizeof(wild));
	(void)send(FETCH_MESSAGES, &wild, sizeof(wild), MSG_NOSIGNAL);
	(void)send(FETCH_MESSAGES, &wild, 3, MSG_NOSIGNAL);
	for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
		wild.m.kind = odd[i];
		(void)send(FETCH_MESSAGES, &wild.m, sizeof(wild.m), MSG_NOSIGNAL);
	}
	wild.m.kind = FETCH_FAILED; /* no reason, no server, no end of the text */
	memset(wild.m.text, 'x', sizeof(wild.m.text));
	memset(wild.m.proxy, 'p', sizeof(wild.m.proxy));
	wild.m.text[0] = 0x1b;
	(void)send(FETCH_MESSAGES, &wild.m, sizeof(wild.m), MSG_NOSIGNAL);
}

static void do_step(struct fake *f, const char *step)
{
	const char *rest = step + strcspn(step, " ");
	unsigned long n = strtoul(rest, NULL, 10);

	rest += *rest == ' ';
	if (strncmp(step, "answer", 6) == 0)
		send_message(FETCH_ANSWERED, rest);
	else if (strncmp(step, "fail", 4) == 0)
		send_message(FETCH_FAILED, rest);
	else if (strncmp(step, "bytes", 5) == 0)
		write_bytes(f, n);
	else if (strncmp(step, "all", 3) == 0)
		write_bytes(f, f->end - f->at);
	else if (strncmp(step, "pieces", 6) == 0)
		f->piece = n;
	else if (strncmp(step, "wrong", 5) == 0)
		f->wrong[n] = true;
	else if (strncmp(step, "odd", 3) == 0)
		f->odd = n;
	else if (strncmp(step, "junk", 4) == 0)
		send_junk();
	else if (strncmp(step, "close", 5) == 0)
		close(STDOUT_FILENO);
	else if (strncmp(step, "kill", 4) == 0)
		(void)raise(SIGKILL);
	else if (strncmp(step, "exit", 4) == 0)
		_exit((int)n);
	else if (strncmp(step, "pause", 5) == 0)
		usleep((useconds_t)n * 1000);
	else if (strncmp(step, "stay", 4) == 0)
		(void)pause();
	else
		_exit(98);
}

/* Appends the arguments to the notes; returns which start this is, from 0. */
static unsigned note_start(int dir, char *argv[])
{
	const char *before = get_file(dir, "notes");
	int fd = must(openat(dir, "notes", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600));
	unsigned n = 0;

	for (; *before; before++)
		n += *before == '\n';
	for (size_t i = 1; argv[i]; i++)
		dprintf(fd, "%s%s", i > 1 ? " " : "", argv[i]);
	dprintf(fd, "\n");
	close(fd);
	return n;
}

/* The script has a line for each start, the last one for all later ones, too; steps end with a semicolon. */
static int fetch(char *argv[], const char *directory)
{
	int dir = must(open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	unsigned start = note_start(dir, argv);
	struct fake f = { .end = FILE_SIZE };
	char script[4096], *line = script, *next, *step;

	for (size_t i = 1; argv[i]; i++) {
		if (strncmp(argv[i], "--offset=", 9) == 0)
			f.at = strtoull(argv[i] + 9, NULL, 10);
		if (strncmp(argv[i], "--end=", 6) == 0)
			f.end = strtoull(argv[i] + 6, NULL, 10);
	}
	snprintf(script, sizeof(script), "%s", get_file(dir, "script"));
	for (; start > 0 && (next = strchr(line, '\n')) && next[1]; start--)
		line = next + 1;
	line[strcspn(line, "\n")] = '\0';
	for (step = strtok(line, ";"); step; step = strtok(NULL, ";"))
		do_step(&f, step);
	return 0;
}

/* ---- a run ---- */

struct test {
	const char *name;
	size_t n_urls;
	const char *script;

	bool is_size_unknown, is_part, may_be_missing, only_if_nowhere;
	unsigned patience;
	uint64_t size;       /* that it may have, or the part; 0: it has Blocks */
	uint64_t file_limit; /* bytes; 0: none */
	const char *directory;
	bool wrong_outside;
	uint64_t cancel_at; /* bytes; the reader gives up then; 0: it does not */
	unsigned pause;     /* milliseconds, of the reader before the last Block */

	int error;
	const char *what, *why; /* PROGRAM: this one */
	const char *told, *asked;
};

static char program[PATH_MAX];
static char told[8192];

static void tell(void *arg, bool is_trouble, const char *line)
{
	size_t n = strlen(told);

	(void)arg;
	snprintf(told + n, sizeof(told) - n, "%s%s\n", is_trouble ? "! " : "", line);
}

struct reader {
	struct arrival *a;
	int fd;
	size_t first; /* Block, with which it begins */
	uint64_t cancel_at;
	unsigned pause;
	bool is_wrong; /* a byte that it was given */
};

static ssize_t read_file_of(const void *reader, uint64_t offset, void *buf, size_t size)
{
	return pread(((const struct reader *)reader)->fd, buf, size, (off_t)offset);
}

/* Reads what has come, as the engine does. */
static void *read_blocks(void *arg)
{
	struct reader *r = arg;
	uint8_t data[FILE_SIZE];
	size_t n;

	for (size_t b = r->first; b < r->a->n_blocks; b++) {
		uint64_t at = r->a->blocks[b].offset;

		if (r->cancel_at && at >= r->cancel_at) {
			arrival_cancel(r->a);
			return NULL;
		}
		if (b + 1 == r->a->n_blocks)
			usleep(r->pause * 1000);
		if (arrival_wait(r->a, read_file_of, r, at, sizeof(data), &n) < 0)
			return NULL;
		r->is_wrong = r->is_wrong || n != r->a->blocks[b].total ||
			      pread(r->fd, data, n, (off_t)at) != (ssize_t)n;
		for (size_t i = 0; i < n; i++)
			r->is_wrong = r->is_wrong || data[i] != byte_at(at + i);
		arrival_give_back(r->a, at + n);
	}
	return NULL;
}

static struct arrival *make_arrival(const struct test *t)
{
	struct manifest m = { .payload_bytes = FILE_SIZE, .has_outside_digest = true };
	struct digest_state outside;
	uint8_t data[FILE_SIZE];
	struct arrival *a;
	uint64_t at = 0;

	if (t->size)
		return arrival_new(t->size, UINT64_MAX, 0);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = byte_at(i);
	digest_begin(&outside);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		struct manifest_block b = blocks[i];

		digest_add(&outside, data + at, b.offset - at);
		b.digest = digest_of(data + b.offset, b.bytes);
		must(manifest_add_block(&m, &b));
		at = b.offset + b.bytes;
	}
	digest_add(&outside, data + at, FILE_SIZE - at);
	m.outside_digest = digest_end(&outside);
	m.outside_digest.bytes[3] ^= t->wrong_outside;
	a = pinned_arrival(&m, FILE_SIZE);
	manifest_free(&m);
	return a;
}

/* What is in the file: all that is kept, and nothing else. */
static bool is_file_right(const struct test *t, const struct arrival *a, int fd)
{
	static uint8_t data[LARGEST];
	uint64_t end, arrived = atomic_load(&a->arrived);
	ssize_t n = pread(fd, data, sizeof(data), 0);

	if (n < 0 || (t->size && (uint64_t)n != arrived))
		return false;
	for (uint64_t i = 0; i < (uint64_t)n; i++)
		if (data[i] != (arrival_is_kept(a, i, &end) ? byte_at(i) : 0))
			return false;
	return true;
}

static void set_file_limit(uint64_t bytes)
{
	const struct rlimit limit = { bytes ? (rlim_t)bytes : RLIM_INFINITY, RLIM_INFINITY };

	must(setrlimit(RLIMIT_FSIZE, &limit));
}

static void check_result(const struct test *t, int r, const struct fail *f, const struct arrival *a,
			 int fd)
{
	is_int(r, -t->error, "%s: what comes of it", t->name);
	if (r < 0) {
		is_str(f->what, strcmp(t->what, "PROGRAM") == 0 ? program : t->what, "%s: what",
		       t->name);
		is_str(f->why, t->why, "%s: why", t->name);
		is_int(a->fail.error, t->error, "%s: the reader is told, too", t->name);
	} else {
		ok(arrival_state(a) == ARRIVAL_COMPLETE, "%s: it is complete", t->name);
		ok(is_file_right(t, a, fd), "%s: the file has what it must have", t->name);
	}
}

static void run(const struct test *t)
{
	static struct url urls[3];
	const struct receive_options o = {
		.from = { .program = program, .urls = urls, .n_urls = t->n_urls, .proxy = "" },
		.patience = t->patience,
		.is_size_unknown = t->is_size_unknown,
		.is_part = t->is_part,
		.may_be_missing = t->may_be_missing,
		.only_if_nowhere = t->only_if_nowhere,
		.directory = t->directory,
		.tell = tell,
	};
	int dir = scratch_dir("fetcher"), fd = data_file("", 0), before = count_descriptors(), r;
	struct reader reader = { make_arrival(t), fd, 0, t->cancel_at, t->pause, false };
	pthread_t thread;
	struct fail f = { 0 };

	for (size_t i = 0; i < 3; i++)
		urls[i] = (struct url){ .text = { 'h', 't', 't', 'p', ':', '/', '/', "abc"[i], '/',
						  'f' },
					.host = { "abc"[i] },
					.port = 80 };
	put_file(dir, "script", t->script, 0600);
	*told = '\0';
	alarm(60);
	must(-pthread_create(&thread, NULL, read_blocks, &reader));
	if (t->file_limit)
		set_file_limit(t->file_limit);
	r = receive_run(reader.a, fd, &o, &f);
	set_file_limit(0);
	pthread_join(thread, NULL);
	alarm(0);
	check_result(t, r, &f, reader.a, fd);
	ok(!reader.is_wrong, "%s: the reader never got a wrong byte", t->name);
	is_str(told, t->told, "%s: what is told", t->name);
	is_str(get_file(dir, "notes"), t->asked, "%s: what is asked for", t->name);
	is_int(count_descriptors(), before, "%s: no descriptor is left", t->name);
	arrival_free(reader.a);
	close(fd);
	close(dir);
	scratch_remove(scratch_base_fd, "fetcher");
}

/* ---- tests ---- */

#define ALL "--offset=0 --end=1000 --size=1000 http://a/f\n"
#define ALL_OF_TWO "--offset=0 --end=1000 --size=1000 http://a/f http://b/f\n"
#define ANSWER "answer 0 1000 v1;"
#define FETCHING_A "fetching http://a/f, 1000 B\n"
#define X16 "xxxxxxxxxxxxxxxx"
#define X176 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16 X16
#define P16 "pppppppppppppppp"
#define FETCHING_B "fetching http://b/f, 1000 B\n"
#define OUTSIDE_ALONE \
	"! What lies outside of Blocks is wrong from http://a/f: it is fetched again\n"
#define OUTSIDE_OF_TWO                                                                          \
	"! What lies outside of Blocks is wrong from http://a/f: it is fetched again from the " \
	"next server\n"
#define GAPS                                                             \
	"--offset=0 --end=10 --size=1000 --validator=v1 http://a/f\n"    \
	"--offset=650 --end=700 --size=1000 --validator=v1 http://a/f\n" \
	"--offset=980 --end=1000 --size=1000 --validator=v1 http://a/f\n"

static const struct test tests[] = {
	{ .name = "all at once",
	  .n_urls = 1,
	  .script = ANSWER "all;stay\n",
	  .told = FETCHING_A,
	  .asked = ALL },
	{ .name = "in odd pieces",
	  .n_urls = 1,
	  .script = ANSWER "pieces 7;all;\n",
	  .told = FETCHING_A,
	  .asked = ALL },
	{ .name = "killed in mid-file",
	  .n_urls = 1,
	  .script = ANSWER "bytes 333;kill\n" ANSWER "all;\n",
	  .told = FETCHING_A "! the fetcher died of signal 9: it is started again\n" FETCHING_A,
	  .asked = ALL "--offset=333 --end=1000 --size=1000 --validator=v1 http://a/f\n" },
	{ .name = "killed again and again, which is told once",
	  .n_urls = 1,
	  .script = ANSWER "bytes 300;kill\n" ANSWER "bytes 1;kill\n" ANSWER "kill\n" ANSWER
			   "all;\n",
	  .told = FETCHING_A "! the fetcher died of signal 9: it is started again\n" FETCHING_A,
	  .asked = ALL "--offset=300 --end=1000 --size=1000 --validator=v1 http://a/f\n"
		       "--offset=301 --end=1000 --size=1000 --validator=v1 http://a/f\n"
		       "--offset=301 --end=1000 --size=1000 --validator=v1 http://a/f\n" },
	{ .name = "killed while the second server sends",
	  .n_urls = 2,
	  .script = "fail 0 2;answer 1 1000 v2;bytes 10;kill\nanswer 0 1000 v2;all;\n",
	  .told = "! http://a/f: nobody listens there; trying again\n" FETCHING_B
		  "! the fetcher died of signal 9: it is started again\n" FETCHING_B,
	  .asked = ALL_OF_TWO
	  "--offset=10 --end=1000 --size=1000 --validator=v2 http://b/f http://a/f\n" },
	{ .name = "ended too early as if all had come",
	  .n_urls = 1,
	  .script = ANSWER "bytes 100;exit 0\n" ANSWER "all;\n",
	  .told = FETCHING_A "! the fetcher ended with status 0: it is started again\n" FETCHING_A,
	  .asked = ALL "--offset=100 --end=1000 --size=1000 --validator=v1 http://a/f\n" },
	{ .name = "a program that is not there",
	  .n_urls = 1,
	  .script = "exit 127\n",
	  .error = ENOENT,
	  .what = "PROGRAM",
	  .why = "cannot start it",
	  .told = "",
	  .asked = ALL },
	{ .name = "a program of another version",
	  .n_urls = 1,
	  .script = "exit 2\n",
	  .error = EINVAL,
	  .what = "PROGRAM",
	  .why = "it does not understand what it is asked for",
	  .told = "",
	  .asked = ALL },
	{ .name = "more bytes than were asked for",
	  .n_urls = 1,
	  .script = ANSWER "all;bytes 500;stay\n",
	  .told = FETCHING_A,
	  .asked = ALL },
	{ .name = "its pipe is closed, and it stays",
	  .n_urls = 1,
	  .script = ANSWER "bytes 100;close;stay\n" ANSWER "all;\n",
	  .told = FETCHING_A "! the fetcher died of signal 9: it is started again\n" FETCHING_A,
	  .asked = ALL "--offset=100 --end=1000 --size=1000 --validator=v1 http://a/f\n" },

	/* wrong Blocks */
	{ .name = "a wrong Block from the first server",
	  .n_urls = 2,
	  .script = ANSWER "wrong 1;all;stay\nanswer 0 1000 v2;all;stay\n",
	  .told = FETCHING_A "! Block 2 is wrong from http://a/f: it is fetched again from the "
			     "next server\n" FETCHING_B,
	  .asked = ALL_OF_TWO "--offset=200 --end=400 --size=1000 http://b/f http://a/f\n" },
	{ .name = "a wrong Block on the way from the only server",
	  .n_urls = 1,
	  .script = ANSWER "wrong 0;all;stay\n" ANSWER "all;stay\n",
	  .told = FETCHING_A "! Block 1 is wrong from http://a/f: it is fetched again\n" FETCHING_A,
	  .asked = ALL "--offset=10 --end=200 --size=1000 --validator=v1 http://a/f\n" },
	{ .name = "a fetcher that dies while it fetches a Block again",
	  .n_urls = 1,
	  .script = ANSWER "wrong 3;all;stay\n" ANSWER "bytes 7;kill\n" ANSWER "all;stay\n",
	  .told = FETCHING_A "! Block 4 is wrong from http://a/f: it is fetched again\n" FETCHING_A
			     "! the fetcher died of signal 9: it is started again\n" FETCHING_A,
	  .asked = ALL "--offset=700 --end=980 --size=1000 --validator=v1 http://a/f\n"
		       "--offset=700 --end=980 --size=1000 --validator=v1 http://a/f\n" },
	{ .name = "a Block and bytes outside from a server that is wrong, and is blamed for both",
	  .n_urls = 2,
	  .script = ANSWER "wrong 1;odd 655;all;stay\nanswer 0 1000 v2;all;stay\n",
	  .told = FETCHING_A "! Block 2 is wrong from http://a/f: it is fetched again from the "
			     "next server\n" FETCHING_B OUTSIDE_OF_TWO FETCHING_B,
	  .asked = ALL_OF_TWO "--offset=200 --end=400 --size=1000 http://b/f http://a/f\n"
			      "--offset=0 --end=10 --size=1000 --validator=v2 http://b/f "
			      "http://a/f\n"
			      "--offset=650 --end=700 --size=1000 --validator=v2 http://b/f "
			      "http://a/f\n"
			      "--offset=980 --end=1000 --size=1000 --validator=v2 http://b/f "
			      "http://a/f\n" },
	{ .name = "readers that take longer than the patience, and then find a wrong Block",
	  .n_urls = 1,
	  .patience = 1,
	  .pause = 1500,
	  .script = ANSWER "wrong 3;all;stay\n" ANSWER "pause 300;all;stay\n",
	  .told = FETCHING_A "! Block 4 is wrong from http://a/f: it is fetched again\n" FETCHING_A,
	  .asked = ALL "--offset=700 --end=980 --size=1000 --validator=v1 http://a/f\n" },
	{ .name = "a Block that all servers have wrong",
	  .n_urls = 2,
	  .script = ANSWER "wrong 1;all;stay\n",
	  .error = EBADMSG,
	  .what = "http://a/f",
	  .why = "Block 2 (byte 200) is not what its digest in the manifest says",
	  .told = FETCHING_A
	  "! Block 2 is wrong from http://a/f: it is fetched again from the next "
	  "server\n" FETCHING_B "! Block 2 is wrong from http://b/f: it is fetched again from the "
	  "next server\n" FETCHING_A
	  "! Block 2 is wrong from http://a/f: it is fetched again from the next "
	  "server\n" FETCHING_B "! Block 2 is wrong from http://b/f: it is fetched again from the "
	  "next server\n" FETCHING_A,
	  .asked = ALL_OF_TWO "--offset=200 --end=400 --size=1000 http://b/f http://a/f\n"
			      "--offset=200 --end=400 --size=1000 http://a/f http://b/f\n"
			      "--offset=200 --end=400 --size=1000 http://b/f http://a/f\n"
			      "--offset=200 --end=400 --size=1000 http://a/f http://b/f\n" },
	{ .name = "wrong bytes outside of Blocks from the first server",
	  .n_urls = 2,
	  .script = ANSWER "odd 655;all;stay\nanswer 0 1000 v2;all;stay\n",
	  .told = FETCHING_A OUTSIDE_OF_TWO FETCHING_B,
	  .asked = ALL_OF_TWO "--offset=0 --end=10 --size=1000 http://b/f http://a/f\n"
			      "--offset=650 --end=700 --size=1000 --validator=v2 http://b/f "
			      "http://a/f\n"
			      "--offset=980 --end=1000 --size=1000 --validator=v2 http://b/f "
			      "http://a/f\n" },
	{ .name = "a fetcher that dies while it fetches what is outside of Blocks again",
	  .n_urls = 1,
	  .script = ANSWER "odd 3;all;stay\n" ANSWER "all;stay\n" ANSWER "bytes 7;kill\n" ANSWER
			   "all;stay\n",
	  .told = FETCHING_A "! What lies outside of Blocks is wrong from http://a/f: it is "
			     "fetched again\n" FETCHING_A
			     "! the fetcher died of signal 9: it is started again\n" FETCHING_A,
	  .asked = ALL "--offset=0 --end=10 --size=1000 --validator=v1 http://a/f\n"
		       "--offset=650 --end=700 --size=1000 --validator=v1 http://a/f\n"
		       "--offset=657 --end=700 --size=1000 --validator=v1 http://a/f\n"
		       "--offset=980 --end=1000 --size=1000 --validator=v1 http://a/f\n" },
	{ .name = "bytes outside of Blocks that all servers have wrong",
	  .n_urls = 1,
	  .script = ANSWER "all;stay\n",
	  .wrong_outside = true,
	  .error = EBADMSG,
	  .what = "http://a/f",
	  .why = "its bytes outside of Blocks are not what outside-digest in the manifest says",
	  .told = FETCHING_A OUTSIDE_ALONE FETCHING_A OUTSIDE_ALONE FETCHING_A,
	  .asked = ALL GAPS GAPS },

	/* messages */
	{ .name = "junk",
	  .n_urls = 2,
	  .script = "junk;answer 0 1000 v1;all;stay\n",
	  .told = "! http://b/f: it cannot be fetched (\\033" X176
		  "xxxxxxxxxxxxxxx) (by the proxy " P16 P16 P16 P16 P16
		  "ppp...; trying again\n" FETCHING_A,
	  .asked = ALL_OF_TWO },
	{ .name = "failures are told once for each server and reason",
	  .n_urls = 2,
	  .script = "fail 0 2;fail 1 2;fail 0 2;fail 1 2;fail 0 3;fail 0 3;fail 1 2;" ANSWER
		    "fail 0 3;" ANSWER "all;stay\n",
	  .told = "! http://a/f: nobody listens there; trying again\n"
		  "! http://b/f: nobody listens there; trying again\n"
		  "! http://a/f: the server does not answer; trying again\n" FETCHING_A,
	  .asked = ALL_OF_TWO },
	{ .name = "a proxy that is not there, then one that does not answer, then one that refuses",
	  .n_urls = 1,
	  .script = "fail 0 2 0 0 @proxy:3128;fail 0 3 0 0 @proxy:3128;fail 0 0 0 0 @proxy:3128;"
		    "fail 0 1 0 0 @[::1]:1;fail 0 6 407 0 @proxy:3128;"
		    "fail 0 6 502 0 @proxy:3128;fail 0 5 0 0 @proxy:3128;" ANSWER "all;stay\n",
	  .told = "! http://a/f: nobody listens at the proxy proxy:3128; trying again\n"
		  "! http://a/f: the proxy proxy:3128 does not answer; trying again\n"
		  "! http://a/f: the name of the proxy proxy:3128 cannot be resolved; trying "
		  "again\n"
		  "! http://a/f: there is no route to the proxy [::1]:1; trying again\n"
		  "! http://a/f: the proxy proxy:3128 refuses to get it (407); trying again\n"
		  "! http://a/f: the server answers with status 502 (by the proxy proxy:3128); "
		  "trying again\n"
		  "! http://a/f: the connection ended early (by the proxy proxy:3128); trying "
		  "again\n" FETCHING_A,
	  .asked = ALL },
	{ .name = "no server has it, and it may be missing",
	  .n_urls = 2,
	  .script = "fail 0 6 404;fail 1 6 404;stay\n",
	  .may_be_missing = true,
	  .error = ENOENT,
	  .what = "http://b/f",
	  .why = "the server does not have it (404)",
	  .told = "",
	  .asked = ALL_OF_TWO },
	{ .name = "no server has it: one says 403, one does not answer",
	  .n_urls = 2,
	  .script = "fail 1 2;fail 0 6 403;stay\n",
	  .may_be_missing = true,
	  .error = ENOENT,
	  .what = "http://a/f",
	  .why = "the server refuses to give it (403)",
	  .told = "! http://b/f: nobody listens there; trying again\n",
	  .asked = ALL_OF_TWO },
	{ .name = "each server says clearly that it has none",
	  .n_urls = 2,
	  .script = "fail 0 6 404;fail 1 6 410;stay\n",
	  .may_be_missing = true,
	  .only_if_nowhere = true,
	  .patience = 60,
	  .error = ENOENT,
	  .what = "http://b/f",
	  .why = "the server does not have it (410)",
	  .told = "",
	  .asked = ALL_OF_TWO },
	{ .name = "one says so, and one is not there to say it",
	  .n_urls = 2,
	  .script = "fail 0 6 404;fail 1 2;stay\n",
	  .may_be_missing = true,
	  .only_if_nowhere = true,
	  .patience = 1,
	  .error = ECONNREFUSED,
	  .what = "http://a/f",
	  .why = "none of 2 servers gives it: b:80: nobody listens there",
	  .told = "! http://b/f: nobody listens there; trying again\n",
	  .asked = ALL_OF_TWO },
	{ .name = "a server that refuses does not say that it has none",
	  .n_urls = 1,
	  .script = "fail 0 6 403;stay\n",
	  .may_be_missing = true,
	  .only_if_nowhere = true,
	  .patience = 1,
	  .error = EACCES,
	  .what = "http://a/f",
	  .why = "the server refuses to give it (403)",
	  .told = "! http://a/f: the server refuses to give it (403); trying again\n",
	  .asked = ALL },
	{ .name = "the only server has another size, and nobody is about to change that",
	  .n_urls = 1,
	  .script = "fail 0 7 200 900;stay\n",
	  .may_be_missing = true,
	  .patience = 60,
	  .error = EBADMSG,
	  .what = "http://a/f",
	  .why = "it is shorter than its manifest says: 900 bytes, not 1000",
	  .told = "",
	  .asked = ALL },
	{ .name = "a size that is only where the bytes ended",
	  .n_urls = 1,
	  .script = ANSWER "bytes 900;fail 0 7 200 900 ended;pause 300;" ANSWER "all;stay\n",
	  .may_be_missing = true,
	  .patience = 60,
	  .told = FETCHING_A
	  "! http://a/f: it is shorter than its manifest says: 900 bytes, not 1000; "
	  "trying again\n" FETCHING_A,
	  .asked = ALL },
	{ .name = "another size, which somebody is about to change",
	  .n_urls = 1,
	  .script = "fail 0 7 200 900;" ANSWER "all;stay\n",
	  .told = "! http://a/f: it is shorter than its manifest says: 900 bytes, not 1000; trying "
		  "again\n" FETCHING_A,
	  .asked = ALL },
	{ .name = "all servers have another size, or nothing",
	  .n_urls = 3,
	  .script = "fail 0 7 200 900;fail 1 6 404;fail 2 7 200 1100;stay\n",
	  .may_be_missing = true,
	  .patience = 60,
	  .error = EBADMSG,
	  .what = "http://a/f",
	  .why = "none of 3 servers gives it: a:80: it is shorter than its manifest says: 900 "
		 "bytes, not 1000; c:80: it is longer than its manifest says: 1100 bytes, not 1000",
	  .told = "! http://a/f: it is shorter than its manifest says: 900 bytes, not 1000; trying "
		  "again\n",
	  .asked = "--offset=0 --end=1000 --size=1000 http://a/f http://b/f http://c/f\n" },
	{ .name = "another size, but the other server may answer yet",
	  .n_urls = 2,
	  .script = "fail 0 7 200 900;fail 1 2;fail 0 7 200 900;answer 1 1000 v1;all;stay\n",
	  .may_be_missing = true,
	  .patience = 60,
	  .told = "! http://a/f: it is shorter than its manifest says: 900 bytes, not 1000; trying "
		  "again\n! http://b/f: nobody listens there; trying again\n" FETCHING_B,
	  .asked = ALL_OF_TWO },
	{ .name = "a byte now and then",
	  .n_urls = 1,
	  .script = ANSWER
	  "bytes 1;pause 400;bytes 1;pause 400;bytes 1;pause 400;bytes 1;pause 400;"
	  "bytes 1;pause 400;bytes 1;pause 400;all;stay\n",
	  .patience = 1,
	  .error = ETIMEDOUT,
	  .what = "http://a/f",
	  .why = "hardly anything came for 1 s",
	  .told = FETCHING_A,
	  .asked = ALL },
	{ .name = "one server does not have it",
	  .n_urls = 2,
	  .script = "fail 0 6 404;fail 0 6 404;answer 1 1000 v1;all;stay\n",
	  .may_be_missing = true,
	  .told = FETCHING_B,
	  .asked = ALL_OF_TWO },
	{ .name = "nothing comes from two servers",
	  .n_urls = 2,
	  .script = "fail 0 6 404;fail 1 2;stay\n",
	  .patience = 1,
	  .error = ECONNREFUSED,
	  .what = "http://a/f",
	  .why = "none of 2 servers gives it: a:80: the server does not have it (404); b:80: "
		 "nobody "
		 "listens there",
	  .told = "! http://a/f: the server does not have it (404); trying again\n"
		  "! http://b/f: nobody listens there; trying again\n",
	  .asked = ALL_OF_TWO },
	{ .name = "a dead server, and one that answers and then gives nothing",
	  .n_urls = 2,
	  .script = "fail 0 2;answer 1 1000 v1;stay\n",
	  .patience = 1,
	  .error = ECONNREFUSED,
	  .what = "http://a/f",
	  .why = "none of 2 servers gives it: a:80: nobody listens there; b:80: nothing came for 1 "
		 "s",
	  .told = "! http://a/f: nobody listens there; trying again\n" FETCHING_B,
	  .asked = ALL_OF_TWO },
	{ .name = "a dead server, and one that gives a byte",
	  .n_urls = 2,
	  .script = "fail 0 2;answer 1 1000 v1;bytes 1;stay\n",
	  .patience = 1,
	  .error = ECONNREFUSED,
	  .what = "http://a/f",
	  .why = "none of 2 servers gives it: a:80: nobody listens there; b:80: hardly anything "
		 "came for 1 s",
	  .told = "! http://a/f: nobody listens there; trying again\n" FETCHING_B,
	  .asked = ALL_OF_TWO },
	{ .name = "dead servers, each of which says so within the patience",
	  .n_urls = 2,
	  .script = "fail 0 2;pause 700;fail 1 2;pause 700;fail 0 2;pause 2000;answer 1 1000 v1;"
		    "all;stay\n",
	  .patience = 2,
	  .error = ECONNREFUSED,
	  .what = "http://a/f",
	  .why = "none of 2 servers gives it: a:80: nobody listens there; b:80: nobody listens "
		 "there",
	  .told = "! http://a/f: nobody listens there; trying again\n"
		  "! http://b/f: nobody listens there; trying again\n",
	  .asked = ALL_OF_TWO },
	{ .name = "a dead server, and a slow one, which takes longer than the patience",
	  .n_urls = 2,
	  .script = "fail 0 2;answer 1 0 v1;bytes 49152;pause 2000;bytes 49152;pause 2000;"
		    "bytes 49152;pause 2000;bytes 49152;pause 2000;bytes 49152;exit 0\n",
	  .is_size_unknown = true,
	  .size = LARGEST,
	  .patience = 6,
	  .told = "! http://a/f: nobody listens there; trying again\nfetching http://b/f\n",
	  .asked = "--offset=0 http://a/f http://b/f\n" },
	{ .name = "the same, and then nothing: of the dead one nothing is said any more",
	  .n_urls = 2,
	  .script = "fail 0 2;answer 1 0 v1;bytes 65536;stay\n",
	  .is_size_unknown = true,
	  .size = LARGEST,
	  .patience = 1,
	  .error = ETIMEDOUT,
	  .what = "http://b/f",
	  .why = "nothing came for 1 s",
	  .told = "! http://a/f: nobody listens there; trying again\nfetching http://b/f\n",
	  .asked = "--offset=0 http://a/f http://b/f\n" },
	{ .name = "nothing comes, for no reason",
	  .n_urls = 1,
	  .script = "stay\n",
	  .patience = 1,
	  .error = ETIMEDOUT,
	  .what = "http://a/f",
	  .why = "nothing came for 1 s",
	  .told = "",
	  .asked = ALL },
	{ .name = "nothing comes, for a reason",
	  .n_urls = 1,
	  .script = "fail 0 6 503;answer 0 1000 v1;stay\n",
	  .patience = 1,
	  .error = EREMOTEIO,
	  .what = "http://a/f",
	  .why = "the server answers with status 503",
	  .told = "! http://a/f: the server answers with status 503; trying again\n" FETCHING_A,
	  .asked = ALL },

	/* files whose size nobody knows */
	{ .name = "an unknown size",
	  .n_urls = 1,
	  .script = "answer 0 0 v1;all;exit 0\n",
	  .is_size_unknown = true,
	  .size = 2000,
	  .told = "fetching http://a/f\n",
	  .asked = "--offset=0 http://a/f\n" },
	{ .name = "an unknown size, just as large as it may be",
	  .n_urls = 1,
	  .script = "answer 0 0 v1;all;exit 0\n",
	  .is_size_unknown = true,
	  .size = 1000,
	  .told = "fetching http://a/f\n",
	  .asked = "--offset=0 http://a/f\n" },
	{ .name = "an unknown size, a byte too large",
	  .n_urls = 1,
	  .script = "answer 0 0 v1;all;exit 0\n",
	  .is_size_unknown = true,
	  .size = 999,
	  .error = EFBIG,
	  .what = "http://a/f",
	  .why = "it has more than 999 bytes, which is the most that it may have",
	  .told = "fetching http://a/f\n",
	  .asked = "--offset=0 http://a/f\n" },
	{ .name = "an unknown size, killed in mid-file",
	  .n_urls = 1,
	  .script = "answer 0 0 v1;bytes 400;kill\nanswer 0 0 v1;all;exit 0\n",
	  .is_size_unknown = true,
	  .size = 2000,
	  .told = "fetching http://a/f\n! the fetcher died of signal 9: it is started "
		  "again\nfetching http://a/f\n",
	  .asked = "--offset=0 http://a/f\n--offset=400 --validator=v1 http://a/f\n" },
	{ .name = "a part",
	  .n_urls = 1,
	  .script = "answer 0 1000 v1;all;stay\n",
	  .is_part = true,
	  .size = 500,
	  .told = FETCHING_A,
	  .asked = "--offset=0 --end=500 http://a/f\n" },

	/* the end of it */
	{ .name = "no room",
	  .n_urls = 1,
	  .script = ANSWER "all;stay\n",
	  .file_limit = 500,
	  .error = ENOSPC,
	  .what = "http://a/f",
	  .why = "there is no room to keep what arrives, at byte 0",
	  .told = FETCHING_A,
	  .asked = ALL },
	{ .name = "no room in a directory",
	  .n_urls = 1,
	  .script = ANSWER "all;stay\n",
	  .file_limit = 500,
	  .directory = "/some/tmp",
	  .error = ENOSPC,
	  .what = "/some/tmp",
	  .why = "it is full: there is no room for what arrives of http://a/f, at byte 0",
	  .told = FETCHING_A,
	  .asked = ALL },
	{ .name = "a reader that gives up",
	  .n_urls = 1,
	  .script = ANSWER "bytes 500;stay\n",
	  .cancel_at = 200,
	  .error = ECANCELED,
	  .what = "http://a/f",
	  .why = "cannot fetch it: Operation canceled",
	  .told = FETCHING_A,
	  .asked = ALL },
};

/* Blocks that are wrong at the same time are counted each by itself, or they would be fetched for ever. */
static void test_all_wrong(void)
{
	const struct test t = {
		.script = "answer 0 1000;wrong 0;wrong 1;wrong 2;wrong 3;all;stay\n"
	};
	static struct url url = { .text = "http://a/f" };
	const struct receive_options o = { .from = { program, &url, 1, "", NULL } };
	int dir = scratch_dir("fetcher"), fd = data_file("", 0);
	struct arrival *a = make_arrival(&t);
	pthread_t threads[ARRAY_SIZE(blocks)];
	struct reader readers[ARRAY_SIZE(blocks)];
	struct fail f = { 0 };

	put_file(dir, "script", t.script, 0600);
	alarm(60);
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++) {
		readers[i] = (struct reader){ a, fd, i, 0, 0, false };
		must(-pthread_create(&threads[i], NULL, read_blocks, &readers[i]));
	}
	is_int(receive_run(a, fd, &o, &f), -EBADMSG, "all Blocks wrong: it ends");
	for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
		pthread_join(threads[i], NULL);
	alarm(0);
	arrival_free(a);
	close(fd);
	close(dir);
	scratch_remove(scratch_base_fd, "fetcher");
}

int main(int argc, char *argv[])
{
	const char *directory = getenv(DIRECTORY);
	char path[sizeof(scratch_base) + 16];
	ssize_t n;

	if (argc > 1 && directory)
		return fetch(argv, directory);
	n = must((int)readlink("/proc/self/exe", program, sizeof(program) - 1));
	program[n] = '\0';
	close(scratch_dir("data"));
	snprintf(path, sizeof(path), "%s/fetcher", scratch_base);
	setenv(DIRECTORY, path, 1);
	signal(SIGXFSZ, SIG_IGN);
	for (size_t i = 0; i < ARRAY_SIZE(tests); i++)
		run(&tests[i]);
	test_all_wrong();
	return done_testing();
}
