/* Step lines, failures and login prompt on a serial console. */
#include "command/boot_watch.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/print.h"
#include "base/size.h"
#include "base/util.h"

/* "tarboot: NAME: SECONDS s[, DETAIL]" */
static void read_line(struct boot_watch *w)
{
	const char *text = strstr(w->line, "tarboot: "), *colon;
	double seconds;
	char unit;
	int used = 0;

	if (!text)
		return;
	text += strlen("tarboot: ");
	colon = strstr(text, ": ");
	if (strncmp(text, "start init: ", 12) == 0) {
		snprintf(w->start_init, sizeof(w->start_init), "%s", text + 12);
		*w->failed = '\0';
	}
	if (!colon || (size_t)(colon - text) >= sizeof(w->steps[0].name) ||
	    w->n_steps == WATCH_STEPS_MAX)
		return;
	if (sscanf(colon + 2, "%lf %c%n", &seconds, &unit, &used) != 2 || unit != 's')
		return;
	colon += 2 + used;
	snprintf(w->steps[w->n_steps].name, sizeof(w->steps[0].name), "%.*s",
		 (int)(strstr(text, ": ") - text), text);
	snprintf(w->steps[w->n_steps].detail, sizeof(w->steps[0].detail), "%s",
		 strncmp(colon, ", ", 2) == 0 ? colon + 2 : "");
	w->steps[w->n_steps++].seconds = seconds;
}

/* What a line says behind a label; NULL: it has another one. */
static const char *behind(const char *line, const char *label)
{
	size_t n = strlen(label);

	return strncmp(line, label, n) == 0 ? line + n : NULL;
}

/* The kernel's lines begin with the time, or at once. Others may tell of a panic that was, as a log that is shown does. */
static const char *panic_of(const char *line)
{
	int n = 0;

	(void)sscanf(line, "[%*[ 0-9.]] %n", &n);
	return behind(line + n, "Kernel panic - not syncing: ");
}

static void add_text(char *to, size_t size, const char *text)
{
	size_t used = strlen(to);

	snprintf(to + used, size - used, "%s%s", used ? " " : "", text);
}

/* The block of init/failure/failure.c, whose long texts go on in lines that begin with blanks; and the kernel's panic. */
static void read_failure(struct boot_watch *w)
{
	const char *step = behind(w->line, "tarboot: FAILED: ");
	const char *what = behind(w->line, "  what: "), *why = behind(w->line, "  why:  ");
	const char *more = behind(w->line, "        ");
	const char *panic = panic_of(w->line);

	if (step) {
		snprintf(w->failed, sizeof(w->failed), "%s", step);
		*w->what = *w->why = '\0';
		w->block = BLOCK_OTHER;
	}
	if (panic && !*w->panic)
		snprintf(w->panic, sizeof(w->panic), "%s", panic);
	if (behind(w->line, "  then: "))
		w->block = BLOCK_NONE;
	if (w->block != BLOCK_NONE && !more)
		w->block = what ? BLOCK_WHAT : why ? BLOCK_WHY : BLOCK_OTHER;
	if (w->block == BLOCK_WHAT)
		add_text(w->what, sizeof(w->what), more ? more : what);
	if (w->block == BLOCK_WHY)
		add_text(w->why, sizeof(w->why), more ? more : why);
}

static bool is_login_prompt(const struct boot_watch *w)
{
	static const char prompt[] = " login: ";
	size_t n = sizeof(prompt) - 1;

	return w->used >= n && memcmp(w->line + w->used - n, prompt, n) == 0;
}

void boot_watch_feed(struct boot_watch *w, const char *data, size_t size)
{
	for (; size > 0; data++, size--) {
		if (*data == '\r' || *data == '\0')
			continue;
		if (*data == '\n') {
			w->line[w->used] = '\0';
			read_line(w);
			read_failure(w);
			w->used = 0;
			continue;
		}
		if (w->used < sizeof(w->line) - 1)
			w->line[w->used++] = *data;
		if (!is_login_prompt(w))
			continue;
		*w->failed = *w->panic = '\0';
		if (!w->login)
			w->login = now_usec();
	}
}

bool boot_watch_is_done(const struct boot_watch *w)
{
	return w->login != 0;
}

int boot_watch_check(const struct boot_watch *w, const char *image, struct fail *f)
{
	if (*w->panic)
		return fail_set(f, EIO, image, "Read the kernel's lines above.",
				"the kernel panicked: %s", w->panic);
	if (*w->failed)
		return fail_set(f, EIO, image, "Do what the machine's last lines above say.",
				"the boot failed: %s: %s: %s", w->failed, w->what, w->why);
	return 0;
}

void boot_watch_print(const struct boot_watch *w, uint64_t image_size)
{
	char size[SIZE_TEXT_MAX];

	printf("\n\nimage                       %s\n\nboot step                  seconds\n",
	       size_format(size, image_size));
	for (size_t i = 0; i < w->n_steps; i++)
		print_line(stdout, "  %-25s %6.3f  %s", w->steps[i].name, w->steps[i].seconds,
			   w->steps[i].detail);
	putchar('\n');
	print_line(stdout, "hand-over                   %s", w->start_init);
	printf("power on to login           %.1f s\n", (double)(w->login - w->start) / 1e6);
}
