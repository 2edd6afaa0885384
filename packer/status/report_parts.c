/* A place for each machine that sends. */
#include "status/report_parts.h"

#include <stdio.h>
#include <string.h>

static struct report_part *find(struct report_parts *p, const char *mac)
{
	struct report_part *oldest = &p->reports[0];

	for (size_t i = 0; i < REPORTS_AT_ONCE; i++) {
		if (strcmp(p->reports[i].mac, mac) == 0)
			return &p->reports[i];
		if (p->reports[i].heard < oldest->heard)
			oldest = &p->reports[i];
	}
	oldest->got = oldest->size = 0;
	snprintf(oldest->mac, sizeof(oldest->mac), "%s", mac);
	return oldest;
}

const char *report_parts_add(struct report_parts *p, const char *mac, const char *part,
			     uint64_t now)
{
	unsigned long long offset, size;
	struct report_part *r;
	int used = 0;
	size_t n;

	if (sscanf(part, "%llu/%llu%n", &offset, &size, &used) != 2 || part[used] != ' ' ||
	    size > REPORT_MAX)
		return NULL;
	part += used + 1;
	n = strlen(part);
	r = find(p, mac);
	if (offset == 0) {
		r->got = 0;
		r->size = (size_t)size;
	}
	if (r->size != size || offset != r->got || n > r->size - r->got)
		return NULL;
	memcpy(r->text + r->got, part, n + 1);
	r->got += n;
	r->heard = now;
	if (r->got < r->size)
		return NULL;
	*r->mac = '\0'; /* the place is free, the text stays until it is taken */
	r->heard = 0;
	r->size = r->got = 0;
	return r->text;
}
