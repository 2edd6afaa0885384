/* Which kind it is, and the layers of an image. */
#include "root/rootfs_load.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "source/blobs.h"
#include "source/image_input.h"
#include "source/image_layers.h"
#include "base/path.h"
#include "tree/whiteout.h"

/* ---- layers ---- */

static int look_for_deletion(void *arg, struct rootfs *fs, struct member *m, struct fail *f)
{
	(void)arg;
	return whiteout_apply(fs->tree, path_in_root(m->path), f);
}

static int add_layer(struct rootfs *fs, const struct rootfs_input *in, const struct blobs *b,
		     const struct image_layer *l, struct fail *f)
{
	const struct rootfs_fill how = { .how = ROOT_TREE_LAYER,
					 .filter = in->filter,
					 .look = look_for_deletion };
	bool is_whole = l->digest.size > 0 || l->diff_id.size > 0;
	_cleanup_free_ char *shown = NULL;
	uint64_t offset, size;
	struct source *s;
	int fd, r = blobs_find(b, l->name, &fd, &offset, &size, f);

	if (r < 0)
		return r;
	if (asprintf(&shown, "%s, layer %s", b->path, l->name) < 0) {
		shown = NULL;
		close(fd);
		return fail_errno(f, ENOMEM, b->path, "cannot read it");
	}
	r = source_layer_open(fd, offset, size, is_whole, shown, &s, f);
	return r == 0 ? rootfs_add_source(fs, s, &how, f) : r;
}

/* fd: the directory or file of an image, taken over. name: for messages. */
static int load_image(struct rootfs *fs, const struct rootfs_input *in, int fd, const char *name,
		      struct fail *f)
{
	struct image_layers layers;
	struct blobs blobs;
	int r = blobs_open(name, fd, &blobs, f);

	if (r < 0)
		return r;
	r = image_layers_read(&blobs, in->choice, &layers, f);
	if (r == 0)
		r = image_layers_check(&blobs, &layers, f);
	for (size_t i = 0; r == 0 && i < layers.n; i++)
		r = add_layer(fs, in, &blobs, &layers.layers[i], f);
	image_layers_free(&layers);
	blobs_close(&blobs);
	return r;
}

/* ---- one source ---- */

static int load_source(struct rootfs *fs, const struct rootfs_input *in, struct source *s,
		       struct fail *f)
{
	const struct rootfs_fill how = { .how = ROOT_TREE_ARCHIVE, .filter = in->filter };

	return rootfs_add_source(fs, s, &how, f);
}

static int load_directory(struct rootfs *fs, const struct rootfs_input *in, struct fail *f)
{
	struct source *s;
	int fd, r;

	fd = open(in->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return fail_errno(f, errno, in->path, "cannot open it");
	if (blobs_is_layout(fd))
		return load_image(fs, in, fd, in->path, f);
	r = blobs_check_no_layout(fd, in->path, f);
	if (r < 0) {
		close(fd);
		return r;
	}
	r = source_directory_open(fd, in->path, &s, f);
	return r == 0 ? load_source(fs, in, s, f) : r;
}

static int load_stdin(struct rootfs *fs, const struct rootfs_input *in, struct fail *f)
{
	struct image_stdin input;
	struct source *s;
	struct stat st;
	int r = image_input_stdin(&input, f);

	if (r < 0)
		return r;
	if (input.is_image)
		return load_image(fs, in, input.fd, "stdin", f);
	if (input.fd >= 0 && fstat(input.fd, &st) == 0)
		r = source_tar_open_range(input.fd, 0, (uint64_t)st.st_size, "stdin", &s, f);
	else
		r = source_stdin_open(input.head, input.head_size, &s, f);
	return r == 0 ? load_source(fs, in, s, f) : r;
}

static int load_archive(struct rootfs *fs, const struct rootfs_input *in, struct fail *f)
{
	struct source *s;
	int r = source_tar_open(in->path, &s, f);

	return r == 0 ? load_source(fs, in, s, f) : r;
}

/* Of a regular file. */
static int load_archive_or_image(struct rootfs *fs, const struct rootfs_input *in, struct fail *f)
{
	_cleanup_close_ int fd = open(in->path, O_RDONLY | O_CLOEXEC);

	switch (fd < 0 ? BLOBS_NONE : blobs_look_at_archive(fd)) {
	case BLOBS_IMAGE:
		return load_image(fs, in, take_fd(&fd), in->path, f);
	case BLOBS_DAMAGED:
		return blobs_fail_damaged(in->path, f);
	default:
		return load_archive(fs, in, f);
	}
}

static int load_file(struct rootfs *fs, const struct rootfs_input *in, const struct stat *st,
		     struct fail *f)
{
	bool may_be_disk = S_ISREG(st->st_mode) || S_ISBLK(st->st_mode);
	const char *format = may_be_disk ? source_disk_format(in->path) : NULL;
	struct source *s;
	int r;

	if (!format)
		return S_ISREG(st->st_mode) ? load_archive_or_image(fs, in, f)
					    : load_archive(fs, in, f);
	r = source_disk_open(in->path, format, &s, f);
	return r == 0 ? load_source(fs, in, s, f) : r;
}

/* What skopeo fetches is the image that was chosen, and no other is there. */
static int load_reference(struct rootfs *fs, const struct rootfs_input *in, struct fail *f)
{
	struct rootfs_input only = *in;
	int fd, r = image_input_fetch(in->path, in->choice, &fd, f);

	only.choice = NULL;
	return r < 0 ? r : load_image(fs, &only, fd, in->path, f);
}

int rootfs_load(struct rootfs *fs, const struct rootfs_input *in, struct fail *f)
{
	struct stat st;

	if (strcmp(in->path, "-") == 0)
		return load_stdin(fs, in, f);
	if (image_input_is_reference(in->path))
		return load_reference(fs, in, f);
	if (stat(in->path, &st) < 0)
		return fail_errno(f, errno, in->path, "cannot find it");
	return S_ISDIR(st.st_mode) ? load_directory(fs, in, f) : load_file(fs, in, &st, f);
}
