/* Pure: bytes in, answer out. */
#include "base/glob.h"

#include <string.h>

#include "base/path.h"

/* ---- patterns as they are written ---- */

/* What is understood elsewhere (rsync, .gitignore, shells), but would name nothing here. */
static const char *find_foreign(const char *glob)
{
	const char *brace = NULL;

	if (*glob == '!')
		return "it begins with !, which is not understood: use --keep (\\! is a name with "
		       "it)";
	if (*glob == '+' || (*glob == '-' && (glob[1] == ' ' || glob[1] == '\t')))
		return "it begins with + or -, which is not understood: use --keep and --exclude "
		       "(\\+ is a name with it)";
	for (; *glob; glob++) {
		if (*glob == '\\' && glob[1])
			glob++;
		else if (strncmp(glob, "[[:", 3) == 0)
			return "[[:name:]] is not understood: write the characters, as [0-9]";
		else if (*glob == '[' && glob[1] && strchr(glob + 2, ']'))
			glob = strchr(glob + 2, ']');
		else if (*glob == '{' && !brace)
			brace = glob;
		else if (*glob == '}' && brace && memchr(brace, ',', (size_t)(glob - brace)))
			return "{a,b} is not understood: give each a pattern of its own (\\{ is a "
			       "name with it)";
		else if ((*glob == ' ' || *glob == '\t') && glob[1] == '#')
			return "a comment must have a line of its own (\\# is a name with it)";
	}
	return NULL;
}

const char *glob_tidy(char *glob)
{
	const char *wrong = find_foreign(glob);
	char *to = glob, *from = glob;
	size_t n;

	if (wrong)
		return wrong;
	for (; *from; from += n) { /* component by component, each with the slash before it */
		n = *from == '/';
		n += strcspn(from + n, "/");
		if ((n == 2 && strncmp(from, "..", 2) == 0 && from == glob) ||
		    (n == 3 && strncmp(from, "/..", 3) == 0))
			return "it leads out of the root by ..";
		if ((n == 1 && *from == '/' && from[1]) ||
		    (n == 2 && strncmp(from, "/.", 2) == 0 && from[2]))
			continue; /* // or /./ */
		if (n == 1 && *from == '.' && from == glob)
			continue; /* the slash behind it makes it a path from the root */
		memmove(to, from, n);
		to += n;
	}
	*to = '\0';
	if (to - glob > 1 && strcmp(to - 2, "/.") == 0)
		to[-1] = '\0';
	return !*glob || strcmp(glob, "/") == 0 ? "it names the root itself" : NULL;
}

/* ---- matching ---- */

/* A set at glob, which stands behind its `[`. Its end, or NULL when it has none; *ret: is c in it? */
static const char *match_set(const char *glob, const char *end, unsigned char c, bool *ret)
{
	bool negated = glob < end && (*glob == '!' || *glob == '^'), found = false;
	const char *first = glob += negated;

	for (; glob < end && (*glob != ']' || glob == first); glob++) {
		unsigned char from = (unsigned char)*glob, to = from;

		if (end - glob > 2 && glob[1] == '-' && glob[2] != ']') {
			to = (unsigned char)glob[2];
			glob += 2;
		}
		found = found || (from <= c && c <= to);
	}
	*ret = found != negated && c != '/';
	return glob < end ? glob + 1 : NULL;
}

/* One character, or set of them, of the glob against one of the path. NULL: they differ; else what is left
 * of the glob. */
static const char *match_one(const char *glob, const char *end, char c)
{
	const char *behind;
	bool in_set;

	if (*glob == '?')
		return c != '/' ? glob + 1 : NULL;
	if (*glob == '[' && (behind = match_set(glob + 1, end, (unsigned char)c, &in_set)))
		return in_set ? behind : NULL;
	if (*glob == '\\' && end - glob > 1)
		glob++;
	return *glob == c ? glob + 1 : NULL;
}

/* Where to try again when what stands behind a star does not fit. The last of each kind is enough: whatever
 * an earlier one could still take, the later one takes, too. */
struct star {
	const char *glob; /* what stands behind it; NULL = there was none */
	const char *path; /* the last place that was tried */
};

static bool try_again(struct star *star, bool by_component, const char *path_end, const char **path,
		      const char **glob)
{
	if (!star->glob || star->path == path_end)
		return false;
	if (by_component) {
		star->path = memchr(star->path, '/', (size_t)(path_end - star->path));
		if (!star->path) {
			star->glob = NULL;
			return false;
		}
	}
	*path = ++star->path;
	*glob = star->glob;
	return true;
}

static bool match(const char *glob, const char *glob_end, const char *path, const char *path_end)
{
	struct star one = { 0 }, two = { 0 }; /* `*` and `**` */
	bool components = false;              /* the last was a `**` with a slash behind it */
	const char *next;

	for (;;) {
		if (glob_end - glob >= 2 && glob[0] == '*' && glob[1] == '*') {
			glob += 2;
			components = glob < glob_end && *glob == '/';
			glob += components; /* it takes no directory at all, too */
			two = (struct star){ glob, path };
			one.glob = NULL;
			continue;
		}
		if (glob < glob_end && *glob == '*') {
			one = (struct star){ ++glob, path };
			continue;
		}
		if (glob == glob_end && path == path_end)
			return true;
		next = glob < glob_end && path < path_end ? match_one(glob, glob_end, *path) : NULL;
		if (next) {
			glob = next;
			path++;
		} else if (one.glob && one.path < path_end && *one.path != '/') {
			(void)try_again(&one, false, path_end, &path, &glob);
		} else {
			one.glob = NULL;
			if (!try_again(&two, components, path_end, &path, &glob))
				return false;
		}
	}
}

/* The part of the path that an unanchored pattern is held against. */
static const char *last_name(const char *path, const char *end)
{
	while (end > path && end[-1] != '/')
		end--;
	return end;
}

static bool match_part(const char *glob, const char *path, const char *end, bool is_directory)
{
	const char *glob_end = glob + strlen(glob);

	if (glob_end > glob && glob_end[-1] == '/') {
		if (!is_directory)
			return false;
		glob_end--;
	}
	if (!memchr(glob, '/', (size_t)(glob_end - glob)))
		path = last_name(path, end);
	else if (*glob == '/')
		glob++;
	return end > path && match(glob, glob_end, path, end);
}

bool glob_match(const char *glob, const char *path, bool is_directory)
{
	return match_part(glob, path, path + path_length(path), is_directory);
}

bool glob_match_above(const char *glob, const char *path, bool is_directory)
{
	const char *end = path + path_length(path);

	for (const char *slash = path; (slash = memchr(slash, '/', (size_t)(end - slash))); slash++)
		if (match_part(glob, path, slash, true))
			return true;
	return match_part(glob, path, end, is_directory);
}

bool glob_match_any(const char *const *globs, const char *path, bool is_above)
{
	path = path_in_root(path);
	if (strncmp(path, "usr/", 4) == 0)
		path += 4;
	for (; *globs; globs++)
		if (is_above ? glob_match_above(*globs, path, false)
			     : glob_match(*globs, path, false))
			return true;
	return false;
}

bool glob_may_match_below(const char *glob, const char *directory)
{
	const char *end = glob + strlen(glob), *dir_end = directory + path_length(directory);

	if (end > glob && end[-1] == '/')
		end--;
	if (!memchr(glob, '/', (size_t)(end - glob)))
		return true; /* a name in any directory */
	glob += *glob == '/';
	for (; directory < dir_end; directory++, glob++) {
		if (glob < end && strchr("*?[\\", *glob))
			return true; /* not looked into further */
		if (glob == end || *glob != *directory)
			return false;
	}
	return glob < end && *glob == '/';
}
