/* The sieve and the overlays together. */
#include "selection.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "crypttab.h"
#include "fstab.h"
#include "path.h"
#include "say.h"
#include "size.h"
#include "swap_file.h"

#define MACHINE_ID "etc/machine-id"

int selection_open(struct selection *s, const struct pack_options *o, struct fail *f)
{
	int r = 0;

	s->drawn_fd = -1;
	s->dropped.value_size = sizeof(size_t);
	s->explain = o->explain ? path_in_root(o->explain) : NULL;
	s->list = o->dry_run && !o->explain;
	s->overlays = calloc(o->overlays.n + 1, sizeof(*s->overlays));
	if (!s->overlays || pack_options_sieve(o, &s->sieve) < 0)
		return fail_errno(f, ENOMEM, o->root, "cannot choose what to pack");
	for (size_t i = 0; r == 0 && i < o->overlays.n; i++)
		r = overlay_open(o->overlays.strings[i], &s->overlays[s->n_overlays++], f);
	return r;
}

void selection_close(struct selection *s)
{
	sieve_free(&s->sieve);
	path_map_clear(&s->dropped, NULL, NULL);
	path_map_clear(&s->mapped, NULL, NULL);
	path_map_clear(&s->swap, NULL, NULL);
	path_map_clear(&s->not_swap, NULL, NULL);
	for (size_t i = 0; i < s->n_overlays; i++)
		overlay_close(&s->overlays[i]);
	free(s->overlays);
}

/* ---- explaining ---- */

static bool is_explained(const struct selection *s, const char *path)
{
	size_t n = path_length(path);

	if (!s->explain || path_is_root(path))
		return s->explain && path_is_root(s->explain);
	return n == path_length(s->explain) && memcmp(path, s->explain, n) == 0;
}

/* The root itself is "". */
static const char *shown_path(const struct member *m)
{
	const char *path = path_in_root(m->path);

	return path_is_root(path) ? "" : path;
}

static const char *layer_name(const struct selection *s)
{
	return s->layer == 0 ? "the root" : s->overlays[s->layer - 1].path;
}

static const char *action_name(enum sieve_action action)
{
	switch (action) {
	case SIEVE_LEAVE_OUT:
	case SIEVE_CARD_PROFILE:
	case SIEVE_SWAP_FILE:
		return "left out";
	case SIEVE_EMPTY:
	case SIEVE_MACHINE_ID:
		return "emptied";
	default:
		return "changed";
	}
}

/* Does the path alone decide what a rule does? */
static bool is_certain(const struct sieve_rule *rule)
{
	return rule->action == SIEVE_LEAVE_OUT || rule->action == SIEVE_EMPTY ||
	       rule->action == SIEVE_MACHINE_ID;
}

/* Names a rule or the lack of one. */
static void explain(struct selection *s, const struct member *m, const struct sieve_rule *rule)
{
	bool is_directory = m->type == MEMBER_DIRECTORY;
	const char *path = shown_path(m);
	struct sieve without_keep = s->sieve;

	if (!is_explained(s, path))
		return;
	s->explained = true;
	s->explain_later = false;
	without_keep.n_keep = 0;
	if (rule)
		say(stdout, "/%s: %s: %s names it (%s)", path, action_name(rule->action),
		    rule->glob, rule->why);
	else if (s->layer == 0 && (rule = sieve_judge(&without_keep, path, is_directory)) &&
		 is_certain(rule) && !sieve_judge(&s->sieve, path, is_directory))
		say(stdout, "/%s: packed, from the root: --keep wins over %s (%s)", path,
		    rule->glob, rule->why);
	else
		say(stdout, "/%s: packed, from %s: no rule names it", path, layer_name(s));
}

static void explain_overlaid(struct selection *s, const struct member *m, const struct overlay *by,
			     enum overlay_effect effect)
{
	const char *path = shown_path(m);

	if (!is_explained(s, path))
		return;
	s->explained = true;
	say(stdout, "/%s: the one of %s is left out: overlay %s %s it", path, layer_name(s),
	    by->path, effect == OVERLAY_DELETES ? "deletes" : "replaces");
}

/* ---- choosing ---- */

/* What the overlays above the current layer make of a member; *ret: the topmost that does not let it be. */
static enum overlay_effect judge_above(const struct selection *s, const struct member *m,
				       const struct overlay **ret)
{
	enum overlay_effect effect = OVERLAY_LETS_BE;

	for (size_t i = s->n_overlays; i > s->layer && effect == OVERLAY_LETS_BE; i--) {
		effect = overlay_judge(&s->overlays[i - 1], m);
		*ret = &s->overlays[i - 1];
	}
	return effect;
}

static void note_above(struct selection *s, const struct member *m)
{
	for (size_t i = s->layer; i < s->n_overlays; i++)
		overlay_note(&s->overlays[i], m);
}

static bool is_named_swap(const struct selection *s, const struct member *m)
{
	const char *path = path_in_root(m->path);

	return path_map_find(&s->swap, path, path_length(path)) != NULL;
}

/* Is a rule for members of this kind? Its path is. */
static bool is_for(const struct selection *s, const struct sieve_rule *rule, const struct member *m)
{
	switch (rule->action) {
	case SIEVE_LEAVE_OUT:
		return true;
	case SIEVE_MACHINE_ID:
		return m->type != MEMBER_FILE || m->size > 0;
	case SIEVE_SWAP_FILE:
		return m->type == MEMBER_FILE &&
		       (m->size >= SWAP_FILE_LEAST || is_named_swap(s, m));
	default:
		return m->type == MEMBER_FILE && m->size > 0;
	}
}

static struct sieve_rule *judge(const struct selection *s, const struct member *m)
{
	struct sieve_rule *rule =
		s->layer == 0 ? sieve_judge(&s->sieve, m->path, m->type == MEMBER_DIRECTORY) : NULL;

	return rule && is_for(s, rule, m) ? rule : NULL;
}

/* Is it left out whatever is in it? */
static bool leaves_out(const struct selection *s, const struct sieve_rule *rule,
		       const struct member *m)
{
	return rule && (rule->action == SIEVE_LEAVE_OUT ||
			(rule->action == SIEVE_MACHINE_ID && m->type != MEMBER_FILE) ||
			(rule->action == SIEVE_SWAP_FILE && is_named_swap(s, m)));
}

static void print_path(const char *done, const char *size, const struct member *m,
		       const struct sieve_rule *rule)
{
	printf("%-8s  %10s  ", done, size);
	say_path(stdout, path_in_root(m->path), -1);
	say(stdout, ": %s", rule->why);
}

static void leave_out(const struct selection *s, struct sieve_rule *rule, const struct member *m)
{
	char size[SIZE_TEXT_MAX];

	rule->members++;
	rule->bytes += m->size;
	if (s->list)
		print_path("left out", size_format(size, m->size), m, rule);
}

/* In a tar a hard link comes without data: what it names must be there. */
static void check_hardlink(struct selection *s, const struct member *m)
{
	struct member target = { .type = MEMBER_FILE, .path = m->target };
	const struct sieve_rule *rule = judge(s, &target);
	const struct overlay *above;

	if (s->broken.error ||
	    !(leaves_out(s, rule, &target) || judge_above(s, &target, &above) != OVERLAY_LETS_BE))
		return;
	fail_set(&s->broken, EINVAL, m->path,
		 "Leave out both or none (--exclude, --keep), or unpack the archive and pack the "
		 "directory.",
		 "it is a hard link to %s, which is left out", m->target);
}

/* What the end of the root's layer has to know. */
static void note_names(struct selection *s, const struct member *m)
{
	const char *path = path_in_root(m->path);

	if (strcmp(path, MACHINE_ID) == 0)
		s->has_machine_id = true;
	if (strcmp(path, "usr/lib/systemd/systemd") == 0 ||
	    strcmp(path, "lib/systemd/systemd") == 0)
		s->has_systemd = true;
}

bool selection_wants(const struct member *m, void *selection)
{
	struct selection *s = selection;
	const struct overlay *above = NULL;
	enum overlay_effect effect = judge_above(s, m, &above);
	struct sieve_rule *rule = s->rule = effect == OVERLAY_LETS_BE ? judge(s, m) : NULL;

	if (effect != OVERLAY_LETS_BE) {
		s->replaced++;
		explain_overlaid(s, m, above, effect);
		return false;
	}
	if (s->layer > 0 && !overlay_adds(&s->overlays[s->layer - 1], m, s->drawn_fd))
		return false;
	if (m->type == MEMBER_HARDLINK && m->target && selection_drops_name(s, m))
		return false;
	s->explain_later = !leaves_out(s, rule, m) &&
			   ((rule && !is_certain(rule)) ||
			    (s->kernel && pack_kernel_is_candidate(s->kernel, m)));
	if (!s->explain_later)
		explain(s, m, rule);
	if (leaves_out(s, rule, m)) {
		leave_out(s, rule, m);
		return false;
	}
	if (m->type == MEMBER_HARDLINK && m->target)
		check_hardlink(s, m);
	note_names(s, m);
	note_above(s, m);
	return true;
}

/* ---- by what is in it ---- */

const struct sieve_rule *selection_rule(const struct selection *s)
{
	return s->rule;
}

int selection_keep(struct selection *s, const struct member *m)
{
	const char *path = path_in_root(m->path);

	if (s->explain_later)
		explain(s, m, NULL);
	if (!s->rule || s->rule->action != SIEVE_SWAP_FILE || s->knows_swap)
		return 0;
	return path_map_add(&s->not_swap, path, path_length(path)) ? 0 : -ENOMEM;
}

void selection_empty(struct selection *s, const struct member *m)
{
	char size[SIZE_TEXT_MAX];

	s->rule->members++;
	s->rule->bytes += m->size;
	if (s->list)
		print_path("emptied", size_format(size, m->size), m, s->rule);
}

void selection_comment(struct selection *s, const struct member *m, int lines)
{
	if (s->explain_later)
		explain(s, m, lines > 0 ? s->rule : NULL);
	if (lines == 0 || s->explain)
		return;
	printf("changed  ");
	say_path(stdout, path_in_root(m->path), -1);
	printf(": commented out %d lines that need the disks or the host of another machine\n",
	       lines);
}

int selection_drop(struct selection *s, const struct member *m)
{
	const char *path = path_in_root(m->path);
	size_t *rule = path_map_add(&s->dropped, path, path_length(path));

	if (!rule)
		return -ENOMEM;
	*rule = (size_t)(s->rule - s->sieve.rules);
	explain(s, m, s->rule);
	leave_out(s, s->rule, m);
	return 0;
}

bool selection_drops_name(struct selection *s, const struct member *m)
{
	const char *path = path_in_root(m->target);
	const size_t *rule = path_map_find(&s->dropped, path, path_length(path));
	struct member name = *m;

	if (!rule)
		return false;
	name.size = 0; /* counted with the first */
	explain(s, m, &s->sieve.rules[*rule]);
	leave_out(s, &s->sieve.rules[*rule], &name);
	return true;
}

static int note_swap_file(const char *path, void *selection)
{
	struct selection *s = selection;
	size_t n;

	path = path_in_root(path);
	n = path_length(path);
	if (path_map_find(&s->not_swap, path, n))
		say_warning(
			"/%s is packed, though etc/fstab or etc/crypttab calls it swap: leave it "
			"out with --exclude=/%s",
			path, path);
	return path_map_add(&s->swap, path, n) ? 0 : -ENOMEM;
}

static int note_mapped(struct field name, void *selection)
{
	struct selection *s = selection;

	return path_map_add(&s->mapped, name.at, name.size) ? 0 : -ENOMEM;
}

int selection_note_table(struct selection *s, enum sieve_action table, const char *text,
			 size_t size)
{
	int r = 0;

	if (table == SIEVE_FSTAB)
		return fstab_each_swap_file(text, size, note_swap_file, s);
	if (table == SIEVE_CRYPTTAB)
		r = crypttab_each_swap_file(text, size, note_swap_file, s);
	if (r == 0 && (table == SIEVE_CRYPTTAB || table == SIEVE_VERITYTAB))
		r = crypttab_each_mapped(text, size,
					 table == SIEVE_CRYPTTAB ? CRYPTTAB : CRYPTTAB_VERITY,
					 note_mapped, s);
	return r;
}

bool selection_lacks_machine_id(struct selection *s)
{
	struct member m = { .type = MEMBER_FILE, .path = MACHINE_ID, .size = 1 };
	const struct sieve_rule *rule = judge(s, &m);
	const struct overlay *above;

	if (s->layer > 0 || !rule || rule->action != SIEVE_MACHINE_ID || s->has_machine_id ||
	    !s->has_systemd || judge_above(s, &m, &above) != OVERLAY_LETS_BE)
		return false;
	if (is_explained(s, MACHINE_ID) && !s->explained) {
		s->explained = true;
		printf("/%s: made, empty: else every boot would be a first one (%s)\n", MACHINE_ID,
		       rule->why);
	}
	return true;
}

void selection_tell_kernel(struct selection *s, const struct member *m, const char *booted)
{
	const char *path = shown_path(m);
	bool is_booted = booted && strcmp(m->path, booted) == 0;
	char size[SIZE_TEXT_MAX], why[PATH_MAX + 64];

	if (is_booted)
		strcpy(why, "the image is booted with it, as IMAGE.vmlinuz");
	else if (booted)
		snprintf(why, sizeof(why), "the image is booted with /%s", path_in_root(booted));
	else
		strcpy(why, "a kernel, but none to boot with by default (see --kernel)");
	if (s->list) {
		printf("%-8s  %10s  ", is_booted ? "beside" : "left out",
		       size_format(size, m->size));
		say_path(stdout, path, -1);
		say(stdout, ": %s", why);
	}
	if (is_explained(s, path)) {
		s->explained = true;
		say(stdout, "/%s: %s: %s", path, is_booted ? "beside" : "left out", why);
	}
}

void selection_adopt(const struct selection *s, struct member *m)
{
	if (s->layer > 0)
		overlay_disown(&s->overlays[s->layer - 1], m);
}

/* Would a file in this directory be left out? */
static bool is_emptied(const struct selection *s, const char *directory)
{
	struct member m = { .type = MEMBER_FILE };
	const struct sieve_rule *rule;
	char path[PATH_MAX + 2];

	snprintf(path, sizeof(path), "%s/x", directory);
	m.path = path;
	rule = judge(s, &m);
	return rule && rule->action == SIEVE_LEAVE_OUT;
}

void selection_warn_of_mounts(const struct selection *s, const struct source *source)
{
	size_t n;
	const char *const *mounts = source_mounts(source, &n);

	for (size_t i = 0; i < n; i++)
		if (!is_emptied(s, mounts[i]))
			say_warning(
				"/%s is packed empty, since another file system is mounted there "
				"in %s: give what is in it by --overlay, or a copy of the whole",
				mounts[i], layer_name(s));
}

/* A pattern with a typing error would else go unnoticed. */
static void warn_unmatched(const struct sieve *s)
{
	for (size_t i = 0; i < s->n_excluded; i++)
		if (!s->rules[i].members)
			say_warning("--exclude %s: nothing in the root has this name, or another "
				    "pattern leaves it out",
				    s->rules[i].glob);
	for (size_t i = 0; i < s->n_keep; i++)
		if (!s->keep[i].matched)
			say_warning("--keep %s: nothing in the root has this name",
				    s->keep[i].glob);
}

void selection_print(const struct selection *s)
{
	char size[SIZE_TEXT_MAX];

	for (size_t i = 0; i < s->sieve.n_rules; i++) {
		const struct sieve_rule *rule = &s->sieve.rules[i];

		if (rule->members)
			say(stdout, "%-8s %s: %llu members, %s (%s)", action_name(rule->action),
			    rule->glob, (unsigned long long)rule->members,
			    size_format(size, rule->bytes), rule->why);
	}
	warn_unmatched(&s->sieve);
	if (s->replaced)
		printf("overlaid %llu members of the root\n", (unsigned long long)s->replaced);
}
