/* What an event means for the stage of a machine. */
#include "status/machines.h"

#include <stdio.h>
#include <string.h>

#include "base/escape.h"
#include "base/util.h"
#include "status/machine_places.h"

/* Milliseconds by which the lines of one server may be read later than those of another. */
#define LATE_MS 2000
/* Who asks for an address after so much silence boots anew, though its boot before got no further. */
#define SILENCE_MS 60000
/* After so much silence another sender may be a machine whose address nobody knows. */
#define CLAIM_MS 60000

/* Who asks for an address. */
#define CLASS_FIRMWARE 1
#define CLASS_LOADER 2
#define CLASS_INIT 4 /* busybox, of init or of a small system */

const char *machine_stage_name(enum machine_stage stage)
{
	static const char *const names[] = { "DHCP",   "firmware",    "menu", "kernel", "fetch",
					     "unpack", "handed over", "up",   "FAILED" };

	return names[stage];
}

int machine_compare(const void *a, const void *b)
{
	const struct machine *x = *(const struct machine *const *)a,
			     *y = *(const struct machine *const *)b;
	bool x_failed = x->stage == STAGE_FAILED, y_failed = y->stage == STAGE_FAILED;

	if (x_failed != y_failed)
		return x_failed ? -1 : 1;
	if (x->stage != y->stage)
		return x->stage < y->stage ? -1 : 1;
	return strcmp(x->mac, y->mac);
}

/* ---- stages ---- */

static void add_line(struct machine *k, const char *text, uint64_t now)
{
	struct machine_line *line = &k->lines[k->n_lines++ % MACHINE_LINES_MAX];

	line->time = now;
	escape_text(text, line->text, sizeof(line->text));
}

static void begin(struct machine *k, uint64_t now)
{
	k->stage = STAGE_DHCP;
	k->start = k->since = now;
	k->percent = 0;
	k->rate = 0;
	k->is_loaded = k->has_said = false;
	k->timelines = 0;
	k->missed = 0;
	k->has_booted = true;
	*k->failure = '\0';
}

static void enter(struct machine *k, enum machine_stage stage, uint64_t now)
{
	if (stage == k->stage)
		return;
	k->stage = stage;
	k->since = now;
	k->percent = 0;
	k->has_said = false;
	*k->failure = '\0';
}

/* What comes late, or twice, takes nothing back; a machine that failed goes on when it does again what it did. */
static void advance(struct machine *k, enum machine_stage stage, uint64_t now)
{
	if (k->stage == STAGE_FAILED ? stage >= k->before : stage > k->stage)
		enter(k, stage, now);
}

static void fail(struct machine *k, const char *sentence, uint64_t now)
{
	if (k->stage != STAGE_FAILED) {
		k->before = k->stage;
		enter(k, STAGE_FAILED, now);
	}
	escape_text(sentence, k->failure, sizeof(k->failure));
}

/* What happens before the kernel, of a machine that was further: it boots anew, unless the line is only late. */
static void begin_again(struct machine *k, enum machine_stage last, uint64_t now)
{
	if (k->stage > last && now - k->since >= LATE_MS)
		begin(k, now);
}

static void advance_early(struct machine *k, enum machine_stage stage, uint64_t now)
{
	begin_again(k, STAGE_MENU, now);
	advance(k, stage, now);
}

static void take_address(struct machine *k, const char *address, enum serve_source source)
{
	if (!*address || source < k->source || strlen(address) >= IPV4_TEXT_MAX)
		return;
	strcpy(k->address, address);
	k->source = source;
}

/* ---- DHCP and TFTP ---- */

static void note_class(struct machines *m, const struct serve_event *e)
{
	static const struct {
		const char *start;
		unsigned flag;
	} known[] = { { "PXEClient", CLASS_FIRMWARE },
		      { "HTTPClient", CLASS_FIRMWARE },
		      { "iPXE", CLASS_LOADER },
		      { "udhcp", CLASS_INIT } };
	struct dhcp_class *last = &m->classes[(m->n_classes - 1) % DHCP_CLASSES_MAX];

	if (m->n_classes == 0 || last->request != e->request) {
		last = &m->classes[m->n_classes++ % DHCP_CLASSES_MAX];
		*last = (struct dhcp_class){ .request = e->request };
	}
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strncmp(e->text, known[i].start, strlen(known[i].start)) == 0)
			last->flags |= known[i].flag;
}

static unsigned class_of(const struct machines *m, uint32_t request)
{
	size_t n = m->n_classes < DHCP_CLASSES_MAX ? m->n_classes : DHCP_CLASSES_MAX;

	for (size_t i = 0; i < n; i++)
		if (m->classes[i].request == request)
			return m->classes[i].flags;
	return 0;
}

/* A machine that asks without being firmware or boot loader runs a system; is it the one that it got from here? One that failed may have
 * been started from its disk. */
static struct machine *note_other_dhcp(struct machines *m, const struct serve_event *e,
				       unsigned class, const char *mac, uint64_t now)
{
	struct machine *k = machine_places_find(m, mac);

	if (k && e->kind == SERVE_DHCP_GIVEN && k->stage != STAGE_FAILED &&
	    (k->stage == STAGE_HANDED_OVER || (k->is_loaded && !(class & CLASS_INIT))))
		advance(k, STAGE_UP, now);
	return k;
}

/* Firmware, of any DHCP server. */
static void ask_for_address(struct machine *k, uint64_t now)
{
	if (k->stage == STAGE_DHCP && now - k->heard >= SILENCE_MS)
		begin(k, now);
	else
		begin_again(k, STAGE_DHCP, now);
}

/* An address that it gets is given out once; to ask for one with some MAC is nothing. */
static struct machine *note_dhcp(struct machines *m, const struct serve_event *e, const char *mac,
				 const char *what, uint64_t now)
{
	unsigned class = class_of(m, e->request) | (e->kind == SERVE_PXE ? CLASS_FIRMWARE : 0);
	struct machine *k;

	if (!(class & (CLASS_FIRMWARE | CLASS_LOADER)))
		return note_other_dhcp(m, e, class, mac, now);
	k = e->kind == SERVE_DHCP_GIVEN ? machine_places_vouch(m, mac, now)
					: machine_places_add(m, mac, 0, now);
	if (!k)
		return NULL;
	if (!(class & CLASS_LOADER) && e->kind != SERVE_DHCP_GIVEN)
		ask_for_address(k, now);
	advance_early(k, class & CLASS_LOADER ? STAGE_FIRMWARE : STAGE_DHCP, now);
	if (e->kind == SERVE_DHCP_REFUSED)
		fail(k, what, now);
	return k;
}

/* ---- HTTP ---- */

/* "/images/NAME/VERSION/FILE" */
static void note_image(struct machine *k, const char *path)
{
	char name[MACHINE_TEXT_MAX];

	if (sscanf(path, "/images/%63[^/]/", name) == 1)
		escape_text(name, k->image, sizeof(k->image));
}

static bool is_root(const char *path)
{
	const char *name = strrchr(path, '/');

	return name && strncmp(name, "/root.tar", 9) == 0 && !ends_with(path, ".manifest") &&
	       !ends_with(path, ".minisig");
}

/* Of the last part the rest was loaded before, perhaps from another server. */
static bool is_end_of_file(const struct serve_event *e)
{
	return e->size > 0 && e->sent >= e->size && e->offset + e->sent >= e->total;
}

static void note_root(struct machine *k, const struct serve_event *e, uint64_t now)
{
	uint64_t arrived = e->offset + e->sent;

	k->is_loaded = is_end_of_file(e);
	advance(k, k->is_loaded ? STAGE_UNPACK : STAGE_FETCH, now);
	if (k->stage == STAGE_FETCH && arrived <= e->total && e->total > 0)
		k->percent = (unsigned)((double)arrived * 100 / (double)e->total);
}

static const struct {
	const char *start, *ending; /* of the path */
	enum machine_stage stage;
	bool is_first; /* others of its stage follow */
	bool has_root; /* all of it */
} files[] = {
	{ "", ".efi", STAGE_FIRMWARE, false, false },
	{ "", "pxe", STAGE_FIRMWARE, false, false },
	{ "", ".ipxe", STAGE_MENU, true, false },
	{ "/memtest.", "", STAGE_MENU, false, false },
	{ "", "/vmlinuz", STAGE_KERNEL, true, false },
	{ "", "/linux", STAGE_KERNEL, true, false },
	{ "", "/initrd.gz", STAGE_KERNEL, false, false },
	{ "", "/boot.img", STAGE_KERNEL, false, false },
	/* layers, for the boot loader and for init */
	{ "/images/", ".img", STAGE_KERNEL, false, false },
	{ "/layers/machine-", ".img", STAGE_KERNEL, false, false },
	{ "/images/", ".tar", STAGE_FETCH, false, false },
	{ "/images/", ".tar.xz", STAGE_FETCH, false, false },
	{ "/images/", ".tar.zst", STAGE_FETCH, false, false },
	{ "/layers/machine-", ".tar", STAGE_FETCH, false, false },
	{ "/layers/machine-", ".tar.xz", STAGE_FETCH, false, false },
	{ "/layers/machine-", ".tar.zst", STAGE_FETCH, false, false },
	/* files with the root: layers, too, are named /images/….img, and the last row that fits counts */
	{ "", "/initrd.img", STAGE_KERNEL, false, true },
	{ "", "/root.img", STAGE_KERNEL, false, true },
};

static bool starts_with(const char *text, const char *start)
{
	return strncmp(text, start, strlen(start)) == 0;
}

/* The last one that fits counts; -1: it is no file of a boot. */
static int find_file(const char *path)
{
	int found = -1;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++)
		if (starts_with(path, files[i].start) && ends_with(path, files[i].ending))
			found = (int)i;
	return found;
}

/* A unified kernel image, by HTTP or TFTP. Firmware asks for its size before it loads it. */
static bool is_uki(const char *path)
{
	return starts_with(path + (*path == '/'), "uki-") && ends_with(path, ".efi");
}

/* That it has arrived does not tell that it runs: only then Secure Boot checks it, and what the firmware starts instead asks for an
 * address, too. */
static void note_uki(struct machine *k, bool is_whole, uint64_t now)
{
	advance_early(k, STAGE_FIRMWARE, now);
	if (is_whole)
		advance(k, STAGE_KERNEL, now);
}

/* After a failure the boot loader loads the menu again, and what follows, as far as it came. When it came to init, a menu is that of
 * a new boot. */
static bool is_retry(const struct machine *k, int file)
{
	return k->stage == STAGE_FAILED && !k->has_said && k->before <= STAGE_KERNEL &&
	       files[file].stage >= STAGE_MENU;
}

static void note_file(struct machine *k, const struct serve_event *e, int file, uint64_t now)
{
	enum machine_stage stage = files[file].stage;

	if (is_uki(e->path)) {
		note_uki(k, is_end_of_file(e), now);
		return;
	}
	if (is_retry(k, file) && files[file].is_first && stage <= k->before)
		return;
	if (stage > STAGE_MENU || is_retry(k, file))
		advance(k, stage, now);
	else
		advance_early(k, stage, now);
	if (files[file].has_root && is_end_of_file(e))
		k->is_loaded = true;
}

/* The boot loader tries again and again, and each time first loads the files that are there. If it then lacks one in the same stage as the
 * last time, the failure is as old as the first of them. */
static void note_missing(struct machine *k, const char *what, uint64_t now)
{
	bool is_again = k->missed && k->before == k->stage;

	fail(k, what, now);
	if (is_again)
		k->since = k->missed;
	k->missed = k->since;
}

/* nginx logs a request at its end, so the line of what init fetched may come after init has said that it failed. When init tries again, it
 * says so. */
static bool is_late_transfer(const struct machine *k, int file)
{
	bool is_of_init = file < 0 || files[file].stage == STAGE_FETCH; /* -1: a root */

	return is_of_init && k->stage == STAGE_FAILED && k->has_said;
}

static bool is_done(const struct machine *k)
{
	return k->stage == STAGE_HANDED_OVER || k->stage == STAGE_UP;
}

/* nginx tells of a request at its end: of a machine that was switched off in the middle, that is when it boots again. */
static bool is_of_last_boot(const struct machine *k, const struct serve_event *e, uint64_t now)
{
	return k->has_booted && e->seconds * 1000 > (double)(now - k->start) + LATE_MS;
}

static struct machine *note_http(struct machines *m, const struct serve_event *e, const char *mac,
				 const char *what, uint64_t now)
{
	int file = find_file(e->path);
	struct machine *k;

	if (file < 0 && !is_root(e->path))
		return machine_places_find(m, mac);
	k = machine_places_vouch(m, mac, now);
	if (is_of_last_boot(k, e, now))
		return k;
	note_image(k, e->path);
	if (e->status >= 400) {
		if (!serve_event_is_optional(e) && !k->has_said && !is_done(k))
			note_missing(k, what, now);
		return k;
	}
	if (is_late_transfer(k, file))
		return k;
	if (is_root(e->path))
		note_root(k, e, now);
	else
		note_file(k, e, file, now);
	if (e->sent >= 1000000)
		k->rate = (double)e->sent / (e->seconds > 0.001 ? e->seconds : 0.001);
	return k;
}

static struct machine *note_event(struct machines *m, const struct serve_event *e, const char *mac,
				  const char *what, uint64_t now)
{
	struct machine *k;

	switch (e->kind) {
	case SERVE_NOTHING:
	case SERVE_NO_REQUEST:
	case SERVE_DHCP_CLASS:
		return NULL;
	case SERVE_HTTP:
		return note_http(m, e, mac, what, now);
	case SERVE_TFTP:
		k = machine_places_vouch(m, mac, now);
		if (is_uki(e->path))
			note_uki(k, true, now);
		else
			advance_early(k, STAGE_FIRMWARE, now);
		return k;
	default:
		return note_dhcp(m, e, mac, what, now);
	}
}

/* Who says that the address of the event is the machine's. */
static enum serve_source source_of(const struct serve_event *e)
{
	if (e->kind == SERVE_DHCP_GIVEN)
		return SERVE_BY_DHCP;
	return e->kind == SERVE_HTTP || e->kind == SERVE_TFTP ? SERVE_BY_ARP : SERVE_BY_ITSELF;
}

struct machine *machines_note_event(struct machines *m, const struct serve_event *e,
				    const char *mac, const char *what, uint64_t now)
{
	char plain[MAC_TEXT_MAX];
	struct machine *k;

	if (e->kind == SERVE_DHCP_CLASS)
		note_class(m, e);
	mac = *e->mac ? e->mac : mac;
	if (!mac_parse(mac, strlen(mac), ':', plain) || !mac_is_of_card(plain))
		return NULL;
	k = note_event(m, e, plain, what, now);
	if (!k)
		return NULL;
	if (e->kind != SERVE_DHCP_ASKED)
		take_address(k, e->address, source_of(e));
	if (e->kind == SERVE_DHCP_GIVEN && *e->text)
		escape_text(e->text, k->name, sizeof(k->name));
	if (*what)
		add_line(k, what, now);
	k->heard = now;
	return k;
}

/* ---- syslog ---- */

/* "unpack root: 40 %, 10 MiB of 25 MiB, 4 MiB of 8 MiB fetched" */
static bool note_progress(struct machine *k, const char *text, uint64_t now)
{
	char fetched[32], size[32], arrived_unit[8], size_unit[8];
	unsigned percent;
	bool is_here = true;

	if (sscanf(text, "unpack root: %u %%", &percent) != 1 || percent > 100)
		return false;
	if (sscanf(text, "%*[^,], %*[^,], %31s %7s of %31s %7s fetched", fetched, arrived_unit,
		   size, size_unit) == 4)
		is_here = strcmp(fetched, size) == 0 && strcmp(arrived_unit, size_unit) == 0;
	advance(k, is_here ? STAGE_UNPACK : STAGE_FETCH, now);
	if (k->stage == STAGE_FETCH || k->stage == STAGE_UNPACK)
		k->percent = percent;
	return true;
}

static const struct {
	const char *start; /* of a line of init */
	enum machine_stage stage;
} steps[] = {
	{ "mount kernel file systems: ", STAGE_DHCP }, /* the first of a boot, see note_step() */
	{ "start network: ", STAGE_KERNEL },
	{ "find payload: ", STAGE_KERNEL },
	{ "mount root: ", STAGE_KERNEL },
	{ "unpack root: ", STAGE_UNPACK },
	{ "hand over: ", STAGE_HANDED_OVER },
	{ "start init: ", STAGE_HANDED_OVER },
};

static void note_step(struct machine *k, const char *text, uint64_t now)
{
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		if (strncmp(text, steps[i].start, strlen(steps[i].start)) != 0)
			continue;
		if (i == 0)
			begin_again(k, STAGE_KERNEL, now);
		advance(k, i == 0 ? STAGE_KERNEL : steps[i].stage, now);
		k->is_loaded = k->is_loaded || steps[i].stage >= STAGE_UNPACK;
	}
}

/* The first line has the sentence, the second what to do, the third what happens then. True: it is the first sentence. */
static bool note_failure(struct machine *k, const char *text, uint64_t now)
{
	char both[MACHINE_FAILURE_MAX + 64];
	bool had_said = k->has_said;

	if (strncmp(text, "then: ", 6) == 0)
		return false;
	if (had_said && strncmp(text, "to do: ", 7) == 0 && !strstr(k->failure, "; to do: ")) {
		snprintf(both, sizeof(both), "%.300s; %.150s", k->failure, text);
		text = both;
	}
	fail(k, text, now);
	k->has_said = true;
	return !had_said;
}

static void note_init(struct machine *k, const struct syslog_line *s, uint64_t now,
		      bool *ret_failed)
{
	if (*s->host && !*k->name && strcmp(s->host, k->address) != 0)
		escape_text(s->host, k->name, sizeof(k->name));
	if (k->stage < STAGE_KERNEL)
		enter(k, STAGE_KERNEL, now); /* whatever it says: it runs */
	k->missed = 0;
	if (strcmp(s->kind, MACHINE_REPORT_KIND) == 0)
		return;
	if (strcmp(s->kind, "progress") == 0 && note_progress(k, s->text, now))
		return;
	if (strcmp(s->kind, "failure") == 0)
		*ret_failed = note_failure(k, s->text, now);
	else
		note_step(k, s->text, now);
	add_line(k, s->text, now);
}

static struct machine *find_known_sender(struct machines *m, const char *mac, const char *address,
					 bool is_init, uint64_t now)
{
	struct machine *k = is_init || machine_places_find(m, mac)
				    ? machine_places_vouch(m, mac, now)
				    : NULL;

	if (k)
		take_address(k, address, SERVE_BY_ARP);
	return k;
}

/* Nobody knows whose address that is; the message says it. Another address of that machine is known, or was used a moment ago: a lie. */
static struct machine *find_claimed_sender(struct machines *m, const char *mac, const char *address,
					   uint64_t now)
{
	struct machine *k = machine_places_find(m, mac);
	uint32_t sender;

	if (!ipv4_parse(address, &sender))
		return NULL;
	if (k && *k->address && strcmp(k->address, address) != 0 &&
	    (k->source > SERVE_BY_ITSELF || now - k->heard < CLAIM_MS)) {
		m->ignored++;
		return NULL;
	}
	k = machine_places_add(m, mac, sender, now);
	if (k)
		take_address(k, address, SERVE_BY_ITSELF);
	return k;
}

struct machine *machines_note_syslog(struct machines *m, const struct syslog_line *s,
				     const char *address, const char *mac, uint64_t now,
				     bool *ret_failed)
{
	bool is_init = strcmp(s->program, "tarboot") == 0, is_known = *mac;
	char plain[MAC_TEXT_MAX];
	struct machine *k;

	mac = is_known || !is_init ? mac : s->process;
	if (!mac_parse(mac, strlen(mac), ':', plain) || !mac_is_of_card(plain))
		return NULL;
	k = is_known ? find_known_sender(m, plain, address, is_init, now)
		     : find_claimed_sender(m, plain, address, now);
	if (!k)
		return NULL;
	*ret_failed = false;
	k->heard = now;
	if (is_init)
		note_init(k, s, now, ret_failed);
	else if (k->stage == STAGE_HANDED_OVER)
		enter(k, STAGE_UP, now);
	return k;
}
