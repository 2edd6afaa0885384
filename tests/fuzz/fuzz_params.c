/* The kernel command line: nothing in it leads to a value out of range or a text without an end. */
#include "parameters/params.h"

#include <limits.h>

#include "fetch/url.h"
#include "fuzz.h"

#define is_text(t) (memchr(t, '\0', sizeof(t)) != NULL)

static void check(const struct params *p)
{
	promise(is_text(p->rootfs) && is_text(p->init) && is_text(p->mount));
	promise(is_text(p->ip.text) && is_text(p->bootif.text) && is_text(p->nameserver.text));
	promise(is_text(p->vlan.text) && is_text(p->proxy));
	promise(p->netwait >= 0 && p->netwait <= INT_MAX / 1000);
	promise(*p->rootfs == '/' || !*p->rootfs || url_is_one(p->rootfs));
	promise(*p->init == '/' || !*p->init);
	promise(p->shell <= (SHELL_FAIL | SHELL_START | SHELL_UNPACKED | SHELL_END));
	promise(p->onfail <= ONFAIL_SHELL && p->threads <= 4096);
	promise(!p->has_failwait || (p->failwait >= 0 && p->failwait <= INT_MAX));
	promise(!p->has_panic || (p->panic >= INT_MIN && p->panic <= INT_MAX));
	for (size_t i = 0; i < p->n_unknown && i < UNKNOWN_MAX; i++)
		promise(is_text(p->unknown[i].key) && p->unknown[i].suggestion);
	promise(p->size.kind == SIZE_AUTO || p->size.value > 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *cmdline = text_of(data, size);
	struct params p;
	struct fail f;

	memset(&p, 'x', sizeof(p));
	if (params_parse(cmdline, &p, &f) == 0)
		fuzz_accepted++;
	else
		promise(f.error > 0 && is_text(f.what) && is_text(f.why) && is_text(f.todo));
	check(&p); /* what can be understood, after a failure too */
	free(cmdline);
	return 0;
}
