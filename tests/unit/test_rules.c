/* Rules in order, and what is kept. */
#include "root/rules.h"

#include "tap.h"

static void check(const struct rules *s, const char *path, bool is_directory, const char *glob)
{
	const struct rule *rule = rules_find(s, path, is_directory);

	is_str(rule ? rule->glob : "none", glob, "the rule for %s", path);
}

static void test_rules(void)
{
	struct rules s = { 0 };

	rules_add(&s, RULE_LEAVE_OUT, "/a/*", "one");
	rules_add(&s, RULE_EMPTY, "/b/**", "two");
	rules_add(&s, RULE_LEAVE_OUT, "*.log", "three");
	check(&s, ".", true, "none");
	check(&s, "./", true, "none");
	check(&s, "/", true, "none");
	check(&s, "a", true, "none");
	check(&s, "./a/x", false, "/a/*");
	check(&s, "/a/x/y.log", false, "/a/*");
	check(&s, "b/d", true, "none");
	check(&s, "b/d/f", false, "/b/**");
	check(&s, "b/f.log", false, "/b/**");
	check(&s, "c/f.log", false, "*.log");
	rules_keep(&s, "/a/deep/in/it");
	check(&s, "a/deep", true, "none");
	check(&s, "a/deep/in", true, "none");
	check(&s, "a/deep/out", true, "/a/*");
	check(&s, "a/deep/file", false, "/a/*");
	check(&s, "a/deep/in/it/all", false, "none");
	rules_free(&s);
}

static void test_matches(void)
{
	struct rules s = { 0 };

	rules_keep(&s, "/a/b");
	rules_keep(&s, "/a/c/");
	(void)rules_find(&s, "a/b", false);
	ok(!s.keep[0].matched, "to look for a rule marks no pattern");
	rules_note_match(&s, ".", true);
	rules_note_match(&s, "a", true);
	rules_note_match(&s, "a/c", false);
	ok(!s.keep[0].matched && !s.keep[1].matched, "other paths match none");
	rules_note_match(&s, "/a/b/x", false);
	ok(s.keep[0].matched && !s.keep[1].matched, "what lies below matches");
	rules_note_match(&s, "./a/c", true);
	ok(s.keep[1].matched, "a directory matches");
	rules_free(&s);
}

int main(void)
{
	test_rules();
	test_matches();
	return done_testing();
}
