/* Standard input looked at by its first bytes; skopeo as a child that writes into a file without a name. */
#include "source/image_input.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "source/blobs.h"
#include "base/print.h"
#include "base/spool.h"
#include "base/util.h"

#define HEAD_SIZE (1 << 20) /* a block of any compression has fewer bytes */

/* ---- standard input ---- */

/* Bytes read, fewer than size only at the end; or -errno. */
static ssize_t read_fully(int fd, char *data, size_t size)
{
	size_t have = 0;
	ssize_t n;

	while (have < size && (n = read(fd, data + have, size - have)) != 0) {
		if (n > 0)
			have += (size_t)n;
		else if (errno != EINTR)
			return -errno;
	}
	return (ssize_t)have;
}

/* A descriptor of the spool's file, which stays when the spool is closed. */
static int keep_file(const struct spool *s, const char *name, int *ret_fd, struct fail *f)
{
	*ret_fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
	return *ret_fd < 0 ? fail_errno(f, errno, name, "cannot read it") : 0;
}

static int spool_all(const char *head, size_t size, int *ret_fd, struct fail *f)
{
	struct spool spool;
	int r = spool_new(&spool, f);

	if (r < 0)
		return r;
	r = spool_write(&spool, head, size, NULL, f);
	if (r == 0)
		r = spool_read_from(&spool, STDIN_FILENO, "stdin", f);
	if (r == 0)
		r = keep_file(&spool, "stdin", ret_fd, f);
	spool_close(&spool);
	return r;
}

static int look_at_archive(struct image_stdin *in, int fd, struct fail *f)
{
	enum blobs_archive is = blobs_look_at_archive(fd);

	in->is_image = is == BLOBS_IMAGE;
	return is == BLOBS_DAMAGED ? blobs_fail_damaged("stdin", f) : 0;
}

/* A file needs no copy. */
static int look_at_file(struct image_stdin *in, struct fail *f)
{
	if (lseek(STDIN_FILENO, 0, SEEK_CUR) != 0)
		return 0;
	if (look_at_archive(in, STDIN_FILENO, f) < 0)
		return -f->error;
	(void)lseek(STDIN_FILENO, 0, SEEK_SET);
	if (in->is_image)
		in->fd = fcntl(STDIN_FILENO, F_DUPFD_CLOEXEC, 0);
	return in->is_image && in->fd < 0 ? fail_errno(f, errno, "stdin", "cannot read it") : 0;
}

static int look_at_pipe(struct image_stdin *in, struct fail *f)
{
	_cleanup_free_ char *head = malloc(HEAD_SIZE);
	ssize_t n = head ? read_fully(STDIN_FILENO, head, HEAD_SIZE) : -ENOMEM;
	int r;

	if (n < 0)
		return fail_errno(f, (int)n, "stdin", "cannot read it");
	if (blobs_may_be_archive(head, (size_t)n)) {
		r = spool_all(head, (size_t)n, &in->fd, f);
		return r == 0 ? look_at_archive(in, in->fd, f) : r;
	}
	in->head_size = (size_t)n;
	in->head = head;
	head = NULL;
	return 0;
}

int image_input_stdin(struct image_stdin *ret, struct fail *f)
{
	struct image_stdin in = { .fd = -1 };
	struct stat st;
	int r = fstat(STDIN_FILENO, &st) == 0 && S_ISREG(st.st_mode) ? look_at_file(&in, f)
								     : look_at_pipe(&in, f);

	if (r == 0)
		*ret = in;
	else
		cleanup_close(&in.fd);
	return r;
}

/* ---- skopeo ---- */

bool image_input_is_reference(const char *path)
{
	static const char *const transports[] = {
		"docker://",
		"docker-daemon:",
		"containers-storage:",
		"docker-archive:",
		"oci:",
		"oci-archive:",
		"dir:",
		"sif:",
	};

	for (size_t i = 0; i < ARRAY_SIZE(transports); i++)
		if (strncmp(path, transports[i], strlen(transports[i])) == 0)
			return access(path, F_OK) < 0; /* a file may be called like that */
	return false;
}

/* In the child: does not return. fd is of the file to write. */
static void run_skopeo(const char *reference, const struct image_platform *p, int fd)
{
	const char *argv[12] = { "skopeo" };
	char target[64];
	size_t n = 1;

	if (*p->os) {
		argv[n++] = "--override-os";
		argv[n++] = p->os;
		argv[n++] = "--override-arch";
		argv[n++] = p->architecture;
	}
	if (*p->variant) {
		argv[n++] = "--override-variant";
		argv[n++] = p->variant;
	}
	snprintf(target, sizeof(target), "docker-archive:/dev/fd/%d", fd);
	argv[n++] = "copy";
	if (print_is_quiet())
		argv[n++] = "--quiet";
	argv[n++] = reference;
	argv[n] = target;
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	(void)fcntl(fd, F_SETFD, 0);
	(void)dup2(STDERR_FILENO, STDOUT_FILENO); /* its progress */
	execvp(argv[0], (char *const *)argv);
	_exit(127);
}

static int fail_skopeo(const char *reference, int status, struct fail *f)
{
	if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
		return fail_set(
			f, ENOENT, reference,
			"Install skopeo, or give what `docker save` or `podman save` wrote.",
			"skopeo, which fetches it, is not installed");
	if (WIFSIGNALED(status))
		return fail_set(f, EIO, reference,
				"Free memory and room in TMPDIR, then try again.",
				"skopeo was killed by signal %d", WTERMSIG(status));
	return fail_set(f, EIO, reference,
			"See its message above. It needs room for the image in TMPDIR.",
			"skopeo could not fetch it into %s (exit status %d)", spool_directory(),
			WEXITSTATUS(status));
}

static int fetch(const char *reference, const struct image_platform *p, int fd, struct fail *f)
{
	pid_t child = fork();
	int status;

	if (child == 0)
		run_skopeo(reference, p, fd);
	if (child < 0)
		return fail_errno(f, errno, "skopeo", "cannot start it");
	while (waitpid(child, &status, 0) < 0)
		if (errno != EINTR)
			return fail_errno(f, errno, "skopeo", "cannot wait for it");
	return WIFEXITED(status) && WEXITSTATUS(status) == 0 ? 0
							     : fail_skopeo(reference, status, f);
}

int image_input_fetch(const char *reference, const struct image_choice *choice, int *ret_fd,
		      struct fail *f)
{
	static const struct image_platform any;
	struct spool spool;
	int r;

	if (choice && choice->tag)
		return fail_set(f, EINVAL, reference,
				"Add the tag to the reference instead, as in docker://NAME:TAG.",
				"--tag is only for archives of several images");
	r = spool_new(&spool, f);
	if (r < 0)
		return r;
	r = fetch(reference, choice ? &choice->platform : &any, spool.fd, f);
	if (r == 0)
		r = keep_file(&spool, reference, ret_fd, f);
	spool_close(&spool);
	return r;
}
