/* What a terminal may show, and what becomes of the rest. */
#include "base/escape.h"

#include <string.h>

#include "base/fail.h"
#include "tap.h"

static const struct {
	const char *what, *text, *want;
} cases[] = {
	{ "nothing", "", "" },
	{ "ASCII", " !~aZ09", " !~aZ09" },
	{ "a backslash", "dev-disk-by\\x2duuid\\", "dev-disk-by\\x2duuid\\" },
	{ "a new line", "a\nb", "a\\012b" },
	{ "a colour", "\033[31mred\033[0m", "\\033[31mred\\033[0m" },
	{ "the end of a string of the terminal", "\033]0;title\007", "\\033]0;title\\007" },
	{ "DEL", "\177", "\\177" },
	{ "two bytes", "\303\251t\303\251", "\303\251t\303\251" },
	{ "three bytes", "\342\202\254", "\342\202\254" },
	{ "four bytes", "\360\237\246\200", "\360\237\246\200" },
	{ "C1: CSI", "\302\23331m", "\\302\\23331m" },
	{ "C1 as one byte", "\23331m", "\\23331m" },
	{ "the last of C1, and what follows", "\302\237\302\240", "\\302\\237\302\240" },
	{ "Latin-1", "caf\351", "caf\\351" },
	{ "a sequence that is cut", "\342\202", "\\342\\202" },
	{ "a sequence that is broken", "\342\202x", "\\342\\202x" },
	{ "ESC written too long", "\300\233", "\\300\\233" },
	{ "the same in three bytes", "\340\200\233", "\\340\\200\\233" },
	{ "a surrogate", "\355\240\200", "\\355\\240\\200" },
	{ "beyond Unicode", "\364\220\200\200\377", "\\364\\220\\200\\200\\377" },
	{ "the last of Unicode", "\364\217\277\275", "\364\217\277\275" },
	{ "right to left", "a\342\200\256b", "a\\342\\200\\256b" },
	{ "an isolate", "\342\201\246", "\\342\\201\\246" },
	{ "a line separator", "\342\200\250", "\\342\\200\\250" },
	{ "a dash beside them", "\342\200\223", "\342\200\223" },
	{ "a byte order mark", "\357\273\277x", "\\357\\273\\277x" },
};

static void test_cases(void)
{
	char text[64], again[64];

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		escape_text(cases[i].text, text, sizeof(text));
		is_str(text, cases[i].want, "%s", cases[i].what);
		escape_text(text, again, sizeof(again));
		is_str(again, cases[i].want, "%s: the second time changes nothing", cases[i].what);
	}
}

/* Room for anything: what is cut is cut between characters and escapes, and told. */
static void test_room(void)
{
	static const char text[] = "a\033\303\251\342\202\254\001z\\033";
	static const char whole[] = "a\\033\303\251\342\202\254\\001z\\033";
	static const struct {
		size_t room;
		const char *want;
	} cuts[] = {
		{ 8, "a..." },
		{ 9, "a\\033..." },
		{ 10, "a\\033..." },
		{ 11, "a\\033\303\251..." },
		{ 13, "a\\033\303\251..." },
		{ 14, "a\\033\303\251\342\202\254..." },
		{ 18, "a\\033\303\251\342\202\254\\001..." },
		{ 19, whole },
		{ sizeof(whole), whole },
	};
	char ret[sizeof(whole) + 1];

	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		memset(ret, '#', sizeof(ret));
		escape_text(text, ret, cuts[i].room < 19 ? cuts[i].room : sizeof(whole));
		is_str(ret, cuts[i].want, "in %zu bytes", cuts[i].room);
		ok(cuts[i].room >= sizeof(whole) || ret[sizeof(whole)] == '#',
		   "nothing behind them");
	}
}

static void test_fit(void)
{
	static const char text[] = "ab\\033\303\251c";
	static const size_t want[] = { 1, 1, 2, 2, 2, 2, 6, 6, 8, 9, 9 };

	for (size_t max = 0; max < ARRAY_SIZE(want); max++)
		is_int((long long)escape_fit(text, max), (long long)want[max], "%zu bytes of %s",
		       max, text);
	is_int((long long)escape_fit("", 5), 0, "nothing");
}

/* A name of 255 bytes, each of which becomes four. */
static void test_fail(void)
{
	char name[256], want[200] = "";
	struct fail f;

	memset(name, '\033', 255);
	name[255] = '\0';
	for (int i = 0; i < 47; i++)
		strcat(want, "\\033");
	strcat(want, "...");
	is_int(fail_set(&f, 5, name, name, "its link to %s", name), -5, "a failure");
	is_str(f.what, want, "the name is cut between two escapes");
	is_int((long long)strlen(f.what), 191, "to what there is room for");
	ok(strncmp(f.why, "its link to \\033", 16) == 0 && !strchr(f.why, '\033') &&
		   strcmp(f.why + strlen(f.why) - 7, "\\033...") == 0,
	   "so is it in the reason: %s", f.why);
	ok(!strchr(f.todo, '\033') && strcmp(f.todo + strlen(f.todo) - 7, "\\033...") == 0,
	   "and in the advice");
}

int main(void)
{
	test_cases();
	test_room();
	test_fit();
	test_fail();
	return done_testing();
}
