/* Patterns for paths: what they name, and what not. */
#include "base/glob.h"

#include "base/path.h"

#include "tap.h"

static const struct {
	const char *glob, *path;
	bool is_directory, is, is_above; /* named itself; named itself or lies below what is */
} cases[] = {
	{ "*.pyc", "usr/lib/a.pyc", false, true, true },
	{ "*.pyc", "a.pyc", false, true, true },
	{ "*.pyc", "a.pyc.txt", false, false, false },
	{ "cache", "var/cache/x", false, false, true },
	{ "cache/", "var/cache", false, false, false },
	{ "cache/", "var/cache", true, true, true },
	{ "cache/", "var/cache/", true, true, true },
	{ "cache/", "var/cache/x/y", false, false, true },
	{ "/tmp", "tmp", true, true, true },
	{ "/tmp", "var/tmp", true, false, false },
	{ "/tmp/*", "tmp", true, false, false },
	{ "/tmp/*", "tmp/a", false, true, true },
	{ "tmp/*", "tmp/.hidden", false, true, true },
	{ "/tmp/*", "tmp/a/b", false, false, true },
	{ "tmp/*", "var/tmp/a", false, false, false },
	{ "/var/log/**", "var/log", true, false, false },
	{ "/var/log/**", "var/log/a/b/c", false, true, true },
	{ "/var/log/**/*.gz", "var/log/a.gz", false, true, true },
	{ "/var/log/**/*.gz", "var/log/x/y/a.gz", false, true, true },
	{ "/var/log/**/*.gz", "var/log/a.gz/b", false, false, true },
	{ "a/**/b", "a/b", false, true, true },
	{ "a/**/b", "a/xb", false, false, false },
	{ "a/**/b", "a/x/y/b", false, true, true },
	{ "a/**/b", "a/b/x/b", false, true, true },
	{ "a/**/b/c", "a/b/b/c", false, true, true },
	{ "**/b", "b", false, true, true },
	{ "**/b", "x/b", false, true, true },
	{ "**/b", "xb", false, false, false },
	{ "a/**", "ab", false, false, false },
	{ "a/b**c", "a/bx/yc", false, true, true },
	{ "?", "a", false, true, true },
	{ "/?", "ab", false, false, false },
	{ "/a?b", "a/b", false, false, false },
	{ "[a-c]x", "bx", false, true, true },
	{ "[!a-c]x", "bx", false, false, false },
	{ "[^a-c]x", "dx", false, true, true },
	{ "[]x]", "]", false, true, true },
	{ "/a[!x]b", "a/b", false, false, false },
	{ "[a-", "[a-", false, true, true },
	{ "[", "[", false, true, true },
	{ "\\*", "*", false, true, true },
	{ "\\*", "a", false, false, false },
	{ "a\\", "a\\", false, true, true },
	{ "/a*b*c", "aXbbYc", false, true, true },
	{ "/a*b/c", "abb/c", false, true, true },
	{ "/boot/*rescue*", "boot/vmlinuz-0-rescue-1f", false, true, true },
	{ "name\nline", "name\nline", false, true, true },
	{ "*", "anything", false, true, true },
	{ "", "x", false, false, false },
	{ "/", "x", true, false, false },
	{ "*", "", true, false, false },
	{ "\xff*", "\xff\xfe", false, true, true },
};

static const struct {
	const char *glob, *directory;
	bool may;
} below[] = {
	{ "/etc/ssh/ssh_host_*", "etc", true },
	{ "/etc/ssh/ssh_host_*", "etc/ssh", true },
	{ "/etc/ssh/ssh_host_*", "etc/ssl", false },
	{ "/etc/ssh/ssh_host_*", "etc/ssh2", false },
	{ "/etc/ssh", "etc/ssh", false },
	{ "/etc/ssh/", "etc", true },
	{ "*.pem", "etc", true },
	{ "/e*/x", "etc", true },
};

static const char foreign_not[] = "it begins with !, which is not understood: use --keep (\\! is a "
				  "name with it)";
static const char foreign_sign[] = "it begins with + or -, which is not understood: use --keep and "
				   "--exclude (\\+ is a name with it)";
static const char foreign_brace[] =
	"{a,b} is not understood: give each a pattern of its own (\\{ is "
	"a name with it)";
static const char foreign_comment[] =
	"a comment must have a line of its own (\\# is a name with it)";
static const char foreign_class[] = "[[:name:]] is not understood: write the characters, as [0-9]";
static const char leads_out[] = "it leads out of the root by ..";
static const char is_root[] = "it names the root itself";

/* As somebody writes them; what they become, or what is wrong with them. */
static const struct {
	const char *written, *tidy, *wrong;
} written[] = {
	{ "*.pyc", "*.pyc", NULL },
	{ "/a/b*", "/a/b*", NULL },
	{ "a/**/b/", "a/**/b/", NULL },
	{ "./boot*", "/boot*", NULL },
	{ "././a", "/a", NULL },
	{ ".//a", "/a", NULL },
	{ "//usr", "/usr", NULL },
	{ "///a//b///c//", "/a/b/c/", NULL },
	{ "/./a/./b", "/a/b", NULL },
	{ "a/.", "a/", NULL },
	{ ".hidden", ".hidden", NULL },
	{ "a/.hidden", "a/.hidden", NULL },
	{ "...", "...", NULL },
	{ "/a..b/..c", "/a..b/..c", NULL },
	{ "\\!a", "\\!a", NULL },
	{ "a\\", "a\\", NULL },
	{ "a!+b", "a!+b", NULL },
	{ "-x", "-x", NULL },
	{ "{a}", "{a}", NULL },
	{ "a,b", "a,b", NULL },
	{ "\\{a,b}", "\\{a,b}", NULL },
	{ "[{,}]", "[{,}]", NULL },
	{ "a#b", "a#b", NULL },
	{ "#b", "#b", NULL },
	{ "a \\#b", "a \\#b", NULL },
	{ "a b", "a b", NULL },
	{ "[", "[", NULL },
	{ "!a", NULL, foreign_not },
	{ "+ /a", NULL, foreign_sign },
	{ "+a", NULL, foreign_sign },
	{ "- /a", NULL, foreign_sign },
	{ "a{b,c}d", NULL, foreign_brace },
	{ "{a,{b}", NULL, foreign_brace },
	{ "a # why", NULL, foreign_comment },
	{ "a\t#", NULL, foreign_comment },
	{ "[[:digit:]]*", NULL, foreign_class },
	{ "..", NULL, leads_out },
	{ "../a", NULL, leads_out },
	{ "a/../b", NULL, leads_out },
	{ "a/..", NULL, leads_out },
	{ "", NULL, is_root },
	{ "/", NULL, is_root },
	{ ".", NULL, is_root },
	{ "./", NULL, is_root },
	{ "//", NULL, is_root },
	{ "/.", NULL, is_root },
};

static void test_written(void)
{
	char text[64];
	const char *wrong;

	for (size_t i = 0; i < ARRAY_SIZE(written); i++) {
		snprintf(text, sizeof(text), "%s", written[i].written);
		wrong = glob_tidy(text);
		is_str(wrong ? wrong : "", written[i].wrong ? written[i].wrong : "", "\"%s\"",
		       written[i].written);
		if (!wrong)
			is_str(text, written[i].tidy, "becomes this");
	}
}

static void test_any(void)
{
	static const char *const globs[] = { "/boot/vmlinuz*", "lib/modules/*/config", NULL };
	static const char *const none[] = { NULL };
	static const struct {
		const char *path;
		bool is, is_above;
	} paths[] = {
		{ "./boot/vmlinuz-6.1", true, true },
		{ "lib/modules/6.1/config", true, true },
		{ "/usr/lib/modules/6.1/config", true, true },
		{ "usr/boot/vmlinuz", true, true },
		{ "boot/vmlinuz.d/file", false, true },
		{ "opt/usr/boot/vmlinuz", false, false },
		{ "usr/usr/boot/vmlinuz", false, false },
		{ ".", false, false },
	};

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++) {
		ok(glob_match_any(globs, paths[i].path, false) == paths[i].is, "any of a list: %s",
		   paths[i].path);
		ok(glob_match_any(globs, paths[i].path, true) == paths[i].is_above, "or above it");
		ok(!glob_match_any(none, paths[i].path, true), "none of none");
	}
}

static void test_time(void)
{
	char path[4096];

	memset(path, 'a', sizeof(path) - 1);
	path[sizeof(path) - 1] = '\0';
	ok(!glob_match("/*a*a*a*a*a*a*a*a*a*b", path, false), "many stars end soon");
	ok(!glob_match("/**a**a**a**a**a**a**a*a*b", path, false), "of both kinds");
}

int main(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		ok(glob_match(cases[i].glob, cases[i].path, cases[i].is_directory) == cases[i].is,
		   "%s %s %s", cases[i].glob, cases[i].is ? "names" : "does not name",
		   cases[i].path);
		ok(glob_match_above(cases[i].glob, cases[i].path, cases[i].is_directory) ==
			   cases[i].is_above,
		   "%s: above %s", cases[i].glob, cases[i].path);
	}
	for (size_t i = 0; i < ARRAY_SIZE(below); i++)
		ok(glob_may_match_below(below[i].glob, below[i].directory) == below[i].may,
		   "%s below %s", below[i].glob, below[i].directory);
	test_written();
	test_any();
	test_time();
	is_str(path_in_root("./etc"), "etc", "./ is not in a path");
	is_str(path_in_root("//etc"), "etc", "nor is a slash");
	return done_testing();
}
