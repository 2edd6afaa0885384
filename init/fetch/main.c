/*
 * The fetcher: a program of its own, which talks with HTTP servers and with nobody else, so that no stranger's bytes are parsed
 * in PID 1. What it is asked and what it tells is in fetch_message.h. It includes of the rest of tarboot only common/base and
 * common/fetch.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/confine.h"
#include "fetch/mirrors.h"
#include "fetch/options.h"

#define EXIT_USAGE 2
#define PIPE_BYTES (1 << 20) /* fewer changes between reader and writer; what anybody may have */

static int end(int status, const char *what, const char *why)
{
	fprintf(stderr, "fetch: %s: %s\n", what, why);
	return status;
}

/* Standard error is nobody's, as a rule. */
static int fail(const char *step, int error)
{
	struct fetch_message m = {
		.kind = FETCH_FAILED,
		.reason = FETCH_OTHER,
		.size = FETCH_SIZE_UNKNOWN,
	};

	snprintf(m.text, sizeof(m.text), "the fetcher: %s: %s", step, strerror(error));
	(void)send(FETCH_MESSAGES, &m, sizeof(m), MSG_DONTWAIT | MSG_NOSIGNAL);
	return end(EXIT_FAILURE, step, strerror(error));
}

int main(int argc, char **argv)
{
	static struct options o;
	struct fail f;
	const char *step;
	int r;

	(void)argc;
	if (options_parse(argv, &o, &f) < 0)
		return end(EXIT_USAGE, f.what, f.why);
	if (fcntl(FETCH_MESSAGES, F_GETFD) < 0)
		return end(EXIT_USAGE, "descriptor 3", "nobody gave one for messages");
	(void)fcntl(STDOUT_FILENO, F_SETPIPE_SZ, PIPE_BYTES);
	step = confine(o.chroot, FETCH_MESSAGES);
	if (step)
		return fail(step, errno);
	r = mirrors_fetch(&o.download);
	if (r == -ENOMEM)
		return fail("memory", ENOMEM);
	return r < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
