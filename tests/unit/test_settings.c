/* Lines of NAME = VALUE: their names, values, numbers, and what is wrong with them. */
#include "base/settings.h"

#include "tap.h"

static const struct {
	const char *text, *name, *value, *wrong;
	unsigned line;
} cases[] = {
	{ "a = b", "a", "b", NULL, 1 },
	{ "a=b\n", "a", "b", NULL, 1 },
	{ "\n# x = y\n  # z\n \t\r\n\t a \t=\t b c \r\n", "a", "b c", NULL, 5 },
	{ "a = b # why", "a", "b", NULL, 1 },
	{ "a = b#c", "a", "b#c", NULL, 1 },
	{ "a = #b", "a", "", NULL, 1 },
	{ "a =#b", "a", "#b", NULL, 1 },
	{ "a =", "a", "", NULL, 1 },
	{ "a = b = c", "a", "b = c", NULL, 1 },
	{ "a = \"b # c\" # d", "a", "b # c", NULL, 1 },
	{ "a = ' b \"c\" '", "a", " b \"c\" ", NULL, 1 },
	{ "a = ''", "a", "", NULL, 1 },
	{ "a = it's \"so\"", "a", "it's \"so\"", NULL, 1 },
	{ "no-shell", "no-shell", NULL, NULL, 1 },
	{ "no-shell # a = b", "no-shell", NULL, NULL, 1 },
	{ "no-scrub no", "no-scrub no", NULL, "there is no =", 1 },
	{ "a = \"b", "a", "\"b", "the closing quote is missing", 1 },
	{ "a = 'b\"", "a", "'b\"", "the closing quote is missing", 1 },
	{ "a = \"b\"c", "a", "\"b\"c", "there is text after the closing quote", 1 },
	{ "\n = b", "", "b", "there is no name before the =", 2 },
};

static void check(const char *given, const char *name, const char *value, const char *wrong,
		  unsigned line)
{
	char *text = strdup(given);
	struct settings s = { .text = text };
	struct setting got;

	ok(settings_next(&s, &got), "\"%s\" has a line", given);
	is_str(got.name, name, "its name");
	is_str(got.wrong ? got.wrong : "right", wrong ? wrong : "right", "what is wrong");
	if (!wrong)
		is_str(got.value ? got.value : "none", value ? value : "none", "its value");
	is_int(got.line, line, "its number");
	ok(!settings_next(&s, &got), "no other");
	free(text);
}

/* What is written is read as it was. */
static void test_print(const char *value)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	setting_print(out, "name", value);
	fclose(out);
	check(text, "name", value, NULL, 1);
}

int main(void)
{
	char text[] = "a = 1\nb\n\n# x\nc = 3";
	struct settings s = { .text = text };
	struct setting got;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		check(cases[i].text, cases[i].name, cases[i].value, cases[i].wrong, cases[i].line);
	for (size_t i = 0; i < 3; i++) {
		static const unsigned numbers[] = { 1, 2, 5 };

		ok(settings_next(&s, &got), "line %zu", i);
		is_int(got.line, numbers[i], "has its number");
	}
	ok(!settings_next(&s, &got), "three in all");
	test_print("/usr/lib/ipxe");
	test_print("/a # b");
	test_print("\"a\"");
	test_print("it's # so");
	test_print(" /a directory ");
	test_print("");
	test_print("a=\"b\" c='d'");
	ok(setting_can_hold("a=\"b\" c='d'"), "quotes of both kinds inside a value");
	ok(!setting_can_hold("\"a\" 'b'"), "not when it begins with one");
	ok(!setting_can_hold("a\"b' # c"), "nor with what looks like a comment");
	ok(!setting_can_hold("a\nb"), "nor two lines");
	return done_testing();
}
