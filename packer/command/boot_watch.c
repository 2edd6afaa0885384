/* Step lines and login prompt on a serial console. */
#include "command/boot_watch.h"

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
	if (strncmp(text, "start init: ", 12) == 0)
		snprintf(w->start_init, sizeof(w->start_init), "%s", text + 12);
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
			w->used = 0;
			continue;
		}
		if (w->used < sizeof(w->line) - 1)
			w->line[w->used++] = *data;
		if (!w->login && is_login_prompt(w))
			w->login = now_usec();
	}
}

bool boot_watch_is_done(const struct boot_watch *w)
{
	return w->login != 0;
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
