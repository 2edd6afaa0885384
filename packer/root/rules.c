/* Rules in order. */
#include "root/rules.h"

#include <errno.h>
#include <stdlib.h>

#include "base/glob.h"
#include "base/path.h"
#include "base/util.h"

int rules_add(struct rules *s, enum rule_action action, const char *glob, const char *why)
{
	struct rule *rules = array_one_more(s->rules, s->n_rules, sizeof(*rules));

	if (!rules)
		return -ENOMEM;
	s->rules = rules;
	rules[s->n_rules++] = (struct rule){ .glob = glob, .action = action, .why = why };
	return 0;
}

int rules_keep(struct rules *s, const char *glob)
{
	struct keep_pattern *keep = array_one_more(s->keep, s->n_keep, sizeof(*keep));

	if (!keep)
		return -ENOMEM;
	s->keep = keep;
	keep[s->n_keep++] = (struct keep_pattern){ .glob = glob };
	return 0;
}

static bool is_kept(const struct rules *s, const char *path, bool is_directory)
{
	for (size_t i = 0; i < s->n_keep; i++)
		if (glob_match_above(s->keep[i].glob, path, is_directory) ||
		    (is_directory && glob_may_match_below(s->keep[i].glob, path)))
			return true;
	return false;
}

void rules_note_match(struct rules *s, const char *path, bool is_directory)
{
	path = path_in_root(path);
	if (path_is_root(path))
		return;
	for (size_t i = 0; i < s->n_keep; i++)
		if (!s->keep[i].matched)
			s->keep[i].matched = glob_match_above(s->keep[i].glob, path, is_directory);
}

struct rule *rules_find(const struct rules *s, const char *path, bool is_directory)
{
	path = path_in_root(path);
	if (path_is_root(path))
		return NULL;
	for (size_t i = 0; i < s->n_rules; i++) {
		struct rule *rule = &s->rules[i];

		if (rule->action != RULE_LEAVE_OUT && is_directory)
			continue;
		if (rule->action == RULE_LEAVE_OUT
			    ? glob_match_above(rule->glob, path, is_directory)
			    : glob_match(rule->glob, path, is_directory))
			return is_kept(s, path, is_directory) ? NULL : rule;
	}
	return NULL;
}

void rules_free(struct rules *s)
{
	free(s->rules);
	free(s->keep);
	*s = (struct rules){ 0 };
}
