/* The words are those of the engine, for somebody who still has the root. */
#include "names.h"

#include <errno.h>

#include "memory.h"
#include "plan.h"

int names_new(struct root_tree **ret, struct fail *f)
{
	struct memory m = { .available =
				    SIZE_MAX }; /* where there is no /proc, there is no limit */
	int r;

	(void)memory_read(&m);
	r = root_tree_new((size_t)(m.available < SIZE_MAX ? m.available / 4 : SIZE_MAX), ret);
	return r < 0 ? fail_errno(f, r, "the root", "cannot hold its names") : 0;
}

/* What mends it, in the root or in the archive that it comes from. */
static const char *advice(int error, const struct member *m)
{
	switch (error) {
	case EXDEV:
		return "Do not trust this archive.";
	case ENAMETOOLONG:
		return "A name may have 255 bytes, a link or the path of a directory 4095: shorten "
		       "it, or leave it out with --exclude.";
	case ENOTEMPTY:
		return "A directory with files in it has the same path: leave one of both out with "
		       "--exclude.";
	case EISDIR:
		return "Make the archive again: its root must be a directory.";
	case EPERM:
		return "A directory has one name only: make the archive again, or leave it out "
		       "with --exclude.";
	case ENOENT:
		return m->type == MEMBER_HARDLINK
			       ? "The name that it links to must come before it: make the archive "
				 "again, or leave it out with --exclude."
			       : "A link must lead somewhere: leave it out with --exclude.";
	default:
		return "A file, or a link that leads nowhere, stands where a directory is needed: "
		       "mend its path in the root, or leave it out with --exclude.";
	}
}

int names_pack(struct root_tree *t, const struct member *m, struct fail *f)
{
	struct fail of_init;
	int r;

	/* The text of the header, the attributes, and their copy for the file: see tar_read.c. */
	if (3 * (uint64_t)m->xattrs.used > PLAN_HEADERS_MOST)
		return fail_set(f, E2BIG, m->path, "Leave it out with --exclude.",
				"init could not unpack it: its attributes take too much memory");
	r = root_tree_add(t, m, &of_init);
	if (r == -ENOMEM)
		*f = of_init;
	else if (r < 0)
		(void)fail_set(f, -r, m->path, advice(-r, m), "init could not unpack it: %s",
			       of_init.why);
	return r;
}
