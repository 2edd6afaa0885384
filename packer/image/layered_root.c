#include "image/layered_root.h"

#include <errno.h>
#include <stdlib.h>

#include "base/util.h"
#include "image/image_unpack.h"

static const char todo_layers[] =
	"Take out of the layers what deletes or replaces it: the machine would "
	"start another program, "
	"or none.";

/* A file of a layer. */
struct layer_file {
	uint32_t inode; /* in the model of names; its hard links share it */
	uint16_t mode;
	bool is_empty;
};

/* Any of them may be the init program in the end: by a link, or a link to a directory, of a layer above. */
struct layer_files {
	struct root_tree *names;  /* the caller's */
	struct layer_file *files; /* owned; by the number of the inode, since none is given twice */
	size_t n;
	bool is_incomplete; /* there was no memory */
};

static void note(void *arg, const struct member *m)
{
	struct layer_files *l = arg;
	struct layer_file *files;
	struct root_name *n;

	if (m->type != MEMBER_FILE || root_tree_find(l->names, m->path, false, &n) < 0 || !n)
		return;
	files = array_one_more(l->files, l->n, sizeof(*files));
	l->is_incomplete |= !files;
	if (!files)
		return;
	l->files = files;
	files[l->n++] = (struct layer_file){ n->inode, (uint16_t)m->mode, m->size == 0 };
}

/* NULL: it is no layer's. */
static const struct layer_file *find(const struct layer_files *l, const struct root_name *n)
{
	for (size_t i = 0; i < l->n; i++)
		if (l->files[i].inode == n->inode)
			return &l->files[i];
	return NULL;
}

/* path: of the program with which the image was packed; links are followed. */
static int check_init(const struct layer_files *l, const char *path, struct fail *f)
{
	const struct layer_file *file;
	struct root_name *n;

	if (root_tree_find(l->names, path, true, &n) < 0 || !n || n->type != MEMBER_FILE)
		return fail_set(
			f, ENOENT, path, todo_layers,
			"the layers leave nothing of the init program, with which the image "
			"was packed");
	file = find(l, n);
	if (file && file->is_empty)
		return fail_set(f, ENOEXEC, path, todo_layers,
				"a layer puts an empty file in the place of the init program");
	if (file && (file->mode & 0111) == 0)
		return fail_set(f, ENOEXEC, path, todo_layers,
				"a layer puts a file that is not executable (mode %04o) in the "
				"place of the init program",
				file->mode & 07777u);
	return 0;
}

int layered_root_verify(const struct image *image, const struct unpack_options *how,
			const char *doing, struct unpack_result *ret, struct fail *f)
{
	const char *init = image->manifest.init; /* "" = nobody knows it */
	struct layer_files layers = { 0 };
	struct unpack_options options = *how;
	int r = image_names_new(&options.names, f);

	if (r < 0)
		return r;
	layers.names = options.names;
	options.layer_member = *init ? note : NULL;
	options.layer_arg = &layers;
	r = image_unpack(image, &options, doing, ret, f);
	if (r == 0 && layers.is_incomplete)
		r = fail_errno(f, ENOMEM, image->path, "cannot note the files of its layers");
	if (r == 0 && options.n_layers > 0 && *init)
		r = check_init(&layers, init, f);
	free(layers.files);
	root_tree_free(options.names);
	return r;
}
