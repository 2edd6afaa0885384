/* The sieve and the overlays together. */
#include "selection.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "path.h"
#include "say.h"
#include "size.h"

int selection_open(struct selection *s, const struct pack_options *o, struct fail *f)
{
	int r = 0;

	s->drawn_fd = -1;
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

static const char *layer_name(const struct selection *s)
{
	return s->layer == 0 ? "the root" : s->overlays[s->layer - 1].path;
}

static const char *action_name(enum sieve_action action)
{
	switch (action) {
	case SIEVE_LEAVE_OUT:
		return "left out";
	case SIEVE_EMPTY:
		return "emptied";
	default:
		return "changed";
	}
}

/* Names a rule or the lack of one. */
static void explain(struct selection *s, const char *path, const struct member *m,
		    const struct sieve_rule *rule)
{
	bool is_directory = m->type == MEMBER_DIRECTORY;
	struct sieve without_keep = s->sieve;

	s->explained = true;
	without_keep.n_keep = 0;
	if (rule)
		printf("/%s: %s: %s names it (%s)\n", path, action_name(rule->action), rule->glob,
		       rule->why);
	else if (s->layer == 0 && (rule = sieve_judge(&without_keep, path, is_directory)))
		printf("/%s: packed, from the root: --keep wins over %s (%s)\n", path, rule->glob,
		       rule->why);
	else
		printf("/%s: packed, from %s: no rule names it\n", path, layer_name(s));
}

static void explain_overlaid(struct selection *s, const char *path, const struct overlay *by,
			     enum overlay_effect effect)
{
	s->explained = true;
	printf("/%s: the one of %s is left out: overlay %s %s it\n", path, layer_name(s), by->path,
	       effect == OVERLAY_DELETES ? "deletes" : "replaces");
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

static struct sieve_rule *judge(const struct selection *s, const struct member *m)
{
	return s->layer == 0 ? sieve_judge(&s->sieve, m->path, m->type == MEMBER_DIRECTORY) : NULL;
}

static void print_path(const char *done, const char *size, const struct member *m,
		       const struct sieve_rule *rule)
{
	printf("%-8s  %10s  ", done, size);
	say_path(stdout, path_in_root(m->path), -1);
	printf(": %s\n", rule->why);
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

	if (s->broken.error || !((rule && rule->action == SIEVE_LEAVE_OUT) ||
				 judge_above(s, &target, &above) != OVERLAY_LETS_BE))
		return;
	fail_set(&s->broken, EINVAL, m->path,
		 "Leave out both or none (--exclude, --keep), or unpack the archive and pack the "
		 "directory.",
		 "it is a hard link to %s, which is left out", m->target);
}

bool selection_wants(const struct member *m, void *selection)
{
	struct selection *s = selection;
	const char *path = path_is_root(path_in_root(m->path)) ? "" : path_in_root(m->path);
	const struct overlay *above = NULL;
	enum overlay_effect effect = judge_above(s, m, &above);
	struct sieve_rule *rule = s->rule = effect == OVERLAY_LETS_BE ? judge(s, m) : NULL;

	if (effect != OVERLAY_LETS_BE) {
		s->replaced++;
		if (is_explained(s, path))
			explain_overlaid(s, path, above, effect);
		return false;
	}
	if (s->layer > 0 && !overlay_adds(&s->overlays[s->layer - 1], m, s->drawn_fd))
		return false;
	if (is_explained(s, path))
		explain(s, path, m, rule);
	if (rule && rule->action == SIEVE_LEAVE_OUT) {
		leave_out(s, rule, m);
		return false;
	}
	if (m->type == MEMBER_HARDLINK && m->target)
		check_hardlink(s, m);
	note_above(s, m);
	return true;
}

const struct sieve_rule *selection_change(struct selection *s, const struct member *m)
{
	struct sieve_rule *rule = s->rule;
	char size[SIZE_TEXT_MAX];

	if (!rule || m->type != MEMBER_FILE || m->size == 0)
		return NULL;
	if (rule->action == SIEVE_EMPTY) {
		rule->members++;
		rule->bytes += m->size;
	}
	if (s->list && rule->action == SIEVE_EMPTY)
		print_path("emptied", size_format(size, m->size), m, rule);
	return rule;
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

void selection_print(const struct selection *s)
{
	char size[SIZE_TEXT_MAX];

	for (size_t i = 0; i < s->sieve.n_rules; i++) {
		const struct sieve_rule *rule = &s->sieve.rules[i];

		if (rule->members)
			printf("%-8s %s: %llu members, %s (%s)\n", action_name(rule->action),
			       rule->glob, (unsigned long long)rule->members,
			       size_format(size, rule->bytes), rule->why);
	}
	if (s->replaced)
		printf("overlaid %llu members of the root\n", (unsigned long long)s->replaced);
}
