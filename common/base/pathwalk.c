/* The rest of a path in one buffer. */
#include "base/pathwalk.h"

#include <errno.h>
#include <string.h>

/* Is the last component taken out of the rest? Slashes behind it do not count. */
static bool is_last(const struct pathwalk *w)
{
	return w->next[strspn(w->next, "/")] == '\0';
}

static int prepend(struct pathwalk *w, const char *text, size_t length)
{
	if ((size_t)(w->next - w->rest) < length + 1)
		return -ENAMETOOLONG;
	*--w->next = '/';
	w->next -= length;
	memcpy(w->next, text, length);
	return 0;
}

int pathwalk_start(struct pathwalk *w, const char *path)
{
	size_t length = strlen(path);

	w->links = 0;
	w->must_be_directory = length > 0 && path[length - 1] == '/';
	w->next = w->rest + sizeof(w->rest) - 1;
	*w->next = '\0';
	return prepend(w, path, length);
}

int pathwalk_follow(struct pathwalk *w, const char *target, size_t length)
{
	if (length == 0)
		return -ENOENT;
	if (++w->links > PATHWALK_LINKS_MAX)
		return -ELOOP;
	if (target[length - 1] == '/' && is_last(w))
		w->must_be_directory = true;
	return prepend(w, target, length);
}

/* Cuts the next component, "" at the end, out of the rest into name. */
static int next_component(struct pathwalk *w, char name[NAME_MAX + 1], bool *ret_last)
{
	size_t length;

	w->next += strspn(w->next, "/");
	length = strcspn(w->next, "/");
	if (length > NAME_MAX)
		return -ENAMETOOLONG;
	memcpy(name, w->next, length);
	name[length] = '\0';
	w->next += length;
	*ret_last = is_last(w);
	return 0;
}

int pathwalk_to_last(struct pathwalk *w, char name[NAME_MAX + 1])
{
	bool last;
	int r;

	for (;;) {
		r = next_component(w, name, &last);
		if (r < 0)
			return r;
		if (strcmp(name, "..") == 0)
			r = w->up(w);
		else if (*name && strcmp(name, ".") != 0) {
			if (last)
				return 0;
			r = w->enter(w, name);
		}
		if (r < 0)
			return r;
		if (last) {
			*name = '\0';
			return 0;
		}
	}
}
