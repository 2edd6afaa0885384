/* Two sorted lists, merged. */
#include "image/contents_diff.h"

#include <string.h>

#include "image/inspect_json.h"
#include "base/print.h"
#include "base/size.h"

struct diff {
	FILE *out;
	bool as_json;
	uint64_t added, removed, changed;
	int64_t ram;
	double packed;
};

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

/* Writes to text what differs, or "" if nothing does. */
static void describe(const struct listed *old, const struct listed *new, char *text, size_t room)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

	*text = '\0';
	if (old->type != new->type)
		snprintf(text, room, "%s -> %s", listed_type(old), listed_type(new));
	else if (old->size != new->size)
		snprintf(text, room, "%s -> %s", size_format(a, old->size),
			 size_format(b, new->size));
	else if (!same_text(old->target, new->target))
		snprintf(text, room, "target");
	else if (old->rdev != new->rdev)
		snprintf(text, room, "device number");
	else if (old->mode != new->mode)
		snprintf(text, room, "mode %04o -> %04o", (unsigned)old->mode, (unsigned)new->mode);
	else if (old->uid != new->uid || old->gid != new->gid)
		snprintf(text, room, "owner %u:%u -> %u:%u", old->uid, old->gid, new->uid,
			 new->gid);
	else if (old->type == MEMBER_FILE && (old->mtime.tv_sec != new->mtime.tv_sec ||
					      old->mtime.tv_nsec != new->mtime.tv_nsec))
		snprintf(text, room, "time");
}

static void write_json(struct diff *d, const struct listed *old, const struct listed *new)
{
	fprintf(d->out, "%s\n    { ", d->added + d->removed + d->changed > 1 ? "," : "");
	if (old) {
		fputs("\"old\": ", d->out);
		inspect_json_member(old, d->out);
	}
	if (new) {
		fputs(old ? ", \"new\": " : "\"new\": ", d->out);
		inspect_json_member(new, d->out);
	}
	fputs(" }", d->out);
}

/* One of them may be NULL. */
static void tell(struct diff *d, const struct listed *old, const struct listed *new)
{
	char what[80] = "", size[SIZE_TEXT_MAX];
	const struct listed *m = new ? new : old;

	/* Also of what is the same: another compression makes it take less or more of the image. */
	d->ram += (int64_t)(new ? new->ram : 0) - (int64_t)(old ? old->ram : 0);
	d->packed += (new ? new->packed : 0) - (old ? old->packed : 0);
	if (old && new) {
		describe(old, new, what, sizeof(what));
		if (!*what)
			return;
	}
	d->added += !old;
	d->removed += !new;
	d->changed += old && new;
	if (d->as_json) {
		write_json(d, old, new);
		return;
	}
	fprintf(d->out, "%c  %10s  ", old ? new ? '~' : '-' : '+', size_format(size, m->size));
	print_path(d->out, m->path, -1);
	fprintf(d->out, "%s%s%s\n", *what ? " (" : "", what, *what ? ")" : "");
}

void contents_diff(const struct contents *old, const struct contents *new, bool as_json, FILE *out)
{
	struct diff d = { .out = out, .as_json = as_json };
	size_t i = 0, j = 0;
	int order;

	if (as_json)
		fputs("{\n  \"differences\": [", out);
	while (i < old->n || j < new->n) {
		order = i == old->n   ? 1
			: j == new->n ? -1
				      : strcmp(old->members[i].path, new->members[j].path);
		tell(&d, order <= 0 ? &old->members[i] : NULL,
		     order >= 0 ? &new->members[j] : NULL);
		i += order <= 0;
		j += order >= 0;
	}
	fprintf(out,
		as_json ? "\n  ],\n  \"added\": %llu, \"removed\": %llu, \"changed\": %llu, "
			  "\"ram_bytes\": %.0f, \"image_bytes\": %.0f\n}\n"
			: "%llu added, %llu removed, %llu changed; %+.0f bytes in RAM, %+.0f in "
			  "the "
			  "image\n",
		(unsigned long long)d.added, (unsigned long long)d.removed,
		(unsigned long long)d.changed, (double)d.ram, d.packed);
}
