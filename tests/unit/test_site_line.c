/* Kernel command lines in scripts of iPXE, which fills in what looks like its settings. */
#include "site/site_line.h"

#include "tap.h"

static const char *print(const char *line, bool has_names)
{
	static char text[1024];
	FILE *out = fmemopen(text, sizeof(text), "w");

	memset(text, 'x', sizeof(text));
	site_line_print(out, line, has_names);
	fputc('\0', out);
	fclose(out);
	return text;
}

static const struct {
	const char *line, *want;
	bool has_names;
} cases[] = {
	{ "", "", true },
	{ " panic=60  quiet ", " panic=60  quiet ", true },
	{ "ip=dhcp", "ip=dhcp", false },
	{ "rw ip=dhcp panic=60", "rw ip=::::${host:uristring}::dhcp panic=60", true },
	{ "ip=dhcp6 xip=dhcp", "ip=dhcp6 xip=dhcp", true },
	{ "tarboot.layer=http://s/${mac}.tar?", "tarboot.layer=http://s/${netX/mac}.tar?", false },
	{ "a tarboot.layer=/${ip}${hostname} tarboot.layer=/${uuid}/${serial}$ b",
	  "a tarboot.layer=/${netX/ip}${host:uristring} "
	  "tarboot.layer=/${uuid}/${serial:uristring}$ b",
	  false },
};

static void test_faults(void)
{
	static const char *const open[] = { "x=\"a", "\"", "a x=\"b c\" y=\"" };
	static const char *const blanks[] = { "x=\"a  b\"", "\"a b   c\"", "a x=\"  b\"" };
	static const char *const good[] = { "", "x=\"a b\"", "a  b", "x=\" a \"  y=\"b\"  c" };

	for (size_t i = 0; i < ARRAY_SIZE(open); i++)
		ok(site_line_has_open_quote(open[i]), "[%s] does not end", open[i]);
	for (size_t i = 0; i < ARRAY_SIZE(blanks); i++)
		ok(site_line_has_blanks_in_quotes(blanks[i]), "[%s] would lose a blank", blanks[i]);
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		ok(!site_line_has_open_quote(good[i]) && !site_line_has_blanks_in_quotes(good[i]),
		   "[%s] arrives as it is", good[i]);
}

static void test_words(void)
{
	static const struct {
		const char *line, *words, *want;
	} with[] = {
		{ "", "x y", "x y" },
		{ "a b", "x y", "a b x y" },
		{ "a b ", "", "a b " },
		{ "a -- b", "x y", "a x y -- b" },
		{ "-- b", "x", "x -- b" },
		{ "a=\"b -- c\" --", "x", "a=\"b -- c\" x --" },
		{ "a --b -- c", "", "a --b -- c" },
		{ "a --b -- c", "x", "a --b x -- c" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(with); i++) {
		char *line = site_line_with(with[i].line, with[i].words);

		is_str(line, with[i].want, "[%s] with [%s]", with[i].line, with[i].words);
		free(line);
	}
}

int main(void)
{
	test_faults();
	test_words();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		is_str(print(cases[i].line, cases[i].has_names), cases[i].want, "[%s]",
		       cases[i].line);
		ok(site_line_is_plain(cases[i].line), "which a script can have");
	}
	ok(!site_line_is_plain("console=${x}"), "other variables are iPXE's");
	ok(!site_line_is_plain("tarboot.layer=/a x${mac}"), "also behind a layer");
	ok(!site_line_is_plain("xtarboot.layer=/${mac}"), "and what is none");
	ok(!site_line_is_plain("tarboot.layer=/${foo}") &&
		   !site_line_is_plain("tarboot.layer=/${net0/ip}") &&
		   !site_line_is_plain("tarboot.layer=/${${mac}}"),
	   "nor is there another variable in it");
	ok(!site_line_is_plain("x=\"a tarboot.layer=${foo}\""),
	   "nor in quotes, where init takes it for no layer");
	ok(!site_line_is_plain("tarboot.layer=/${mac} || b"), "nor is there more than one command");
	ok(site_line_longest("tarboot.layer=/${mac}/${uuid}") > 100, "they take room");
	return done_testing();
}
