/*
 * What inspect and verify cost grows with the bytes of the paths in an archive, not with these times the depth of its
 * directories: steps are counted (see count_steps.h), not time.
 */
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "command/command.h"
#include "tests/unit/count_steps.h"
#include "tap.h"
#include "tar/tar_write.h"
#include "tar_bytes.h"

/* ---- counting ---- */

static size_t steps; /* written by the engine's threads, too */

void count_steps(size_t n)
{
	__atomic_fetch_add(&steps, n, __ATOMIC_RELAXED);
}

/* Called by the compiler at each basic block of what is counted. */
void __sanitizer_cov_trace_pc(void);
void __sanitizer_cov_trace_pc(void)
{
	count_steps(1);
}

/* ---- archives ---- */

#define MEMBERS 100
#define DEPTH_MAX 400

enum shape { IN_EACH_OTHER, FILES, HARDLINKS, SYMLINKS, BEHIND_LINK };

static const char *const shapes[] = {
	[IN_EACH_OTHER] = "directories in each other",
	[FILES] = "files in a deep directory",
	[HARDLINKS] = "hard links in a deep directory",
	[SYMLINKS] = "links to a deep file",
	[BEHIND_LINK] = "files behind a link to a deep directory",
};

struct archive {
	struct bytes tar;
	struct tar_writer *writer;
	size_t path_bytes; /* that have to be looked at, those of links that are followed included */
};

static void add(struct archive *a, enum member_type type, const char *path, const char *target)
{
	struct member m = { .type = type, .path = path, .target = target, .mode = 0755 };
	struct fail f;

	must(tar_writer_add(a->writer, &m, NULL, 0, &f));
	a->path_bytes += strlen(path) + (target ? strlen(target) : 0);
}

static void add_members(struct archive *a, enum shape shape, const char *directory)
{
	char path[2 * DEPTH_MAX + 16], first[2 * DEPTH_MAX + 16];

	snprintf(first, sizeof(first), "%s/first", directory);
	add(a, MEMBER_FILE, first, NULL);
	if (shape == BEHIND_LINK)
		add(a, MEMBER_SYMLINK, "link", directory);
	for (unsigned i = 0; i < MEMBERS; i++) {
		snprintf(path, sizeof(path), "%s/%u", shape == BEHIND_LINK ? "link" : directory, i);
		if (shape == HARDLINKS || shape == SYMLINKS)
			add(a, shape == HARDLINKS ? MEMBER_HARDLINK : MEMBER_SYMLINK, path, first);
		else
			add(a, MEMBER_FILE, path, NULL);
		if (shape == BEHIND_LINK)
			a->path_bytes += strlen(directory);
	}
}

/* The descriptor of a .tar.xz. */
static int make_archive(enum shape shape, size_t depth, size_t *ret_path_bytes)
{
	static const struct xz_recipe recipe = { .every = 1 << 20, .check = LZMA_CHECK_CRC32 };
	struct archive a = { 0 };
	struct bytes xz = { 0 };
	char path[2 * DEPTH_MAX];
	struct fail f;
	int fd;

	must(tar_writer_open(bytes_sink, &a.tar, &a.writer));
	for (size_t i = 0; i < depth; i++) {
		memcpy(path + 2 * i, "d", 2);
		if (shape == IN_EACH_OTHER)
			add(&a, MEMBER_DIRECTORY, path, NULL);
		path[2 * i + 1] = i + 1 < depth ? '/' : '\0';
	}
	if (shape != IN_EACH_OTHER)
		add_members(&a, shape, path);
	must(tar_writer_finish(a.writer, &f));
	tar_writer_free(a.writer);
	add_stream(&xz, &recipe, a.tar.data, a.tar.size);
	fd = data_file(xz.data, xz.size);
	bytes_free(&a.tar);
	bytes_free(&xz);
	*ret_path_bytes = a.path_bytes;
	return fd;
}

/* ---- commands ---- */

struct call {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *option; /* NULL: none; those of one row stay for the next */
	bool two;           /* archives */
};

static const struct call commands[] = {
	{ "inspect", command_inspect, NULL, false },
	{ "verify", command_verify, NULL, false },
	{ "inspect --json", command_inspect, "--json", false },
	{ "inspect --diff", command_inspect, "--diff", true },
};

/* What it prints does not belong to TAP. */
static int run_quietly(const struct call *c, char *path)
{
	char name[] = "tarboot", option[16];
	char *argv[] = { name, path, c->two ? path : option, c->two ? option : NULL, NULL };
	int out, r, argc = 2 + (c->option != NULL) + c->two;

	snprintf(option, sizeof(option), "%s", c->option ? c->option : "");
	argv[argc] = NULL;
	fflush(stdout);
	out = must(dup(STDOUT_FILENO));
	must(dup2(must(open("/dev/null", O_WRONLY | O_CLOEXEC)), STDOUT_FILENO));
	r = c->run(argc, argv);
	fflush(stdout);
	must(dup2(out, STDOUT_FILENO));
	close(out);
	return r;
}

/* Steps for each hundred bytes of path. */
static size_t count(const struct call *c, enum shape shape, size_t depth)
{
	char path[32];
	size_t path_bytes;
	int fd = make_archive(shape, depth, &path_bytes);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	steps = 0;
	is_int(run_quietly(c, path), 0, "%s, %zu deep: %s", shapes[shape], depth, c->name);
	close(fd);
	return steps * 100 / path_bytes;
}

int main(void)
{
	size_t low, deep;

	for (size_t c = 0; c < ARRAY_SIZE(commands); c++)
		for (enum shape s = IN_EACH_OTHER; s <= BEHIND_LINK; s++) {
			low = count(&commands[c], s, DEPTH_MAX / 4);
			deep = count(&commands[c], s, DEPTH_MAX);
			ok(low > 100 && deep < low + low / 4,
			   "%s of %s: %zu steps for 100 bytes of path, four times as deep %zu",
			   commands[c].name, shapes[s], low, deep);
		}
	return done_testing();
}
