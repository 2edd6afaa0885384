/* Files whose size nobody tells, as those of /proc, and that come in pieces. */
#include "base/read_all.h"

#include <errno.h>
#include <sys/wait.h>

#include "scratch.h"
#include "tap.h"

/* Reads a pipe into which a child writes so many bytes, some at a time. */
static void check_pipe(size_t size, size_t piece)
{
	char *text = malloc(size + 1), *got = NULL;
	size_t n = 0;
	int ends[2];

	for (size_t i = 0; i < size; i++)
		text[i] = (char)('a' + i % 23);
	if (pipe(ends) < 0)
		exit(1);
	if (fork() == 0) {
		for (size_t at = 0, w; at < size; at += w) {
			w = size - at < piece ? size - at : piece;
			if (write(ends[1], text + at, w) != (ssize_t)w)
				_exit(1);
		}
		_exit(0);
	}
	close(ends[1]);
	is_int(read_all(ends[0], &got, &n), 0, "%zu bytes are read", size);
	is_int((long long)n, (long long)size, "all of them");
	ok(got && memcmp(got, text, size) == 0 && got[size] == '\0',
	   "as they were written, and a NUL");
	close(ends[0]);
	wait(NULL);
	free(text);
	free(got);
}

int main(void)
{
	char *text;
	size_t size;

	check_pipe(0, 1);
	check_pipe(1, 1);
	check_pipe(8191, 8191);
	check_pipe(8193, 4096); /* longer than /proc/cmdline was once thought to be */
	check_pipe(100000, 7001);
	is_int(read_file("/proc/cmdline", &text, &size), 0, "a file of /proc");
	ok(size > 0 && strlen(text) == size, "is whole");
	free(text);
	is_int(read_file("/nowhere/x", &text, &size), -ENOENT, "a file that is not there");
	is_int(read_file("/", &text, &size), -EISDIR, "a directory");
	return done_testing();
}
