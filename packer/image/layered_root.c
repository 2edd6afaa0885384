#include "image/layered_root.h"

#include <errno.h>

#include "image/image_unpack.h"

static const char todo_layers[] =
	"Take out of the layers what deletes or replaces it: the machine would "
	"start another program, "
	"or none.";

/* The init program of the manifest, while layers are laid over it. */
struct init {
	struct root_tree *names; /* the caller's */
	const char *path;        /* "" = nobody knows it */
	bool is_replaced;        /* by a file of a layer, the last one */
	mode_t mode;
	uint64_t size;
};

/* The file that is started, links followed; NULL: there is none. */
static const struct root_name *find(const struct init *init)
{
	struct root_name *n;

	return root_tree_find(init->names, init->path, true, &n) == 0 && n->type == MEMBER_FILE
		       ? n
		       : NULL;
}

static void note(void *arg, const struct member *m)
{
	struct init *init = arg;
	struct root_name *n;

	if (!*init->path || (m->type != MEMBER_FILE && m->type != MEMBER_HARDLINK) ||
	    root_tree_find(init->names, m->path, false, &n) < 0 || n != find(init))
		return;
	init->is_replaced = m->type == MEMBER_FILE;
	init->mode = m->mode;
	init->size = m->size;
}

static int check(const struct init *init, struct fail *f)
{
	if (!*init->path)
		return 0;
	if (!find(init))
		return fail_set(
			f, ENOENT, init->path, todo_layers,
			"the layers leave nothing of the init program, with which the image "
			"was packed");
	if (init->is_replaced && init->size == 0)
		return fail_set(f, ENOEXEC, init->path, todo_layers,
				"a layer puts an empty file in the place of the init program");
	if (init->is_replaced && (init->mode & 0111) == 0)
		return fail_set(f, ENOEXEC, init->path, todo_layers,
				"a layer puts a file that is not executable (mode %04o) in the "
				"place of the init program",
				(unsigned)init->mode & 07777);
	return 0;
}

int layered_root_verify(const struct image *image, const struct unpack_options *how,
			const char *doing, struct unpack_result *ret, struct fail *f)
{
	struct init init = { .path = image->manifest.init };
	struct unpack_options options = *how;
	int r = image_names_new(&options.names, f);

	if (r < 0)
		return r;
	init.names = options.names;
	options.layer_member = note;
	options.layer_arg = &init;
	r = image_unpack(image, &options, doing, ret, f);
	if (r == 0 && options.n_layers > 0)
		r = check(&init, f);
	root_tree_free(options.names);
	return r;
}
