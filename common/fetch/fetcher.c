#include "fetch/fetcher.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define ARGUMENTS_MAX 8 /* beside the URLs */
#define OPTION_MAX (URL_MAX + 32)
#define PATIENCE_MS 1000
#define PIPE_BYTES (256 << 10) /* four times the usual: fewer turns between fetcher and receiver */

struct arguments {
	char options[ARGUMENTS_MAX][OPTION_MAX];
	char *argv[ARGUMENTS_MAX + URLS_MAX + 1];
	size_t n;
};

static void add_option(struct arguments *a, const char *name, const char *value)
{
	char *option = a->options[a->n];

	snprintf(option, OPTION_MAX, "--%s=%s", name, value);
	a->argv[a->n++] = option;
}

static void add_number(struct arguments *a, const char *name, uint64_t value)
{
	char text[24];

	snprintf(text, sizeof(text), "%llu", (unsigned long long)value);
	add_option(a, name, text);
}

static void make_arguments(const struct fetch_source *from, const struct fetch_job *job,
			   struct arguments *a)
{
	a->argv[0] = (char *)(uintptr_t)from->program;
	a->n = 1;
	add_number(a, "offset", job->offset);
	if (job->end != FETCH_SIZE_UNKNOWN)
		add_number(a, "end", job->end);
	if (job->size != FETCH_SIZE_UNKNOWN)
		add_number(a, "size", job->size);
	if (*job->validator)
		add_option(a, "validator", job->validator);
	if (*from->proxy)
		add_option(a, "proxy", from->proxy);
	if (from->chroot)
		add_option(a, "chroot", from->chroot);
	for (size_t i = 0; i < from->n_urls; i++)
		a->argv[a->n++] =
			(char *)(uintptr_t)from->urls[(job->first_url + i) % from->n_urls].text;
	a->argv[a->n] = NULL;
}

/* A copy that is none of the numbers to be given away, which are then free. -1: there is none. */
static int move_up(int fd)
{
	return fcntl(fd, F_DUPFD_CLOEXEC, FETCH_MESSAGES + 1);
}

/* In the child: default signals, and the four descriptors that exec keeps. The console is none of them. */
static void become_fetcher(const char *program, char *const *argv, int bytes, int messages)
{
	int null = move_up(open("/dev/null", O_RDWR | O_CLOEXEC));
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	signal(SIGPIPE, SIG_DFL);
	messages = move_up(messages);
	bytes = move_up(bytes);
	if (dup2(null, STDIN_FILENO) < 0 || dup2(bytes, STDOUT_FILENO) < 0 ||
	    dup2(null, STDERR_FILENO) < 0 || dup2(messages, FETCH_MESSAGES) < 0)
		_exit(126);
	execv(program, argv);
	_exit(127);
}

int fetcher_start(const struct fetch_source *from, const struct fetch_job *job, struct fetcher *ret)
{
	struct arguments a = { .n = 0 };
	int bytes[2], messages[2], r;
	pid_t pid;

	make_arguments(from, job, &a);
	if (pipe2(bytes, O_CLOEXEC) < 0)
		return -errno;
	(void)fcntl(bytes[0], F_SETPIPE_SZ, PIPE_BYTES);
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, messages) < 0) {
		r = -errno;
		close(bytes[0]);
		close(bytes[1]);
		return r;
	}
	pid = fork();
	if (pid == 0)
		become_fetcher(from->program, a.argv, bytes[1], messages[1]);
	r = pid < 0 ? -errno : 0;
	close(bytes[1]);
	close(messages[1]);
	*ret = (struct fetcher){ .pid = pid, .bytes = bytes[0], .messages = messages[0] };
	if (r < 0)
		fetcher_stop(ret);
	return r;
}

int fetcher_message(struct fetcher *f, struct fetch_message *ret)
{
	ssize_t n;

	if (f->messages < 0)
		return -EPIPE;
	do
		n = recv(f->messages, ret, sizeof(*ret), MSG_DONTWAIT | MSG_TRUNC);
	while (n > 0 && n != sizeof(*ret));
	if (n > 0)
		return 0;
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return -EAGAIN;
	close(f->messages);
	f->messages = -1;
	return -EPIPE;
}

/* Its wait status; that of a status of 1 when nobody knows. */
static int end(struct fetcher *f, unsigned patience_ms)
{
	int status = 1 << 8;
	pid_t r = 0;

	cleanup_close(&f->bytes);
	cleanup_close(&f->messages);
	for (unsigned ms = 0; f->pid > 0 && r == 0 && ms < patience_ms; ms += 10) {
		r = waitpid(f->pid, &status, WNOHANG);
		if (r == 0)
			usleep(10000);
	}
	if (f->pid > 0 && r == 0) {
		(void)kill(f->pid, SIGKILL);
		while (waitpid(f->pid, &status, 0) < 0 && errno == EINTR)
			;
	}
	*f = (struct fetcher){ .bytes = -1, .messages = -1 };
	return status;
}

int fetcher_wait(struct fetcher *f)
{
	return end(f, PATIENCE_MS);
}

void fetcher_stop(struct fetcher *f)
{
	(void)end(f, 0);
}
