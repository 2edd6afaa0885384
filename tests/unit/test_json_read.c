/* Values found in JSON, and in what is none. */
#include "base/json_read.h"

#include "tap.h"

static const char text[] =
	" { \"a\" : [ 1, \"two\", { \"b\": \"x\\/y\" }, [] ], \"c\\\"d\": {}, \"e\": \"\", "
	"\"layers\": [\"one\" , \"two\"] } ";

static const char *const broken[] = {
	"",      "{",          "{\"a\"",     "{\"a\":", "{\"a\" 1}",
	"[",     "[1",         "[1,",        "]",       "{\"a\":}",
	"{a:1}", "{\"a\":[}]", "{\"a\":\"x", "\"\\",    "{\"b\":[}, \"a\":1}",
};

int main(void)
{
	char s[8], deep[300];
	const char *value = NULL;

	ok(json_string(json_item(json_member(text, "a"), 1), s, sizeof(s)), "a string");
	is_str(s, "two", "in an array in an object");
	ok(json_string(json_member(json_item(json_member(text, "a"), 2), "b"), s, sizeof(s)),
	   "deeper");
	is_str(s, "x/y", "with an escape");
	ok(json_string(json_member(text, "e"), s, sizeof(s)) && !*s, "an empty string");
	ok(json_string(json_item(json_member(text, "layers"), 1), s, sizeof(s)),
	   "behind other keys");
	ok(!json_item(json_member(text, "layers"), 2), "behind the end of an array");
	ok(!json_item(json_item(json_member(text, "a"), 3), 0), "an empty array");
	ok(!json_member(text, "b"), "no such key");
	ok(!json_member(text, "layer"), "a key that begins like another");
	ok(!json_member(json_member(text, "layers"), "a"), "an array has no keys");
	ok(!json_item(json_item(json_member(text, "a"), 0), 0), "a number has no items");
	ok(!json_string(json_item(json_member(text, "a"), 0), s, sizeof(s)),
	   "a number is no string");
	ok(!json_member(NULL, "a") && !json_item(NULL, 0) && !json_string(NULL, s, sizeof(s)),
	   "nothing");
	ok(json_entry(text, 1, s, sizeof(s), &value) && strcmp(s, "c\"d") == 0,
	   "a key with an escape");
	ok(json_entry(text, 3, s, sizeof(s), &value), "an entry");
	is_str(s, "layers", "its key");
	ok(value && *value == '[', "its value");
	ok(!json_entry(text, 4, s, sizeof(s), &value), "behind the last entry");
	ok(!json_entry(text, 3, s, 6, &value), "a key that is too long");
	ok(!json_entry("{}", 0, s, sizeof(s), &value) &&
		   !json_entry("[1]", 0, s, sizeof(s), &value) &&
		   !json_entry(NULL, 0, s, sizeof(s), &value),
	   "no entries");
	ok(!json_string("\"123456789\"", s, sizeof(s)), "too long");
	ok(json_string("\"1234567\"", s, sizeof(s)), "just fits");
	ok(!json_string("\"\\u0041\"", s, sizeof(s)), "an escape that is not read");
	for (size_t i = 0; i < ARRAY_SIZE(broken); i++)
		ok(!json_member(broken[i], "a") && !json_item(broken[i], 1) &&
			   !json_entry(broken[i], 1, s, sizeof(s), &value),
		   "broken: %s", broken[i]);
	memset(deep, '[', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	ok(!json_item(deep, 1), "deep");
	return done_testing();
}
