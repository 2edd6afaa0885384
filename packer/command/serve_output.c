/* A buffer before a descriptor that does not block. */
#include "command/serve_output.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "base/escape.h"
#include "base/print.h"
#include "status/status_table.h"

#define WAITING_MAX (64 << 10) /* bytes of lines */
#define LAST_MS 500            /* for those who read slowly, at the end */

/* Others have the same open file, a shell for one, and expect it to block: so it is opened anew. Where that cannot be done (a file, which
 * does not block, or a socket, see write_some()) it is shared. */
static int open_anew(int fd)
{
	char path[64];
	struct stat st;
	int anew = -1;

	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (fstat(fd, &st) == 0 && (S_ISCHR(st.st_mode) || S_ISFIFO(st.st_mode)))
		anew = open(path, O_WRONLY | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	return anew >= 0 ? anew : fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static struct winsize terminal_size(const struct serve_output *o)
{
	struct winsize size = { 0 };

	if (ioctl(o->fd, TIOCGWINSZ, &size) < 0 || size.ws_col == 0 || size.ws_row == 0)
		size = (struct winsize){ .ws_col = 80, .ws_row = 24 };
	return size;
}

static bool can_draw(int fd)
{
	const char *term = getenv("TERM");

	return isatty(fd) && term && strcmp(term, "dumb") != 0;
}

void serve_output_open(struct serve_output *o, int fd, const char *title)
{
	*o = (struct serve_output){ .fd = open_anew(fd), .is_table = can_draw(fd) };
	snprintf(o->title, sizeof(o->title), "%s", title);
	if (o->is_table) /* what is on the screen scrolls away, and is not lost */
		for (unsigned i = terminal_size(o).ws_row; i > 0; i--)
			buffer_add_text(&o->waiting, "\n");
	(void)serve_output_flush(o);
}

void serve_output_add_title(struct serve_output *o, const char *text)
{
	size_t used = strlen(o->title);

	snprintf(o->title + used, sizeof(o->title) - used, "%s", text);
}

/* ---- writing ---- */

static ssize_t write_some(int fd, const char *data, size_t size)
{
	ssize_t n = send(fd, data, size, MSG_DONTWAIT);

	return n < 0 && errno == ENOTSOCK ? write(fd, data, size) : n;
}

bool serve_output_flush(struct serve_output *o)
{
	struct buffer *w = &o->waiting;
	ssize_t n;

	while (w->used > 0 && (n = write_some(o->fd, w->data, w->used)) > 0) {
		w->used -= (size_t)n;
		memmove(w->data, w->data + n, w->used);
	}
	if (w->used > 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	buffer_clear(w); /* an error: nobody gets it */
	return true;
}

/* ---- lines ---- */

static void add_line(struct serve_output *o, const char *line)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (out) {
		print_line(out, "%s", line);
		if (fclose(out) == 0)
			buffer_add(&o->waiting, text, size);
	}
	free(text);
}

static void print_now(struct serve_output *o, const char *line)
{
	char gap[64];

	if (!serve_output_flush(o) && o->waiting.used > WAITING_MAX) {
		o->n_lost++;
		return;
	}
	if (o->n_lost > 0) {
		snprintf(gap, sizeof(gap), "(%llu lines could not be printed)",
			 (unsigned long long)o->n_lost);
		o->n_lost = 0;
		add_line(o, gap);
	}
	add_line(o, line);
	(void)serve_output_flush(o);
}

void serve_output_line(struct serve_output *o, const char *text)
{
	char clock[16], line[SERVE_LINE_MAX + 32];
	time_t now = time(NULL);
	struct tm tm;

	strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&now, &tm));
	snprintf(line, sizeof(line), "%s  %s", clock, text);
	if (o->is_table)
		escape_text(line, o->last[o->n_last++ % LINES_SHOWN], SERVE_LINE_MAX);
	else
		print_now(o, line);
}

/* ---- the table ---- */

void serve_output_draw(struct serve_output *o, const struct machines *m, uint64_t now)
{
	size_t n = o->n_last < LINES_SHOWN ? o->n_last : LINES_SHOWN, length = 0;
	struct winsize size = terminal_size(o);
	const char *lines[LINES_SHOWN];
	struct status_screen screen = { size.ws_col, size.ws_row, o->title, lines, n };
	_cleanup_free_ char *text = NULL;
	FILE *out;

	if (!o->is_table || !serve_output_flush(o))
		return;
	for (size_t i = 0; i < n; i++)
		lines[i] = o->last[(o->n_last - n + i) % LINES_SHOWN];
	out = open_memstream(&text, &length);
	if (!out)
		return;
	status_table_draw(m, &screen, now, out);
	if (fclose(out) == 0)
		buffer_add(&o->waiting, text, length);
	(void)serve_output_flush(o);
}

void serve_output_close(struct serve_output *o, const struct machines *m, uint64_t now)
{
	struct pollfd p = { .fd = o->fd, .events = POLLOUT };

	serve_output_draw(o, m, now);
	for (int i = 0; i < 10 && !serve_output_flush(o); i++)
		(void)poll(&p, 1, LAST_MS / 10);
	buffer_free(&o->waiting);
	cleanup_close(&o->fd);
}
