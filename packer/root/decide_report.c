#include "root/decide_report.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/print.h"
#include "base/size.h"

/* ---- of one path ---- */

/* The rule that --keep has overruled; NULL: none. */
static const struct rule *rule_without_keep(const struct decisions *d, const struct root_name *n,
					    const char *path)
{
	bool is_directory = n->type == MEMBER_DIRECTORY;
	struct rules without_keep = d->rules;
	const struct rule *rule;

	without_keep.n_keep = 0;
	if (decide_is_of_overlay(d, n) || rules_find(&d->rules, path, is_directory))
		return NULL;
	rule = rules_find(&without_keep, path, is_directory);
	return rule && (rule->action == RULE_LEAVE_OUT || rule->action == RULE_EMPTY ||
			rule->action == RULE_MACHINE_ID)
		       ? rule
		       : NULL;
}

/* The rule that was applied to it; NULL: none. */
static const struct rule *applied_rule(const struct decisions *d, const struct root_name *n)
{
	const struct inode *i = rootfs_inode(d->fs, n);

	if (n->mark != 0)
		return &d->rules.rules[n->mark - 1];
	return i->decided.is_changed ? &d->rules.rules[i->decided.rule - 1] : NULL;
}

static void explain_name(const struct decisions *d, const struct root_name *n, const char *path)
{
	const struct rule *rule = applied_rule(d, n);

	if (rule)
		print_line(stdout, "/%s: %s: %s names it (%s)", path,
			   decide_action_name(rule->action), rule->glob, rule->why);
	else if ((rule = rule_without_keep(d, n, path)))
		print_line(stdout, "/%s: packed, from the root: --keep wins over %s (%s)", path,
			   rule->glob, rule->why);
	else
		print_line(stdout, "/%s: packed, from %s: no rule names it", path,
			   decide_layer_name(d, n));
}

int decide_explain(struct decisions *d, const char *booted, struct fail *f)
{
	char path[2 * PATH_MAX];
	struct root_name *n;

	if (root_tree_find(d->fs->tree, d->explain, false, &n) < 0)
		return d->is_explained ? 0
				       : fail_set(f, ENOENT, d->explain,
						  "Give the path as it is in the root.",
						  "it is neither in the root nor in an overlay");
	root_name_path(n, path);
	if (n->mark == MARK_KERNEL)
		decide_tell_kernel(d, path, rootfs_inode(d->fs, n)->size, booted);
	else if (!d->explains_made)
		explain_name(d, n, path);
	return 0;
}

void decide_tell_kernel(const struct decisions *d, const char *path, uint64_t size,
			const char *booted)
{
	bool is_booted = booted && strcmp(path, booted) == 0;
	char why[PATH_MAX + 64];

	if (is_booted)
		strcpy(why, "the image is booted with it, as IMAGE.vmlinuz");
	else if (booted)
		snprintf(why, sizeof(why), "the image is booted with /%s", booted);
	else
		strcpy(why, "a kernel, but none to boot with by default (see --kernel)");
	if (d->list)
		decide_print_name(is_booted ? "beside" : "left out", size, path, why);
	if (d->explain)
		print_line(stdout, "/%s: %s: %s", path, is_booted ? "beside" : "left out", why);
}

/* ---- of all rules ---- */

/* A pattern with a typing error would else go unnoticed. */
static void warn_unmatched(const struct rules *s)
{
	for (size_t i = 0; i < s->n_excluded; i++)
		if (!s->rules[i].members)
			print_warning("--exclude %s: nothing in the root has this name, or another "
				      "pattern leaves it out",
				      s->rules[i].glob);
	for (size_t i = 0; i < s->n_keep; i++)
		if (!s->keep[i].matched)
			print_warning("--keep %s: nothing in the root has this name",
				      s->keep[i].glob);
}

void decide_print(const struct decisions *d)
{
	char size[SIZE_TEXT_MAX];

	for (size_t i = 0; i < d->rules.n_rules; i++) {
		const struct rule *rule = &d->rules.rules[i];

		if (rule->members)
			print_line(stdout, "%-8s %s: %llu member%s, %s (%s)",
				   decide_action_name(rule->action), rule->glob,
				   (unsigned long long)rule->members, print_plural(rule->members),
				   size_format(size, rule->bytes), rule->why);
	}
	warn_unmatched(&d->rules);
	if (d->replaced)
		printf("overlaid %llu member%s of the root\n", (unsigned long long)d->replaced,
		       print_plural(d->replaced));
}
