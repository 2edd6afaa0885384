/* A lock goes with the process that holds it, however that ends. `tarboot serve` holds one on a file in its directory, which nobody else
 * gets for himself alone; who finds that it is gone, the process that waits or the next `tarboot serve`, locks the directory itself before
 * he ends the servers, so that the other waits for that. */
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
#include <time.h>

#include "base/host_files.h"
#include "base/print.h"
#include "base/processes.h"
#include "base/read_all.h"

#define NAME "tarboot-serve-"
#define LOCK "in-use"
#define SERVERS "servers" /* a line for each: its number, and when it started */
#define TRIES 10
#define PAUSE_USEC 50000
#define ASKED 40         /* times that a server is asked to end, before it is killed */
#define KILLED 60        /* when it is given up */
#define EMPTY_SECONDS 60 /* then nobody is about to use it */
#define ENDED 100        /* times that another is waited for that ends them */

/* In memory if there is /run: the status page is written each second. */
static const char *const parents[] = { "/run", "/tmp" };

/* ---- servers ---- */

int serve_directory_note(const char *path)
{
	_cleanup_close_ int fd = -1;
	char file[SERVE_DIRECTORY_MAX + sizeof(SERVERS)], line[64];
	int length = snprintf(line, sizeof(line), "%d %llu\n", (int)getpid(),
			      process_start(getpid()));
	ssize_t n;

	snprintf(file, sizeof(file), "%s/" SERVERS, path);
	fd = open(file, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
	n = fd < 0 ? -1 : write(fd, line, (size_t)length);
	return n < 0 ? -errno : n == length ? 0 : -ENOSPC;
}

/* One of those noted that runs still, and is no other process that has its number now. */
static bool find_server(const char *noted, pid_t *ret)
{
	unsigned long long start;
	int pid, length;

	for (; sscanf(noted, "%d %llu %n", &pid, &start, &length) == 2; noted += length) {
		*ret = pid;
		if (pid > 1 && start > 0 && process_start(pid) == start)
			return true;
	}
	return false;
}

/* Each leads a group, in which nginx has its workers. */
static bool end_servers(const char *noted)
{
	pid_t pid;
	int i;

	for (i = 0; i < KILLED && find_server(noted, &pid); i++) {
		if (i < ASKED)
			kill(pid, SIGTERM);
		else
			kill(getpgid(pid) == pid ? -pid : pid, SIGKILL);
		usleep(PAUSE_USEC);
	}
	return i > 0;
}

/* ---- what is left ---- */

static int open_own(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	struct stat st;

	if (fd < 0 || fstat(fd, &st) < 0)
		return -errno;
	return st.st_uid == geteuid() ? take_fd(&fd) : -EPERM;
}

/* Locks a directory that is ours by a file in it; flags: O_CREAT makes that. how: LOCK_EX, to use it; LOCK_SH, since nobody does so any
 * more. Returns the descriptor; -EWOULDBLOCK: it is in use; -ENOENT: it has been removed, or is something else. */
static int lock(const char *path, int flags, int how)
{
	_cleanup_close_ int dir = open_own(path), fd = -1;
	struct stat st;

	if (dir < 0)
		return dir;
	fd = openat(dir, LOCK, O_RDWR | O_NOFOLLOW | O_CLOEXEC | flags, 0600);
	if (fd < 0 || flock(fd, how) < 0 || fstat(fd, &st) < 0)
		return -errno;
	return st.st_nlink > 0 ? take_fd(&fd) : -ENOENT;
}

/* Waits while another ends its servers. */
static int lock_to_end(const char *path)
{
	_cleanup_close_ int fd = open_own(path);

	if (fd < 0)
		return fd;
	for (int i = 0; flock(fd, LOCK_EX | LOCK_NB) < 0; i++) {
		if (errno != EWOULDBLOCK || i == ENDED)
			return -errno;
		usleep(PAUSE_USEC);
	}
	return take_fd(&fd);
}

/* Of one that is in use no more. Says so if servers have been started from it: another that is about to start has none yet. */
static void end(const char *path, bool says_so)
{
	_cleanup_close_ int fd = lock_to_end(path);
	_cleanup_free_ char *noted = NULL;
	char file[SERVE_DIRECTORY_MAX + sizeof(SERVERS)];
	bool has_noted, had_servers;
	size_t size;
	int r;

	if (fd < 0)
		return;
	snprintf(file, sizeof(file), "%s/" SERVERS, path);
	has_noted = read_file(file, &noted, &size) == 0;
	had_servers = has_noted && end_servers(noted);
	r = host_remove_tree(path);
	if (r < 0 && says_so)
		print_warning("cannot remove %s, which a `tarboot serve` that was killed left: %s",
			      path, strerror(-r));
	else if (has_noted && says_so)
		print_line(stdout, "removed  %s%s: a `tarboot serve` that was killed left %s", path,
			   had_servers ? ", and servers" : "", had_servers ? "them" : "it");
}

/* One that was killed before it had the lock. Of others we know nothing. */
static void remove_empty(const char *path)
{
	_cleanup_close_ int fd = open_own(path);
	struct stat st;

	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_mtime + EMPTY_SECONDS < time(NULL))
		(void)rmdir(path);
}

static void sweep_one(const char *path)
{
	_cleanup_close_ int fd = lock(path, 0, LOCK_SH | LOCK_NB);

	if (fd >= 0)
		end(path, true);
	else if (fd == -ENOENT)
		remove_empty(path);
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
	leave_parent(d);
	if (lock(d->path, 0, LOCK_SH) >= 0)
		end(d->path, false);
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
		if (r < 0)
			(void)host_remove_tree(d->path);
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
