/* JSON, logs and pictures for the page. */
#include "status/status_files.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/json.h"
#include "base/util.h"
#include "timeline/timeline.h"

#define PICTURE_MAX (1U << 19)
#define PICTURES_MAX (64U << 20) /* bytes of all: it may be memory that they are in */
#define LOGS_AT_ONCE 256

/* The files in page/, as they are. A NUL behind each. */
#define PAGE_FILE(symbol, name)                                                         \
	__asm__(".pushsection .rodata\n" #symbol ": .incbin \"packer/status/page/" name \
		"\"\n.byte 0\n.popsection");                                            \
	extern const char symbol[]

PAGE_FILE(status_page_html, "index.html");
PAGE_FILE(status_page_css, "page.css");
PAGE_FILE(status_page_js, "page.js");

static const struct {
	const char *name, *text;
} page[] = { { "index.html", status_page_html },
	     { "page.css", status_page_css },
	     { "page.js", status_page_js } };

/* ---- files ---- */

struct file {
	FILE *out;
	char path[PATH_MAX + 64], aside[PATH_MAX + 72];
};

static bool file_open(struct file *t, const struct status_files *s, const char *name)
{
	snprintf(t->path, sizeof(t->path), "%s/%s", s->directory, name);
	snprintf(t->aside, sizeof(t->aside), "%s.new", t->path);
	t->out = fopen(t->aside, "we");
	return t->out;
}

/* Nobody needs these files after a power failure: they are not synced. */
static int file_close(struct file *t, bool is_good)
{
	bool failed = ferror(t->out);

	failed = fclose(t->out) != 0 || failed || !is_good;
	if (!failed && rename(t->aside, t->path) == 0)
		return 0;
	(void)unlink(t->aside);
	return -EIO;
}

static size_t index_of(const struct status_files *s, const struct machine *k)
{
	return (size_t)(k - s->machines->machines);
}

int status_files_open(struct status_files *s, const char *directory,
		      const struct machines *machines, struct fail *f)
{
	char path[PATH_MAX + 16];
	struct file t;
	int r = 0;

	*s = (struct status_files){ .machines = machines };
	snprintf(s->directory, sizeof(s->directory), "%s", directory);
	for (const char *const *name = (const char *const[]){ "", "/log", "/timeline", NULL };
	     *name; name++) {
		snprintf(path, sizeof(path), "%s%s", s->directory, *name);
		if (mkdir(path, 0755) < 0)
			return fail_errno(f, errno, path, "cannot create this directory");
	}
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(page); i++) {
		if (!file_open(&t, s, page[i].name))
			return fail_errno(f, errno, t.aside, "cannot write it");
		fputs(page[i].text, t.out);
		r = file_close(&t, true);
		if (r < 0)
			return fail_errno(f, -r, t.path, "cannot write it");
	}
	return 0;
}

/* ---- status.json ---- */

static void write_text(FILE *out, const char *key, const char *text)
{
	fprintf(out, ",\"%s\":", key);
	json_text(out, text);
}

static void write_machine(FILE *out, const struct status_files *s, const struct machine *k)
{
	fprintf(out,
		"{\"id\":%zu,\"percent\":%u,\"rate\":%.0f,\"start\":%llu,\"since\":%llu,"
		"\"heard\":%llu,\"timeline\":%u,\"confirmed\":%s",
		index_of(s, k), k->percent, k->rate, (unsigned long long)k->start,
		(unsigned long long)k->since, (unsigned long long)k->heard, k->timelines,
		k->source > SERVE_BY_ITSELF ? "true" : "false");
	write_text(out, "mac", k->mac);
	write_text(out, "address", k->address);
	write_text(out, "name", k->name);
	write_text(out, "image", k->image);
	write_text(out, "stage", machine_stage_name(k->stage));
	if (k->stage == STAGE_FAILED) {
		write_text(out, "before", machine_stage_name(k->before));
		write_text(out, "failure", k->failure);
	}
	fputc('}', out);
}

static void write_status(const struct status_files *s, const char *url, uint64_t now)
{
	const struct machines *m = s->machines;
	struct file t;

	if (!file_open(&t, s, "status.json"))
		return;
	fprintf(t.out,
		"{\"version\":\"" TARBOOT_VERSION "\",\"time\":%llu,\"forgotten\":%llu,"
		"\"ignored\":%llu",
		(unsigned long long)now, (unsigned long long)m->forgotten,
		(unsigned long long)m->ignored);
	write_text(t.out, "url", url);
	fputs(",\"machines\":[", t.out);
	for (size_t i = 0; i < m->n; i++) {
		fputs(i ? ",\n" : "\n", t.out);
		write_machine(t.out, s, &m->machines[i]);
	}
	fputs("\n]}\n", t.out);
	(void)file_close(&t, true);
}

/* ---- logs ---- */

/* Of a machine that is gone, nothing is left in the place of another one. */
static struct status_place *place_of(struct status_files *s, const struct machine *k)
{
	struct status_place *place = &s->places[index_of(s, k)];
	char path[PATH_MAX + 40];

	if (place->serial == k->serial)
		return place;
	if (place->picture > 0) {
		snprintf(path, sizeof(path), "%s/timeline/%zu.svg", s->directory, index_of(s, k));
		(void)unlink(path);
		s->pictures -= place->picture;
	}
	*place = (struct status_place){ .serial = k->serial, .lines = UINT64_MAX };
	return place;
}

static void write_log(const struct status_files *s, const struct machine *k)
{
	uint64_t first = k->n_lines > MACHINE_LINES_MAX ? k->n_lines - MACHINE_LINES_MAX : 0;
	char name[64], clock[32];
	struct file t;

	snprintf(name, sizeof(name), "log/%zu.txt", index_of(s, k));
	if (!file_open(&t, s, name))
		return;
	fprintf(t.out, "%s\n", k->mac); /* the page looks whose it is: places are used again */
	if (first > 0)
		fprintf(t.out, "(%llu lines before these are forgotten)\n",
			(unsigned long long)first);
	for (uint64_t i = first; i < k->n_lines; i++) {
		const struct machine_line *line = &k->lines[i % MACHINE_LINES_MAX];
		time_t seconds = (time_t)(line->time / 1000);
		struct tm tm;

		strftime(clock, sizeof(clock), "%H:%M:%S", localtime_r(&seconds, &tm));
		fprintf(t.out, "%s.%03u  %s\n", clock, (unsigned)(line->time % 1000), line->text);
	}
	(void)file_close(&t, true);
}

void status_files_write(struct status_files *s, const char *url, uint64_t now)
{
	const struct machines *m = s->machines;
	size_t written = 0;

	for (size_t i = 0; i < m->n && written < LOGS_AT_ONCE; i++) {
		const struct machine *k = &m->machines[s->next++ % m->n];
		struct status_place *place = place_of(s, k);

		if (place->lines == k->n_lines)
			continue;
		place->lines = k->n_lines;
		write_log(s, k);
		written++;
	}
	write_status(s, url, now);
}

/* ---- pictures ---- */

static int draw(const char *report, const char *name, char **ret, size_t *ret_size)
{
	struct timeline boot;
	int r = timeline_read(report, name, &boot);
	FILE *out = r == 0 ? open_memstream(ret, ret_size) : NULL;

	if (out) {
		r = timeline_draw(&boot, 1, out);
		if (fclose(out) != 0)
			r = -ENOMEM;
	}
	timeline_free(&boot);
	return out ? r : -EINVAL;
}

bool status_files_draw(struct status_files *s, const struct machine *k, const char *report)
{
	struct status_place *place = place_of(s, k);
	_cleanup_free_ char *picture = NULL;
	char name[64];
	struct file t;
	size_t size;

	snprintf(name, sizeof(name), "timeline/%zu.svg", index_of(s, k));
	if (draw(report, k->mac, &picture, &size) < 0 || size > PICTURE_MAX ||
	    s->pictures - place->picture + size > PICTURES_MAX || !file_open(&t, s, name))
		return false;
	fwrite(picture, size, 1, t.out);
	if (file_close(&t, true) < 0)
		return false;
	s->pictures += size - place->picture;
	place->picture = size;
	return true;
}

/* ---- nginx ---- */

/* A page of another site that got a name for this address (DNS rebinding) shall read nothing: on the loopback only the names that
 * this machine has for itself are answered. */
void status_files_configure(const char *directory, const char *at, FILE *out)
{
	bool is_loopback = strncmp(at, "127.", 4) == 0 || strncmp(at, "[::1]", 5) == 0;

	if (is_loopback)
		fprintf(out, "server { listen %s default_server; return 403; access_log off; }\n",
			at);
	fprintf(out, "server {\n\tlisten %s;\n\troot %s;\n", at, directory);
	if (is_loopback)
		fprintf(out, "\tserver_name localhost %.*s;\n",
			(int)(strrchr(at, ':') ? strrchr(at, ':') - at : 0), at);
	fputs("\taccess_log off;\n\tcharset utf-8;\n\tlocation = /favicon.ico { return 204; }\n"
	      "\ttypes { text/html html; text/css css; text/javascript js; application/json json; "
	      "image/svg+xml svg; text/plain txt; }\n"
	      "\tadd_header Content-Security-Policy \"default-src 'none'; script-src 'self'; "
	      "style-src 'self'; img-src 'self'; connect-src 'self'; base-uri 'none'; "
	      "form-action 'none'; frame-ancestors 'none'\" always;\n"
	      "\tadd_header X-Content-Type-Options nosniff always;\n"
	      "\tadd_header Referrer-Policy no-referrer always;\n"
	      "\tadd_header Cache-Control no-store always;\n}\n",
	      out);
}
