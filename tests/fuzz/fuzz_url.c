/* URLs and lists of them: what is taken can be asked for as it is; what is refused comes with its sentence. */
#include "fetch/url.h"

#include "fuzz.h"

#define is_text(t) (memchr(t, '\0', sizeof(t)) != NULL)

static void check(const struct url *u)
{
	promise(is_text(u->text) && is_text(u->host) && *u->host && u->port > 0);
	promise(!(u->is_ipv4 && u->is_ipv6) && url_is_one(u->text));
	for (const char *c = u->text; *c; c++)
		promise(*c > ' ' && *c <= '~' && *c != '#');
	promise(strstr(u->text, u->host) != NULL);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = text_of(data, size);
	static const uint8_t mac[6] = { 2, 0, 0, 0, 0, 1 };
	struct url urls[URLS_MAX], again;
	struct fail f = { 0 };
	size_t n = 0;

	if (url_list_parse(text, urls, &n, &f) == 0) {
		fuzz_accepted++;
		promise(n > 0 && n <= URLS_MAX && f.error == 0);
		url_list_order(urls, n, mac);
		for (size_t i = 0; i < n; i++) {
			check(&urls[i]);
			promise(url_parse(urls[i].text, &again, &f) == 0);
			promise(memcmp(&again, &urls[i], sizeof(again)) == 0);
		}
	} else {
		promise(f.error > 0 && *f.why && is_text(f.what) && is_text(f.why) &&
			is_text(f.todo));
	}
	free(text);
	return 0;
}
