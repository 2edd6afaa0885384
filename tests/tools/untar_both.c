/*
 * untar_both WORK: unpacks each tar whose path comes in on standard input by our reader and tree, reads it
 * without a tree (as `tarboot verify` does), and extracts it by GNU tar, all in directories below WORK that
 * go away again. It stands for thousands of runs of tarboot and treelist.
 *
 * An answer is a line of numbers, then the texts that they count:
 *
 *     OURS VERIFIED GNU BYTES-OF-WHY BYTES-OF-WHY-VERIFIED BYTES-OF-GNU-MESSAGES BYTES-OF-TREE BYTES-OF-GNU-TREE
 *
 * OURS and VERIFIED are errno values, 0 = good; GNU is an exit code. A tree is listed, without its root,
 * whatever came of it.
 *
 * A line that starts with '@' is a tar for GNU tar alone, one that starts with '=' for ours alone.
 */
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "listing.h"
#include "scratch.h"
#include "tar/tar_read.h"
#include "tree/tree.h"

#define READER_MEMORY (64U << 20)
#define FILE_MAX (256ULL << 20) /* what a damaged size may make of a file */

struct source {
	const uint8_t *at;
	size_t left;
};

/* Pieces as the pipeline's, of a size that cuts headers. */
static int next_piece(void *arg, const void **ret_data, size_t *ret_size, struct fail *f)
{
	struct source *s = arg;
	size_t n = s->left < 1777 ? s->left : 1777;

	(void)f;
	*ret_data = s->at;
	*ret_size = n;
	s->at += n;
	s->left -= n;
	return n > 0;
}

static int take_data(struct tar_reader *t, struct tree_file *file, struct fail *f)
{
	struct fail unused;
	const void *data;
	uint64_t offset;
	size_t size;
	int r;

	while ((r = tar_reader_data(t, &data, &size, &offset, f)) > 0) {
		r = file ? tree_file_write(file, data, size, offset, f) : 0;
		if (r < 0)
			break;
	}
	if (!file)
		return r;
	return r < 0 ? (tree_file_release(file, false, &unused), r)
		     : tree_file_release(file, true, f);
}

/* tree may be NULL. */
static int read_members(struct tar_reader *t, struct tree *tree, struct fail *f)
{
	struct tree_file *file = NULL;
	struct member m;
	int r;

	while ((r = tar_reader_next(t, &m, f)) > 0) {
		r = tree ? tree_add(tree, &m, &file, f) : 0;
		if (r == 0 && m.type == MEMBER_FILE)
			r = take_data(t, tree ? file : NULL, f);
		member_free(&m);
		if (r < 0)
			return r;
	}
	return r == 0 && tree ? tree_finish(tree, f) : r;
}

/* root_fd < 0: only read. */
static int untar(const struct source *tar, int root_fd, struct fail *f)
{
	struct source source = *tar;
	struct tar_reader *t = NULL;
	struct tree *tree = NULL;
	int r = root_fd < 0 ? 0 : tree_new(root_fd, &tree);

	if (r < 0)
		return fail_errno(f, r, "the root", "cannot start to fill it");
	r = tar_reader_open(next_piece, &source, "the archive", READER_MEMORY, &t, f);
	if (r == 0)
		r = read_members(t, tree, f);
	tar_reader_close(t);
	tree_free(tree);
	return r;
}

/* Its exit code; its messages go into the file log_fd. */
static int run_gnu_tar(const char *path, int dir_fd, int log_fd)
{
	int status;
	pid_t pid = fork();

	if (pid < 0)
		scratch_die("fork");
	if (pid == 0) {
		signal(SIGXFSZ, SIG_IGN);
		if (fchdir(dir_fd) < 0 || dup2(log_fd, STDOUT_FILENO) < 0 ||
		    dup2(log_fd, STDERR_FILENO) < 0)
			_exit(126);
		execlp("tar", "tar", "--xattrs", "--xattrs-include=*", "--acls", "--numeric-owner",
		       "-xpf", path, (char *)NULL);
		_exit(127);
	}
	must(waitpid(pid, &status, 0));
	return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static char *log_text(int fd)
{
	struct stat st;
	char *text;

	must(fstat(fd, &st));
	text = calloc((size_t)st.st_size + 1, 1);
	if (!text || pread(fd, text, (size_t)st.st_size, 0) != st.st_size)
		scratch_die("the log");
	return text;
}

static int new_dir(int work_fd, const char *name)
{
	must(mkdirat(work_fd, name, 0755));
	return must(openat(work_fd, name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
}

/* The caller frees it. */
static char *tree_text(int work_fd, const char *name, int dir_fd)
{
	static const char *const root[] = { "." };
	const struct listing_options options = { .exclude = root, .n_exclude = 1 };
	char *text;

	(void)fchmod(dir_fd, 0755);
	text = listing_text(dir_fd, &options);
	must(fchdir(work_fd));
	scratch_remove(work_fd, name);
	return text;
}

/* What one archive came to; the texts are owned. */
struct result {
	int ours, verified, gnu;
	char *why[2], *messages, *tree, *gnu_tree;
};

static char *fail_text(const struct fail *f, int r)
{
	char *text = NULL;

	if (r < 0 && asprintf(&text, "%s: %s\n%s", f->what, f->why, f->todo) < 0)
		text = NULL;
	return listing_check(text ? text : strdup(""));
}

static void try_ours(int work_fd, const struct source *tar, struct result *ret)
{
	struct fail f = { 0 };
	int fd = new_dir(work_fd, "ours"), r = untar(tar, fd, &f);

	ret->ours = -r;
	ret->why[0] = fail_text(&f, r);
	ret->tree = tree_text(work_fd, "ours", fd);
	close(fd);
	r = untar(tar, -1, &f);
	ret->verified = -r;
	ret->why[1] = fail_text(&f, r);
}

static void try_gnu(int work_fd, const char *path, struct result *ret)
{
	int fd = new_dir(work_fd, "gnu"), log_fd = memfd_create("log", MFD_CLOEXEC);

	must(log_fd);
	ret->gnu = run_gnu_tar(path, fd, log_fd);
	ret->messages = log_text(log_fd);
	ret->gnu_tree = tree_text(work_fd, "gnu", fd);
	close(log_fd);
	close(fd);
}

static void print_result(const struct result *r)
{
	const char *texts[] = { r->why[0], r->why[1], r->messages, r->tree, r->gnu_tree };

	printf("%d %d %d", r->ours, r->verified, r->gnu);
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		printf(" %zu", texts[i] ? strlen(texts[i]) : 0);
	putchar('\n');
	for (size_t i = 0; i < ARRAY_SIZE(texts); i++)
		fputs(texts[i] ? texts[i] : "", stdout);
	fflush(stdout);
}

static void free_result(struct result *r)
{
	free(r->why[0]);
	free(r->why[1]);
	free(r->messages);
	free(r->tree);
	free(r->gnu_tree);
}

static void try_tar(int work_fd, const char *line)
{
	const char *path = *line == '@' || *line == '=' ? line + 1 : line;
	int fd = must(open(path, O_RDONLY | O_CLOEXEC));
	struct result result = { 0 };
	struct source tar = { 0 };
	struct stat st;
	void *map = NULL;

	must(fstat(fd, &st));
	tar.left = (size_t)st.st_size;
	if (tar.left > 0) {
		map = mmap(NULL, tar.left, PROT_READ, MAP_PRIVATE, fd, 0);
		if (map == MAP_FAILED)
			scratch_die("mmap");
		tar.at = map;
	}
	if (*line != '@')
		try_ours(work_fd, &tar, &result);
	if (*line != '=')
		try_gnu(work_fd, path, &result);
	print_result(&result);
	free_result(&result);
	if (map)
		munmap(map, (size_t)st.st_size);
	close(fd);
}

int main(int argc, char **argv)
{
	const struct rlimit limit = { FILE_MAX, FILE_MAX };
	char line[PATH_MAX + 2];
	int work_fd;

	if (argc != 2) {
		fputs("usage: untar_both WORK <PATHS\n", stderr);
		return 2;
	}
	umask(022);
	signal(SIGXFSZ, SIG_IGN);
	must(setrlimit(RLIMIT_FSIZE, &limit));
	work_fd = must(open(argv[1], O_RDONLY | O_DIRECTORY | O_CLOEXEC));
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		try_tar(work_fd, line);
	}
	close(work_fd);
	return 0;
}
