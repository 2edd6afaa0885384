/* URLs: what is read, what is refused in which words, lists, and the order of mirrors. */
#include "fetch/url.h"

#include <errno.h>
#include <stdio.h>

#include "tap.h"

#define LABEL_63 "a23456789b123456789c123456789d123456789e123456789f123456789g123"

static const struct {
	const char *text, *host;
	unsigned port, version; /* of IP; 0: host is a name */
} good[] = {
	{ "http://server/root.tar.xz", "server", 80, 0 },
	{ "http://server", "server", 80, 0 },
	{ "http://server/", "server", 80, 0 },
	{ "HTTP://Server.Example.org:8080/a/b?c=d&e=%2f", "Server.Example.org", 8080, 0 },
	{ "http://server?x=y@z", "server", 80, 0 },
	{ "http://server/a@b:c", "server", 80, 0 },
	{ "http://server.example.:1/", "server.example.", 1, 0 },
	{ "http://my_pc-7:65535/~u/[x]", "my_pc-7", 65535, 0 },
	{ "http://192.0.2.1/x", "192.0.2.1", 80, 4 },
	{ "http://192.0.2.1:00080/x", "192.0.2.1", 80, 4 },
	{ "http://[2001:db8::1]/x", "2001:db8::1", 80, 6 },
	{ "http://[::1]:8080/x", "::1", 8080, 6 },
	{ "http://[::ffff:192.0.2.1]", "::ffff:192.0.2.1", 80, 6 },
	{ "http://1.server/x", "1.server", 80, 0 },
	{ "http://" LABEL_63 "." LABEL_63 "/x", LABEL_63 "." LABEL_63, 80, 0 },
};

#define IS_PATH "it is no URL", "Write http://SERVER/PATH."
#define NO_TLS                                                                            \
	"https: is not supported",                                                        \
		"Use http:. The digests in the manifest find every changed byte, so TLS " \
		"would only hide what the file holds: keep secrets out of it."
#define AS_PERCENT "Percent-encode it: a space is %20."
#define NO_USERS                                                           \
	"user names and passwords are not supported",                      \
		"Leave out what stands before \"@\"; whoever can ask the " \
		"server must be allowed to read the file."
#define NO_PORT(port)                                                     \
	"\"" port "\" is not a port: \":\" and a number from 1 to 65535", \
		"Leave it out for port 80."
#define NO_IPV4(host) "\"" host "\" is not an IPv4 address", "Write all four numbers: 192.0.2.1."
#define NO_IPV6(host) "\"" host "\" is not an IPv6 address", "Correct what stands in the brackets."
#define NO_NAME(host) \
	"\"" host "\" cannot be the name of a server", "Correct the name of the server."

static const struct {
	const char *text, *why, *todo;
} bad[] = {
	{ "", IS_PATH },
	{ "/rootfs.tar.xz", IS_PATH },
	{ "server/root.tar.xz", IS_PATH },
	{ "://server/x", IS_PATH },
	{ "https://server/x", NO_TLS },
	{ "HTTPS:server", NO_TLS },
	{ "ftp://server/x", "only http:// is supported", "Use http://SERVER/PATH." },
	{ "http:/server/x", "only http:// is supported", "Use http://SERVER/PATH." },
	{ "httpx://server/x", "only http:// is supported", "Use http://SERVER/PATH." },
	{ "http://", "it names no server", "Write http://SERVER/PATH." },
	{ "http:///x", "it names no server", "Write http://SERVER/PATH." },
	{ "http://:80/x", "it names no server", "Write http://SERVER/PATH." },
	{ "http://server/a b", "\" \" at character 16 cannot be in a URL", AS_PERCENT },
	{ "http://server/a\n", "\"\\012\" at character 16 cannot be in a URL", AS_PERCENT },
	{ "http://server/\xc3\xa9", "\"\\303\" at character 15 cannot be in a URL", AS_PERCENT },
	{ "http://server/\x7f", "\"\\177\" at character 15 cannot be in a URL", AS_PERCENT },
	{ "http://server/a%2", "\"%\" at character 16 cannot be in a URL", AS_PERCENT },
	{ "http://server/%zz", "\"%\" at character 15 cannot be in a URL", AS_PERCENT },
	{ "http://server\\x", "\"\\\" at character 14 cannot be in a URL", AS_PERCENT },
	{ "http://server/x#y", "\"#\" names a place in a page, and no server sees it",
	  "Leave out \"#\" and what follows." },
	{ "http://user@server/x", NO_USERS },
	{ "http://user:password@server", NO_USERS },
	{ "http://@server/x", NO_USERS },
	{ "http://server:/x", NO_PORT(":") },
	{ "http://server:0/x", NO_PORT(":0") },
	{ "http://server:65536/x", NO_PORT(":65536") },
	{ "http://server:4294967376/x", NO_PORT(":4294967376") },
	{ "http://server:-1/x", NO_PORT(":-1") },
	{ "http://server:80:80/x", NO_PORT(":80:80") },
	{ "http://[::1]x/", NO_PORT("x") },
	{ "http://[::1]80", NO_PORT("80") },
	{ "http://2001:db8::1/x", NO_PORT(":db8::1") },
	{ "http://192.0.2/x", NO_IPV4("192.0.2") },
	{ "http://192.0.2.256/x", NO_IPV4("192.0.2.256") },
	{ "http://192.0.2.1.1", NO_IPV4("192.0.2.1.1") },
	{ "http://0x7f000001/x", NO_IPV4("0x7f000001") },
	{ "http://7/x", NO_IPV4("7") },
	{ "http://[::1/x", "\"]\" is missing", "Write http://[ADDRESS]/PATH." },
	{ "http://[]/x", NO_IPV6("") },
	{ "http://[192.0.2.1]/x", NO_IPV6("192.0.2.1") },
	{ "http://[fe80::1%25eth0]/x", NO_IPV6("fe80::1%25eth0") },
	{ "http://a..b/x", NO_NAME("a..b") },
	{ "http://.a/x", NO_NAME(".a") },
	{ "http://a%41/x", NO_NAME("a%41") },
	{ "http://a,b/x", NO_NAME("a,b") },
	{ "http://a" LABEL_63 "/x", NO_NAME("a" LABEL_63) },
};

static void check_good(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct url u;
		struct fail f = { 0 };

		is_int(url_parse(good[i].text, &u, &f), 0, "%s", good[i].text);
		is_str(u.text, good[i].text, "its text");
		is_str(u.host, good[i].host, "its host");
		is_int(u.port, good[i].port, "its port");
		is_int(u.is_ipv4 ? 4 : u.is_ipv6 ? 6 : 0, good[i].version, "its IP");
		ok(url_is_one(good[i].text), "it is one");
	}
}

static void check_bad(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct url u, before;
		struct fail f = { 0 };

		memset(&u, 'x', sizeof(u));
		before = u;
		is_int(url_parse(bad[i].text, &u, &f), -EINVAL, "%s", bad[i].text);
		is_int(f.error, EINVAL, "error");
		is_str(f.why, bad[i].why, "why");
		is_str(f.todo, bad[i].todo, "what to do");
		ok(memcmp(&u, &before, sizeof(u)) == 0, "nothing is written");
	}
}

static void check_is_one(void)
{
	static const char *const paths[] = { "",      "/x",      "/http://x",
					     "x",     "x:y",     "./http:x",
					     "1://x", "a b://x", "docker-archive:x" };
	static const char *const urls[] = { "http://", "http:x", "HTTPS:", "ftp://x",
					    "a+b-c.d://" };

	for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
		ok(!url_is_one(paths[i]), "a path: %s", paths[i]);
	for (size_t i = 0; i < ARRAY_SIZE(urls); i++)
		ok(url_is_one(urls[i]), "a URL: %s", urls[i]);
}

/* The longest text and the longest name, and one more. */
static void check_limits(void)
{
	char text[URL_MAX + 1], why[128];
	struct fail f = { 0 };
	struct url u;

	memset(text, 'x', sizeof(text));
	memcpy(text, "http://server/", 14);
	text[URL_MAX - 1] = '\0';
	is_int(url_parse(text, &u, &f), 0, "%d characters", URL_MAX - 1);
	is_str(u.text, text, "all are there");
	text[URL_MAX - 1] = 'x';
	text[URL_MAX] = '\0';
	is_int(url_parse(text, &u, &f), -EINVAL, "%d characters", URL_MAX);
	is_str(f.why, "a URL may have 511 characters, this one has 512", "why");
	is_str(f.todo, "Publish the file under a shorter name.", "what to do");

	snprintf(text, sizeof(text), "http://%s.%s.%s.%.61s", LABEL_63, LABEL_63, LABEL_63,
		 LABEL_63);
	is_int(url_parse(text, &u, &f), 0, "a name of 253 characters");
	is_int((long long)strlen(u.host), 253, "all are there");
	strcat(text, "x");
	is_int(url_parse(text, &u, &f), -EINVAL, "a name of 254 characters");
	snprintf(why, sizeof(why), "\"%.40s", LABEL_63);
	ok(strncmp(f.why, why, strlen(why)) == 0, "why: %s", f.why);
	strcat(text, "xx");
	is_int(url_parse(text, &u, &f), -EINVAL, "a name of 256 characters");
	is_str(f.why, "the name of a server has at most 253 characters, this one has 256", "why");
}

static void check_list(const char *text, int want, size_t n, const char *why, const char *todo)
{
	struct url urls[URLS_MAX] = { 0 };
	struct fail f = { 0 };
	size_t have = 99;

	is_int(url_list_parse(text, urls, &have, &f), want, "list %s", text);
	is_int((long long)have, want ? 99 : (long long)n, "how many");
	is_str(f.why, why, "why");
	is_str(f.todo, todo, "what to do");
	is_str(urls[0].text, want ? "" : "http://a/x", "the first");
	for (size_t i = 1; i < n; i++)
		is_str(urls[i].text, "http://b:8/y", "number %zu", i);
}

#define B ",http://b:8/y"
#define B15 B B B B B B B B B B B B B B B

#define NO_FILE "it names a server, but no file on it", "Write http://SERVER/PATH."

static void check_lists(void)
{
	static const char missing[] = "a URL is missing before or behind a comma";
	static const char delete[] =
		"Delete a comma. One that belongs to a URL must be percent-encoded.";

	check_list("http://a/x", 0, 1, "", "");
	check_list("http://a/x" B B, 0, 3, "", "");
	check_list("http://a/x" B15, 0, 16, "", "");
	check_list("http://a/x" B15 B, -E2BIG, 0, "a list may have 16 URLs", "Leave some out.");
	check_list("", -EINVAL, 0, missing, delete);
	check_list("http://a/x,", -EINVAL, 0, missing, delete);
	check_list(",http://a/x", -EINVAL, 0, missing, delete);
	check_list("http://a/x,," B, -EINVAL, 0, missing, delete);
	check_list("http://a/x,b", -EINVAL, 0, IS_PATH);
	check_list("http://a/x,https://b/y", -EINVAL, 0, NO_TLS);
	check_list("http://a", -EINVAL, 0, NO_FILE);
	check_list("http://a/x,http://b:8/", -EINVAL, 0, NO_FILE);
	check_list("http://a?/x", -EINVAL, 0, NO_FILE);
}

/* 6000 machines whose MACs follow each other: each of six mirrors is at each place 1000 times, within six standard deviations. */
static void check_order(void)
{
	enum { MIRRORS = 6, MACHINES = 6000, SLACK = 6 * 29 };
	unsigned seen[MIRRORS][MIRRORS] = { 0 };
	struct url first[MIRRORS], urls[MIRRORS];
	bool same = true, even = true;

	for (unsigned m = 0; m < MACHINES; m++) {
		uint8_t mac[6] = { 0x52, 0x54, 0, 0, (uint8_t)(m >> 8), (uint8_t)m };

		for (unsigned i = 0; i < MIRRORS; i++) {
			memset(&urls[i], 0, sizeof(urls[i]));
			snprintf(urls[i].text, URL_MAX, "http://mirror%u/root.tar.xz", i);
			first[MIRRORS - 1 - i] = urls[i];
		}
		url_list_order(urls, MIRRORS, mac);
		url_list_order(first, MIRRORS, mac);
		same = same && memcmp(urls, first, sizeof(urls)) == 0;
		for (unsigned i = 0; i < MIRRORS; i++)
			seen[i][urls[i].text[13] - '0']++;
	}
	ok(same, "the order does not depend on that of the list");
	for (unsigned i = 0; i < MIRRORS * MIRRORS; i++) {
		unsigned n = seen[i / MIRRORS][i % MIRRORS];

		even = even && n > 1000 - SLACK && n < 1000 + SLACK;
		if (!even)
			diag("mirror %u at place %u: %u", i % MIRRORS, i / MIRRORS, n);
	}
	ok(even, "each mirror is at each place as often");
}

static void check_manifests(void)
{
	static const char *const want[] = { "http://a/x/root.tar.xz.manifest",
					    "http://[::1]:81/r.manifest?key=1" };
	struct url urls[URLS_MAX], beside[URLS_MAX];
	struct fail f;
	char text[URL_MAX + 1];
	size_t n;

	is_int(url_list_parse("http://a/x/root.tar.xz,http://[::1]:81/r?key=1", urls, &n, &f), 0,
	       "two files");
	is_int(url_list_beside(urls, n, ".manifest", beside, &f), 0, "have manifests beside them");
	for (size_t i = 0; i < ARRAY_SIZE(want); i++)
		is_str(beside[i].text, want[i], "number %zu", i);
	snprintf(text, sizeof(text), "http://a/%0*d", URL_MAX - 12, 0);
	is_int(url_parse(text, urls, &f), 0, "a name that leaves no room for more");
	is_int(url_list_beside(urls, 1, ".manifest", beside, &f), -EINVAL, "has none");
}

int main(void)
{
	check_good();
	check_bad();
	check_is_one();
	check_limits();
	check_lists();
	check_manifests();
	check_order();
	return done_testing();
}
