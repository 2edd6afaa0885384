/* The engine's tree writer makes it; a process that waits for the end of this one removes it. */
#include "sketch.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>

#include "elfinfo.h"
#include "host_files.h"
#include "path.h"
#include "tree.h"

#define TEXT_MAX 4096 /* of a configuration file */

struct sketch {
	bool (*whole)(const char *path, void *arg);
	void *arg;
	struct tree *tree;
	struct tree_file *file; /* of the last member; NULL = its data is not wanted */
	uint64_t wanted;        /* bytes of it */
	int fd;                 /* the directory */
	int alive;              /* the pipe whose end tells the remover */
	pid_t remover;
	char path[4096];
};

/* ---- making and removing ---- */

/* Closes all but one, and the standard ones: others wait for the ends of their pipes. */
static void keep_only(int kept)
{
	DIR *fds = opendir("/proc/self/fd");
	struct dirent *e;
	int fd;

	while (fds && (e = readdir(fds))) {
		fd = atoi(e->d_name);
		if (fd > STDERR_FILENO && fd != kept && fd != dirfd(fds))
			close(fd);
	}
	if (fds)
		closedir(fds);
}

/* The remover: nothing that is sent to the terminal's processes stops it. */
static void wait_and_remove(const char *path, int alive)
{
	sigset_t all;
	char byte;

	keep_only(alive);
	setsid();
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, NULL);
	while (read(alive, &byte, 1) < 0 && errno == EINTR)
		;
	(void)host_remove_tree(path);
	_exit(0);
}

static int start_remover(struct sketch *s)
{
	int ends[2];

	if (pipe2(ends, O_CLOEXEC) < 0)
		return -errno;
	s->remover = fork();
	if (s->remover == 0) {
		close(ends[1]);
		wait_and_remove(s->path, ends[0]);
	}
	close(ends[0]);
	s->alive = ends[1];
	return s->remover < 0 ? -errno : 0;
}

int sketch_open(bool (*whole)(const char *path, void *arg), void *arg, struct sketch **ret,
		struct fail *f)
{
	struct sketch *s = calloc(1, sizeof(*s));
	const char *directory = getenv("TMPDIR");
	int r;

	if (!s)
		return fail_errno(f, ENOMEM, "the root", "cannot check it");
	s->whole = whole;
	s->arg = arg;
	s->fd = s->alive = -1;
	snprintf(s->path, sizeof(s->path), "%s/tarboot-XXXXXX",
		 directory && *directory ? directory : "/tmp");
	r = mkdtemp(s->path) ? 0 : -errno;
	if (r == 0) {
		r = start_remover(s);
		s->fd = open(s->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
		if (r == 0 && s->fd < 0)
			r = -errno;
	}
	if (r == 0)
		r = tree_new(s->fd, &s->tree);
	if (r < 0) {
		fail_errno(f, r, s->path, "cannot make a temporary directory here (see TMPDIR)");
		sketch_close(s);
		return r;
	}
	*ret = s;
	return 0;
}

void sketch_close(struct sketch *s)
{
	struct fail unused;

	if (!s)
		return;
	if (s->file)
		tree_file_release(s->file, false, &unused);
	tree_free(s->tree);
	cleanup_close(&s->fd);
	cleanup_close(&s->alive);
	if (s->remover > 0)
		while (waitpid(s->remover, NULL, 0) < 0 && errno == EINTR)
			;
	free(s);
}

/* ---- drawing ---- */

/* Bytes of a file that the checks read; 0 = they do not look at it. Of an init even the lack of a mode bit counts. */
static uint64_t wanted_bytes(const struct sketch *s, const struct member *m)
{
	const char *path = path_in_root(m->path), *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	if (s->whole && s->whole(path, s->arg))
		return UINT64_MAX;
	if (strcmp(path, "etc/selinux/config") == 0)
		return TEXT_MAX;
	if ((m->mode & 0111) || strcmp(name, "init") == 0 || strcmp(name, "systemd") == 0)
		return PROGRAM_HEAD_SIZE;
	return 0;
}

static int finish_file(struct sketch *s, struct fail *f)
{
	struct tree_file *file = s->file;

	s->file = NULL;
	return file ? tree_file_release(file, true, f) : 0;
}

int sketch_add(struct sketch *s, const struct member *m, struct fail *f)
{
	struct member drawn = *m;
	struct fail unused;
	int r = finish_file(s, f);

	if (r < 0)
		return r;
	drawn.xattrs = (struct xattrs){ 0 };
	drawn.uid = geteuid();
	drawn.gid = getegid();
	switch (m->type) {
	case MEMBER_FILE:
		s->wanted = wanted_bytes(s, m);
		if (s->wanted == 0)
			return 0;
		drawn.mode = (m->mode & 0777) | 0400; /* for us to read */
		drawn.size = m->size < s->wanted ? m->size : s->wanted;
		return tree_add(s->tree, &drawn, &s->file, f);
	case MEMBER_DIRECTORY:
		drawn.mode |= 0700;
		return tree_add(s->tree, &drawn, &s->file, f);
	case MEMBER_SYMLINK:
		return tree_add(s->tree, &drawn, &s->file, f);
	case MEMBER_HARDLINK: /* most are of files that are not drawn */
		(void)tree_add(s->tree, &drawn, &s->file, &unused);
		return 0;
	default:
		return 0;
	}
}

uint64_t sketch_wanted(const struct sketch *s)
{
	return s->file ? s->wanted : 0;
}

int sketch_data(struct sketch *s, const void *data, size_t size, uint64_t offset, struct fail *f)
{
	int r;

	if (!s->file || offset >= s->wanted)
		return 0;
	if (size > s->wanted - offset)
		size = (size_t)(s->wanted - offset);
	r = tree_file_write(s->file, data, size, offset, f);
	if (r == -ENOSPC)
		fail_set(f, ENOSPC, s->path, "Set TMPDIR to a directory with more room.",
			 "there is no room for the kernels, modules and firmware of the root");
	return r;
}

int sketch_root(struct sketch *s)
{
	struct fail unused;

	(void)finish_file(s, &unused);
	return s->fd;
}
