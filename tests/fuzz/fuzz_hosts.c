/* A hosts file of anybody: what is accepted can be put into netboot.conf, the configurations of servers and menus as it is. */
#include "site/hosts_file.h"

#include "fuzz.h"

static void check(const struct hosts_machine *m)
{
	char mac[MAC_TEXT_MAX];

	promise(strlen(m->mac) == MAC_TEXT_MAX - 1 && mac_parse(m->mac, strlen(m->mac), ':', mac) &&
		strcmp(mac, m->mac) == 0);
	promise(!*m->name || name_is_plain(m->name));
	promise(!*m->entry || name_is_plain(m->entry));
	promise(memchr(m->layer, '\0', sizeof(m->layer)) && !strpbrk(m->layer, "\n"));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	static struct hosts_machine m;
	struct hosts_file h = { .at = text };
	const char *wrong;
	int r;

	memcpy(text, data, size);
	text[size] = '\0';
	while ((r = hosts_next(&h, &m, &wrong)) > 0) {
		fuzz_accepted++;
		check(&m);
	}
	promise((r < 0) == (wrong != NULL) && h.at <= text + strlen(text));
	free(text);
	return 0;
}
