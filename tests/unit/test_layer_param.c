/* tarboot.layer=: what it names, its digest, its variables, and what a machine may say of itself. */
#include "parameters/layer_param.h"

#include <errno.h>

#include "scratch.h"
#include "tap.h"

#define HEX "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"

static const struct {
	const char *text, *from;
	bool has_digest, may_be_missing;
} good[] = {
	{ "/l.tar", "/l.tar", false, false },
	{ "/l.tar?", "/l.tar", false, true },
	{ "/l.tar#" HEX, "/l.tar", true, false },
	{ "/l.tar#" HEX "?", "/l.tar", true, true },
	{ "/a?b", "/a?b", false, false },
	{ "/$mac/${uuid}-${serial}.tar", "/$mac/${uuid}-${serial}.tar", false, false },
	{ "http://s/l.tar.xz,http://[::1]:8/l.tar.xz#" HEX "?",
	  "http://s/l.tar.xz,http://[::1]:8/l.tar.xz", true, true },
	{ "http://s/${mac}/${ip}.tar?x=${hostname}", "http://s/${mac}/${ip}.tar?x=${hostname}",
	  false, false },
	{ "http://s/l.tar??", "http://s/l.tar?", false, true },
};

static const struct {
	const char *text, *why;
} bad[] = {
	{ "", "it is neither an absolute path nor a URL" },
	{ "?", "it is neither an absolute path nor a URL" },
	{ "l.tar", "it is neither an absolute path nor a URL" },
	{ "/l.tar#", "behind \"#\" there are no 64 hexadecimal digits" },
	{ "/l.tar#" HEX "0", "behind \"#\" there are no 64 hexadecimal digits" },
	{ "/l.tar?#" HEX "x", "behind \"#\" there are no 64 hexadecimal digits" },
	{ "/${mac", "\"${mac\" is no variable of a layer" },
	{ "/${}", "\"${}\" is no variable of a layer" },
	{ "/${Mac}", "\"${Mac}\" is no variable of a layer" },
	{ "/${mac:hexhyp}", "\"${mac:hexhyp}\" is no variable of a layer" },
	{ "/a${${mac}}", "\"${${mac}\" is no variable of a layer" },
	{ "http://${ip}/l", "the name of a server cannot have a variable" },
	{ "http://a/l,http://b${ip}:80/l", "the name of a server cannot have a variable" },
	{ "http://s", "it names a server, but no file on it" },
	{ "http://s/{}", "\"{\" at character 10 cannot be in a URL" },
	{ "https://s/l", "https: is not supported" },
};

static void test_parse(void)
{
	struct layer_param p;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		char *copy = exact_copy(good[i].text, strlen(good[i].text) + 1);

		memset(&p, 0x5a, sizeof(p));
		is_int(layer_param_parse(copy, &p, &f), 0, "%s", good[i].text);
		is_str(p.from, good[i].from, "%s: from", good[i].text);
		is_int(p.has_digest * 2 + p.may_be_missing,
		       good[i].has_digest * 2 + good[i].may_be_missing, "%s: what is behind",
		       good[i].text);
		ok(!p.has_digest || (p.digest.bytes[1] == 0x11 && p.digest.bytes[31] == 0xff),
		   "%s: the digest", good[i].text);
		free(copy);
	}
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		is_int(layer_param_parse(bad[i].text, &p, &f), -EINVAL, "%s", bad[i].text);
		is_str(f.why, bad[i].why, "%s: why", bad[i].text);
		ok(*f.todo, "%s: what to do", bad[i].text);
	}
}

static void test_long(void)
{
	char text[LAYER_FROM_MAX + 1];
	struct layer_param p;
	struct fail f;

	memset(text, 'a', sizeof(text));
	text[0] = '/';
	text[LAYER_FROM_MAX - 1] = '\0';
	is_int(layer_param_parse(text, &p, &f), 0, "the longest path");
	text[LAYER_FROM_MAX - 1] = 'a';
	text[LAYER_FROM_MAX] = '\0';
	is_int(layer_param_parse(text, &p, &f), -EINVAL, "one that is longer");
	text[LAYER_FROM_MAX - 1] = '\0';
	memcpy(text + 1, "${ip}", 5);
	must(layer_param_parse(text, &p, &f));
	is_int(layer_param_fill(&p, &(struct layer_values){ { "", "1:2:3:4" } }, text, &f), -E2BIG,
	       "one that gets longer");
}

static const struct {
	const char *text, *value;
	int r;
	const char *want; /* or why not */
} fills[] = {
	{ "/l.tar", "", 0, "/l.tar" },
	{ "/${hostname}.tar", "pc-1", 0, "/pc-1.tar" },
	{ "/${hostname}/${hostname}", "a.b_c:d-E", 0, "/a.b_c:d-E/a.b_c:d-E" },
	{ "/x${mac}", "pc", 0, "/x52:54:00:12:34:56" },
	{ "/${hostname}", "", -ENOENT, "this machine has no ${hostname} to fill in" },
	{ "/${hostname}", "..", -EINVAL,
	  "this machine's ${hostname} is \"..\", which has more than letters, digits and . _ : -" },
	{ "/${hostname}", "a/b", -EINVAL,
	  "this machine's ${hostname} is \"a/b\", which has more than letters, digits and . _ : "
	  "-" },
	{ "/${hostname}", "${mac}", -EINVAL,
	  "this machine's ${hostname} is \"${mac}\", which has more than letters, digits and . _ : "
	  "-" },
	{ "/${hostname}", "a\033[2J", -EINVAL,
	  "this machine's ${hostname} is \"a\\033[2J\", which has more than letters, digits and . "
	  "_ : "
	  "-" },
	{ "/${hostname}", "a b", -EINVAL,
	  "this machine's ${hostname} is \"a b\", which has more than letters, digits and . _ : "
	  "-" },
};

static void test_fill(void)
{
	struct layer_values values = { .is[LAYER_MAC] = "52:54:00:12:34:56" };
	char filled[LAYER_FROM_MAX];
	struct layer_param p;
	struct fail f;
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(fills); i++) {
		must(layer_param_parse(fills[i].text, &p, &f));
		strcpy(values.is[LAYER_HOSTNAME], fills[i].value);
		r = layer_param_fill(&p, &values, filled, &f);
		is_int(r, fills[i].r, "%s with %s", fills[i].text, fills[i].value);
		is_str(r < 0 ? f.why : filled, fills[i].want, "%s with %s", fills[i].text,
		       fills[i].value);
	}
}

static void test_list(void)
{
	const char *list = "/a?\n/b#" HEX "\nhttp://s/${mac}\n";
	struct url *urls = calloc(URLS_MAX, sizeof(*urls));
	struct layer_param p;
	struct fail f;
	size_t n = 0;

	ok(layer_params_next(&list, &p) && strcmp(p.from, "/a") == 0 && p.may_be_missing,
	   "the first");
	ok(layer_params_next(&list, &p) && strcmp(p.from, "/b") == 0 && p.has_digest, "the second");
	ok(layer_params_next(&list, &p) && strcmp(p.from, "http://s/${mac}") == 0, "the third");
	is_int(layer_param_servers(&p, urls, &n, &f), 0, "its servers");
	ok(n == 1 && strcmp(urls[0].host, "s") == 0, "one, s");
	ok(!layer_params_next(&list, &p), "no more");
	free(urls);
}

/* What a server can choose, if the boot part has keys. */
static const struct {
	const char *text;
	bool is_right;
} where[] = {
	{ "http://s/l.tar?x=/y", true },
	{ "http://s/l/${mac}.tar.xz?", true },
	{ "http://s/l/a-${mac}-${ip}.tar?x=/y", true },
	{ "http://s/${mac}.tar,http://t/u/${mac}.tar", true },
	{ "/l/${hostname}-?,x.tar", true },
	{ "http://s/${mac}/layer.tar.xz", false },
	{ "http://s/${mac}/${mac}.tar.xz", false },
	{ "http://s/layer.tar?m=${mac}", false },
	{ "http://s/${mac}.tar?m=/${mac}", false },
	{ "http://s/${mac}.tar,http://t/${mac}/l.tar", false },
	{ "http://s/l.tar,http://t/l.tar?${mac}", false },
	{ "/${hostname}/l.tar", false },
	{ "/${hostname}/l.tar#" HEX, true },
	{ "http://s/l.tar?m=${mac}#" HEX, true },
};

static void test_signed(void)
{
	struct layer_param p;
	struct fail f;

	for (size_t i = 0; i < ARRAY_SIZE(where); i++) {
		must(layer_param_parse(where[i].text, &p, &f));
		f = (struct fail){ 0 };
		is_int(layer_param_check_signed(&p, &f), where[i].is_right ? 0 : -EINVAL, "%s",
		       where[i].text);
		is_str(f.why,
		       where[i].is_right ? ""
					 : "it has a variable in a directory or query, but a "
					   "signature is for the name of the file",
		       "and why");
	}
}

int main(void)
{
	test_signed();
	test_parse();
	test_long();
	test_fill();
	test_list();
	return done_testing();
}
