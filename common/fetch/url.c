/*
 * The parser of URLs takes what an HTTP client can ask for without guessing, and no more: what browsers mend (spaces, short
 * IPv4 addresses, a missing path of slashes) is refused here, where somebody still reads the message.
 */
#include "fetch/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <strings.h>

#define SCHEME "http://"
#define LABEL_MAX 63 /* between the dots of a name: RFC 1035 */
#define NAME_MAX_DNS 253

static bool is_letter(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool is_hex(char c)
{
	return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

bool url_is_one(const char *text)
{
	size_t n = 0;

	if (!is_letter(*text))
		return false;
	while (is_letter(text[n]) || is_digit(text[n]) || (text[n] && strchr("+-.", text[n])))
		n++;
	/* One slash too few, but nobody means a path by it. */
	return strncmp(text + n, "://", 3) == 0 || strncasecmp(text, "http:", 5) == 0 ||
	       strncasecmp(text, "https:", 6) == 0;
}

/* The first character that RFC 3986 has in no URL, or a % without its two digits; NULL: all are good. */
static const char *wrong_character(const char *text)
{
	for (; *text; text++) {
		if (*text <= ' ' || *text > '~' || strchr("\"<>\\^`{|}", *text))
			return text;
		if (*text == '%' && !(is_hex(text[1]) && is_hex(text[2])))
			return text;
	}
	return NULL;
}

static int check_text(const char *text, struct fail *f)
{
	const char *wrong;

	if (strncasecmp(text, "https:", 6) == 0)
		return fail_set(
			f, EINVAL, text,
			"Use http:. The digests in the manifest find every changed byte, so TLS "
			"would only hide what the file holds: keep secrets out of it.",
			"https: is not supported");
	if (!url_is_one(text))
		return fail_set(f, EINVAL, text, "Write http://SERVER/PATH.", "it is no URL");
	if (strncasecmp(text, SCHEME, strlen(SCHEME)) != 0)
		return fail_set(f, EINVAL, text, "Use http://SERVER/PATH.",
				"only http:// is supported");
	if (strlen(text) >= URL_MAX)
		return fail_set(f, EINVAL, text, "Publish the file under a shorter name.",
				"a URL may have %d characters, this one has %zu", URL_MAX - 1,
				strlen(text));
	wrong = wrong_character(text);
	if (wrong)
		return fail_set(f, EINVAL, text, "Percent-encode it: a space is %20.",
				"\"%.1s\" at character %zu cannot be in a URL", wrong,
				(size_t)(wrong - text) + 1);
	if (strchr(text, '#'))
		return fail_set(f, EINVAL, text, "Leave out \"#\" and what follows.",
				"\"#\" names a place in a page, and no server sees it");
	return 0;
}

/* Names as DNS and files of hosts have them; '_' happens there. */
static bool is_name(const char *host)
{
	size_t length = strlen(host), label = 0;

	if (length > NAME_MAX_DNS)
		return false;
	for (size_t i = 0; i < length; i++) {
		if (host[i] == '.') {
			if (label == 0)
				return false;
			label = 0;
		} else if (!is_letter(host[i]) && !is_digit(host[i]) && !strchr("-_", host[i])) {
			return false;
		} else if (++label > LABEL_MAX) {
			return false;
		}
	}
	return length > 0;
}

/* No name ends in a number, so it is meant as an IPv4 address; clients read "10.1" and "0x7f000001" as one, each in its way. */
static bool ends_in_number(const char *host)
{
	const char *last = strrchr(host, '.');

	last = last ? last + 1 : host;
	return (last[0] == '0' && (last[1] == 'x' || last[1] == 'X')) ||
	       (*last && last[strspn(last, "0123456789")] == '\0');
}

static int check_host(struct url *u, struct fail *f)
{
	struct in6_addr address;

	if (u->is_ipv6) {
		if (inet_pton(AF_INET6, u->host, &address) == 1)
			return 0;
		return fail_set(f, EINVAL, u->text, "Correct what stands in the brackets.",
				"\"%s\" is not an IPv6 address", u->host);
	}
	if (*u->host == '\0')
		return fail_set(f, EINVAL, u->text, "Write http://SERVER/PATH.",
				"it names no server");
	u->is_ipv4 = inet_pton(AF_INET, u->host, &address) == 1;
	if (u->is_ipv4)
		return 0;
	if (ends_in_number(u->host))
		return fail_set(f, EINVAL, u->text, "Write all four numbers: 192.0.2.1.",
				"\"%s\" is not an IPv4 address", u->host);
	if (!is_name(u->host))
		return fail_set(f, EINVAL, u->text, "Correct the name of the server.",
				"\"%s\" cannot be the name of a server", u->host);
	return 0;
}

/* at: behind the host. */
static int parse_port(struct url *u, const char *at, size_t size, struct fail *f)
{
	unsigned port = 0;

	u->port = 80;
	if (size == 0)
		return 0;
	for (size_t i = 1; i < size && port <= UINT16_MAX; i++)
		port = is_digit(at[i]) ? port * 10 + (unsigned)(at[i] - '0') : UINT16_MAX + 1;
	if (*at != ':' || port == 0 || port > UINT16_MAX)
		return fail_set(f, EINVAL, u->text, "Leave it out for port 80.",
				"\"%.*s\" is not a port: \":\" and a number from 1 to 65535",
				(int)size, at);
	u->port = (uint16_t)port;
	return 0;
}

/* Where the host ends, in the size bytes of host and port. */
static int parse_host(struct url *u, const char *at, size_t size, struct fail *f)
{
	const char *end;
	size_t host;

	u->is_ipv6 = *at == '[';
	end = memchr(at, u->is_ipv6 ? ']' : ':', size);
	if (u->is_ipv6 && !end)
		return fail_set(f, EINVAL, u->text, "Write http://[ADDRESS]/PATH.",
				"\"]\" is missing");
	if (!end)
		end = at + size;
	host = (size_t)(end - at) - u->is_ipv6;
	if (host >= sizeof(u->host))
		return fail_set(f, EINVAL, u->text, "Correct the name of the server.",
				"the name of a server has at most %d characters, this one has %zu",
				NAME_MAX_DNS, host);
	memcpy(u->host, at + u->is_ipv6, host);
	end += u->is_ipv6;
	if (parse_port(u, end, size - (size_t)(end - at), f) < 0)
		return -EINVAL;
	return check_host(u, f);
}

int url_parse(const char *text, struct url *ret, struct fail *f)
{
	struct url u = { 0 };
	const char *host;
	size_t size;

	if (check_text(text, f) < 0)
		return -EINVAL;
	strcpy(u.text, text);
	host = text + strlen(SCHEME);
	size = strcspn(host, "/?");
	if (memchr(host, '@', size))
		return fail_set(f, EINVAL, text,
				"Leave out what stands before \"@\"; whoever can ask the server "
				"must be allowed to read the file.",
				"user names and passwords are not supported");
	if (parse_host(&u, host, size, f) < 0)
		return -EINVAL;
	*ret = u;
	return 0;
}

int url_list_beside(const struct url *urls, size_t n, const char *suffix, struct url *ret,
		    struct fail *f)
{
	char name[URL_MAX + URL_SUFFIX_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++) {
		size_t query = strcspn(urls[i].text, "?");

		snprintf(name, sizeof(name), "%.*s%s%s", (int)query, urls[i].text, suffix,
			 urls[i].text + query);
		r = url_parse(name, &ret[i], f);
	}
	return r;
}

void url_list_rotate(struct url *urls, size_t n)
{
	struct url first = urls[0];

	memmove(urls, urls + 1, (n - 1) * sizeof(*urls));
	urls[n - 1] = first;
}

/* A proxy and the base of a site need no path, a file does. */
static int check_file(const struct url *u, struct fail *f)
{
	const char *path = u->text + strlen(SCHEME);

	path += strcspn(path, "/?");
	if (*path == '/' && path[1])
		return 0;
	return fail_set(f, EINVAL, u->text, "Write http://SERVER/PATH.",
			"it names a server, but no file on it");
}

int url_list_parse(const char *text, struct url ret[URLS_MAX], size_t *ret_n, struct fail *f)
{
	struct url urls[URLS_MAX];
	size_t n = 0;

	for (const char *at = text, *next; at; at = next) {
		size_t size = strcspn(at, ",");
		_cleanup_free_ char *one = strndup(at, size);

		next = at[size] ? at + size + 1 : NULL;
		if (!one)
			return fail_errno(f, ENOMEM, text, "cannot read the list of URLs");
		if (n == URLS_MAX)
			return fail_set(f, E2BIG, text, "Leave some out.",
					"a list may have %d URLs", URLS_MAX);
		if (size == 0)
			return fail_set(f, EINVAL, text,
					"Delete a comma. One that belongs to a URL must be "
					"percent-encoded.",
					"a URL is missing before or behind a comma");
		if (url_parse(one, &urls[n], f) < 0 || check_file(&urls[n++], f) < 0)
			return -EINVAL;
	}
	memcpy(ret, urls, n * sizeof(urls[0]));
	*ret_n = n;
	return 0;
}

/* FNV-1a, and then what lets each bit of the input change each of the result: the last bytes of MACs of one maker differ only
 * a little. */
static uint64_t weight(const struct url *u, const uint8_t mac[6])
{
	uint64_t hash = 0xcbf29ce484222325;

	for (size_t i = 0; i < 6; i++)
		hash = (hash ^ mac[i]) * 0x100000001b3;
	for (const char *c = u->text; *c; c++)
		hash = (hash ^ (uint8_t)*c) * 0x100000001b3;
	hash ^= hash >> 32;
	hash *= 0xd6e8feb86659fd93;
	hash ^= hash >> 32;
	return hash * 0xd6e8feb86659fd93;
}

void url_list_order(struct url *urls, size_t n, const uint8_t mac[6])
{
	for (size_t i = 1; i < n; i++) {
		struct url u = urls[i];
		uint64_t w = weight(&u, mac);
		size_t to = i;

		for (; to > 0 && weight(&urls[to - 1], mac) > w; to--)
			urls[to] = urls[to - 1];
		urls[to] = u;
	}
}
