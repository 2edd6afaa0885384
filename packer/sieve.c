/* Rules in order. */
#include "sieve.h"

#include <errno.h>
#include <stdlib.h>

#include "glob.h"
#include "path.h"

int sieve_add(struct sieve *s, enum sieve_action action, const char *glob, const char *why)
{
	struct sieve_rule *rules = realloc(s->rules, (s->n_rules + 1) * sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	s->rules = rules;
	rules[s->n_rules++] = (struct sieve_rule){ .glob = glob, .action = action, .why = why };
	return 0;
}

int sieve_keep(struct sieve *s, const char *glob)
{
	struct sieve_keep *keep = realloc(s->keep, (s->n_keep + 1) * sizeof(*keep));

	if (!keep)
		return -ENOMEM;
	s->keep = keep;
	keep[s->n_keep++] = (struct sieve_keep){ .glob = glob };
	return 0;
}

static bool is_kept(const struct sieve *s, const char *path, bool is_directory)
{
	for (size_t i = 0; i < s->n_keep; i++)
		if (glob_match_above(s->keep[i].glob, path, is_directory) ||
		    (is_directory && glob_may_match_below(s->keep[i].glob, path)))
			return true;
	return false;
}

static void note_matches(const struct sieve *s, const char *path, bool is_directory)
{
	for (size_t i = 0; i < s->n_keep; i++)
		if (!s->keep[i].matched)
			s->keep[i].matched = glob_match_above(s->keep[i].glob, path, is_directory);
}

struct sieve_rule *sieve_judge(const struct sieve *s, const char *path, bool is_directory)
{
	path = path_in_root(path);
	if (path_is_root(path))
		return NULL;
	note_matches(s, path, is_directory);
	for (size_t i = 0; i < s->n_rules; i++) {
		struct sieve_rule *rule = &s->rules[i];

		if (rule->action != SIEVE_LEAVE_OUT && is_directory)
			continue;
		if (rule->action == SIEVE_LEAVE_OUT
			    ? glob_match_above(rule->glob, path, is_directory)
			    : glob_match(rule->glob, path, is_directory))
			return is_kept(s, path, is_directory) ? NULL : rule;
	}
	return NULL;
}

void sieve_free(struct sieve *s)
{
	free(s->rules);
	free(s->keep);
	*s = (struct sieve){ 0 };
}
