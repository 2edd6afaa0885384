/* A place for each machine that sends. */
#include "status/report_parts.h"

#include <stdio.h>
#include <string.h>

static bool is_whole(const struct report_part *r)
{
	return *r->mac && r->got == r->size;
}

static struct report_part *find(struct report_parts *p, const char *mac)
{
	for (size_t i = 0; i < REPORTS_AT_ONCE; i++)
		if (strcmp(p->reports[i].mac, mac) == 0)
			return &p->reports[i];
	return NULL;
}

/* A free place, or that of a machine that has stopped in the middle. NULL: all are in use. */
static struct report_part *make_room(struct report_parts *p, uint64_t now)
{
	struct report_part *oldest = find(p, "");

	for (size_t i = 0; !oldest && i < REPORTS_AT_ONCE; i++) {
		struct report_part *r = &p->reports[i];

		if (!is_whole(r) && now - r->heard >= REPORT_PAUSE_MS)
			oldest = r;
	}
	return oldest;
}

/* The first part decides how long it will be. */
static struct report_part *begin(struct report_parts *p, const char *mac, size_t size, uint64_t now)
{
	struct report_part *r = find(p, mac);

	r = r ? r : make_room(p, now);
	if (r) {
		snprintf(r->mac, sizeof(r->mac), "%s", mac);
		r->size = size;
		r->got = 0;
	}
	return r;
}

void report_parts_add(struct report_parts *p, const char *mac, const char *part, uint64_t now)
{
	unsigned long long offset, size;
	struct report_part *r;
	int used = 0;
	size_t n;

	if (sscanf(part, "%llu/%llu%n", &offset, &size, &used) != 2 || part[used] != ' ' ||
	    size == 0 || size > REPORT_MAX)
		return;
	part += used + 1;
	n = strlen(part);
	r = offset == 0 ? begin(p, mac, (size_t)size, now) : find(p, mac);
	if (!r || r->size != size || offset != r->got || n > r->size - r->got)
		return;
	memcpy(r->text + r->got, part, n + 1);
	r->got += n;
	r->heard = now;
}

const char *report_parts_take(struct report_parts *p, char ret_mac[MAC_TEXT_MAX])
{
	struct report_part *first = NULL;

	for (size_t i = 0; i < REPORTS_AT_ONCE; i++) {
		struct report_part *r = &p->reports[i];

		if (is_whole(r) && (!first || r->heard < first->heard))
			first = r;
	}
	if (!first)
		return NULL;
	strcpy(ret_mac, first->mac);
	*first->mac = '\0'; /* the place is free, the text stays until it is taken */
	return first->text;
}
