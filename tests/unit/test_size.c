/* Sizes: what is read, what is refused, how they are written. */
#include "base/size.h"

#include <errno.h>

#include "tap.h"

static const struct {
	const char *text;
	enum size_kind kind;
	uint64_t value;
} good[] = {
	{ "auto", SIZE_AUTO, 0 },
	{ "AUTO", SIZE_AUTO, 0 },
	{ "1", SIZE_BYTES, 1 },
	{ "1073741824", SIZE_BYTES, 1073741824 },
	{ "007", SIZE_BYTES, 7 },
	{ "1500m", SIZE_BYTES, 1500ULL << 20 },
	{ "1500M", SIZE_BYTES, 1500ULL << 20 },
	{ "4k", SIZE_BYTES, 4096 },
	{ "2g", SIZE_BYTES, 2ULL << 30 },
	{ "3T", SIZE_BYTES, 3ULL << 40 },
	{ "8388607t", SIZE_BYTES, 8388607ULL << 40 },
	{ "75%", SIZE_PERCENT, 75 },
	{ "1%", SIZE_PERCENT, 1 },
	{ "100%", SIZE_PERCENT, 100 },
	{ "9223372036854775790", SIZE_BYTES, 9223372036854775790ULL },
};

static const char *const bad[] = {
	"",
	" ",
	"0",
	"0k",
	"0%",
	"101%",
	"-1",
	"-1m",
	"+1",
	" 1",
	"1 ",
	"m",
	"%",
	"k1",
	"1kk",
	"1kb",
	"1%%",
	"1.5g",
	"0x10",
	"1p",
	"1e3",
	"10m%",
	"autos",
	"aut",
	"1\xc2",
	"8388608t",
	"1,2",
	"9223372036854775808",
	"18446744073709551616",
	"99999999999999999999999999%",
	"9007199254740992k",
};

static const struct {
	uint64_t bytes;
	const char *text;
} formats[] = {
	{ 0, "0 B" },
	{ 1, "1 B" },
	{ 1023, "1023 B" },
	{ 1024, "1 KiB" },
	{ 17 * 1024 + 100, "17 KiB" },
	{ 1 << 20, "1.0 MiB" },
	{ 270847181, "258.3 MiB" },
	{ 1 << 30, "1.00 GiB" },
	{ 1288490189, "1.20 GiB" },
	{ UINT64_MAX, "17179869184.00 GiB" },
};

int main(void)
{
	char text[SIZE_TEXT_MAX];
	struct size s;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		s = (struct size){ SIZE_PERCENT, 4711 };
		ok(size_parse(good[i].text, &s) == 0 && s.kind == good[i].kind &&
			   s.value == good[i].value,
		   "'%s' is read", good[i].text);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		s = (struct size){ SIZE_PERCENT, 4711 };
		ok(size_parse(bad[i], &s) == -EINVAL && s.kind == SIZE_PERCENT && s.value == 4711,
		   "'%s' is refused and changes nothing", bad[i]);
	}
	for (size_t i = 0; i < ARRAY_SIZE(formats); i++)
		is_str(size_format(text, formats[i].bytes), formats[i].text, "%s", formats[i].text);
	return done_testing();
}
