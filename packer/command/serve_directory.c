/* A lock goes with the process that holds it, however that ends. */
#include "command/serve_directory.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include "base/host_files.h"
#include "base/print.h"
#include "base/processes.h"

#define NAME "tarboot-serve-"
#define LOCK "in-use"
#define TRIES 10
#define PAUSE_USEC 50000
#define ASKED 40  /* times that a server is asked to end, before it is killed */
#define KILLED 60 /* when it is given up */

/* In memory if there is /run: the status page is written each second. */
static const char *const parents[] = { "/run", "/tmp" };

/* ---- what is left ---- */

/* As serve_servers.c starts them; nginx writes its command line anew, with blanks. */
static bool is_server(pid_t pid, const void *path)
{
	char dnsmasq[64], nginx[64];

	snprintf(dnsmasq, sizeof(dnsmasq), "--pid-file=%s/", (const char *)path);
	snprintf(nginx, sizeof(nginx), "-c %s/nginx.conf", (const char *)path);
	return process_has_words(pid, dnsmasq) || process_has_words(pid, nginx);
}

/* Each leads a group, in which nginx has its workers. */
static void end_servers(const char *path)
{
	pid_t pid;

	for (int i = 0; i < KILLED && process_find(is_server, path, &pid); i++) {
		if (i < ASKED)
			kill(pid, SIGTERM);
		else
			kill(getpgid(pid) == pid ? -pid : pid, SIGKILL);
		usleep(PAUSE_USEC);
	}
}

/* Locks a directory that is ours by a file in it; flags: O_CREAT makes that. Returns the descriptor; -EWOULDBLOCK: it is in use; -ENOENT:
 * it has been removed, or is something else. */
static int lock(const char *path, int flags, int how)
{
	_cleanup_close_ int dir = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	_cleanup_close_ int fd = -1;
	struct stat st;

	if (dir < 0 || fstat(dir, &st) < 0)
		return -errno;
	if (st.st_uid != geteuid())
		return -EPERM;
	fd = openat(dir, LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
	if (fd < 0 || flock(fd, how) < 0 || fstat(fd, &st) < 0)
		return -errno;
	return st.st_nlink > 0 ? take_fd(&fd) : -ENOENT;
}

static void sweep_one(const char *path)
{
	_cleanup_close_ int fd = lock(path, 0, LOCK_EX | LOCK_NB);

	if (fd < 0)
		return;
	end_servers(path);
	(void)host_remove_tree(path);
	print_line(stdout, "removed  %s, and servers: a `tarboot serve` that was killed left them",
		   path);
}

void serve_directory_sweep(void)
{
	char pattern[64];
	glob_t found;

	for (size_t i = 0; i < ARRAY_SIZE(parents); i++) {
		snprintf(pattern, sizeof(pattern), "%s/" NAME "??????", parents[i]);
		if (glob(pattern, 0, NULL, &found) != 0)
			continue;
		for (size_t k = 0; k < found.gl_pathc; k++)
			sweep_one(found.gl_pathv[k]);
		globfree(&found);
	}
}

/* ---- the process that waits ---- */

/* It holds nothing that somebody waits for the end of, and signals for `tarboot serve` are not for it. */
static void leave_parent(const struct serve_directory *d)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int fd = 0; fd <= 2; fd++)
		dup2(null, fd);
	close(d->lock);
	setpgid(0, 0);
	prctl(PR_SET_NAME, "serve-guardian");
}

/* After a good end there is no directory any more. */
static void wait_and_remove(const struct serve_directory *d)
{
	int fd;

	leave_parent(d);
	fd = lock(d->path, 0, LOCK_EX);
	if (fd >= 0) {
		end_servers(d->path);
		(void)host_remove_tree(d->path);
	}
	_exit(EXIT_OK);
}

/* ---- one that is in use ---- */

/* Whoever sweeps may be faster than our lock. */
static int make(const char *parent, struct serve_directory *d)
{
	int r = -EBUSY;

	for (int i = 0; i < TRIES && (r == -EBUSY || r == -EWOULDBLOCK || r == -ENOENT); i++) {
		snprintf(d->path, sizeof(d->path), "%s/" NAME "XXXXXX", parent);
		if (!mkdtemp(d->path))
			return -errno;
		r = lock(d->path, O_CREAT, LOCK_EX | LOCK_NB);
	}
	d->lock = r;
	return r < 0 ? r : 0;
}

int serve_directory_open(struct serve_directory *d, struct fail *f)
{
	int r = -ENOENT;

	for (size_t i = 0; r < 0 && i < ARRAY_SIZE(parents); i++)
		r = make(parents[i], d);
	if (r < 0)
		return fail_set(f, -r, d->path, "Make room in /run or /tmp.",
				"cannot create this directory: %s", strerror(-r));
	(void)chmod(d->path, 0711); /* other users read in it: nginx is one */
	d->guardian = fork();
	if (d->guardian == 0)
		wait_and_remove(d);
	if (d->guardian < 0) {
		r = -errno;
		serve_directory_close(d);
		return fail_errno(f, r, "tarboot serve", "cannot start a process");
	}
	return 0;
}

void serve_directory_close(struct serve_directory *d)
{
	(void)host_remove_tree(d->path);
	cleanup_close(&d->lock);
	if (d->guardian > 0)
		(void)waitpid(d->guardian, NULL, 0);
}
