/* A directory is packed (layer_pack.h); an archive stays as it is. */
#include "image/layer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/out.h"
#include "base/read_all.h"
#include "base/unchanged.h"
#include "engine/unpack.h"
#include "image/bootpart.h"
#include "image/image_unpack.h"
#include "image/image_write.h"
#include "image/layer_pack.h"
#include "image/members.h"
#include "image/payload_digests.h"
#include "image/rootsize.h"
#include "image/signature.h"
#include "image/treesize.h"
#include "source/source.h"

/* ---- its manifest ---- */

/* Decodes all of it. */
static int describe(struct layer *l, const struct block_list *blocks, struct fail *f)
{
	struct treesize size = { 0 };
	struct unpack_options how = { .root_fd = -1,
				      .is_layer = true,
				      .blocks = blocks,
				      .member = treesize_take_member,
				      .data = treesize_take_data,
				      .member_arg = &size };
	struct unpack_result unused;
	int r = image_names_new(&how.names, f);

	if (r < 0)
		return r;
	r = image_unpack_payload(&l->payload, &how, "checking a layer", &unused, f);
	if (r == 0)
		r = payload_digests_read(&l->payload, blocks, &l->manifest, f);
	if (r == 0)
		treesize_tell(&size, &l->manifest);
	root_tree_free(how.names);
	return r;
}

/* fd is taken over. *ret is the caller's. */
static int open_payload(struct layer *l, const char *path, int fd, struct block_list *ret,
			struct fail *f)
{
	int r;

	snprintf(l->payload.name, sizeof(l->payload.name), "%.127s", path);
	if (fstat(fd, &l->seen) < 0) {
		r = -errno;
		close(fd);
		return fail_errno(f, r, path, "cannot read it");
	}
	r = payload_add(&l->payload, fd, 0, (uint64_t)l->seen.st_size);
	if (r < 0)
		return fail_errno(f, r, path, "cannot read it");
	if (l->payload.size > IMAGE_PART_MAX)
		return fail_set(
			f, EFBIG, path, "Compress it, or split it into several layers.",
			"it has 4 GiB or more, and no file of an initramfs can be so large");
	r = block_list_read(&l->payload, ret, f);
	if (r == 0)
		l->suffix = ret->codec->suffix;
	return r;
}

static const char todo_layer[] = "Give a directory, or a .tar, .tar.xz or .tar.zst.";

/* A descriptor of what is there, or -errno. */
static int open_given(const char *path, struct stat *ret, struct fail *f)
{
	int fd;

	if (stat(path, ret) < 0)
		return fail_set(f, errno, path,
				"Correct its path. In a file of machines it is relative to the "
				"directory of that file.",
				"cannot find this layer: %s", strerror(errno));
	if (!S_ISDIR(ret->st_mode) && !S_ISREG(ret->st_mode))
		return fail_set(f, EINVAL, path, todo_layer,
				"a layer is one of these, and this is neither");
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? fail_errno(f, errno, path, "cannot open it") : fd;
}

int layer_check(const char *path, struct fail *f)
{
	struct block_list blocks = { 0 };
	struct layer l = { 0 };
	struct stat st;
	int fd = open_given(path, &st, f), r;

	if (fd < 0)
		return fd;
	if (S_ISDIR(st.st_mode)) {
		r = source_directory_check(fd, path, f);
		close(fd);
		return r;
	}
	r = open_payload(&l, path, fd, &blocks, f);
	block_list_free(&blocks);
	layer_close(&l);
	return r;
}

/* A descriptor of its archive, which is packed for a directory; or -errno. */
static int open_archive(const char *path, const char *aside, struct fail *f)
{
	struct stat st;
	int fd = open_given(path, &st, f), packed = -1, r;

	if (fd < 0 || !S_ISDIR(st.st_mode))
		return fd;
	close(fd);
	r = layer_pack(path, &st, aside, &packed, f);
	return r < 0 ? r : packed;
}

int layer_open(const char *path, const char *aside, struct layer *ret, struct fail *f)
{
	struct block_list blocks = { 0 };
	int fd = open_archive(path, aside, f), r;

	*ret = (struct layer){ 0 };
	r = fd < 0 ? fd : open_payload(ret, path, fd, &blocks, f);
	if (r == 0)
		r = describe(ret, &blocks, f);
	block_list_free(&blocks);
	if (r < 0)
		layer_close(ret);
	return r;
}

void layer_close(struct layer *l)
{
	payload_close(&l->payload);
	manifest_free(&l->manifest);
}

uint64_t layer_tree_bytes(const struct manifest *m)
{
	struct rootsize_need need;

	rootsize_need(m, 0, 0, 4096, &need);
	return rootsize_tree(&need);
}

/* ---- files ---- */

/* The manifest's text, with the name that the layer has. *ret is the caller's. */
static int format_manifest(const struct layer *l, const char *stem, char **ret, struct fail *f)
{
	struct manifest m = l->manifest; /* its Blocks stay the layer's */
	int r;

	snprintf(m.payload, sizeof(m.payload), MEMBER_LAYERS "/%s.tar%s", stem, l->suffix);
	r = manifest_format(&m, ret);
	return r < 0 ? fail_errno(f, r, l->payload.name, "cannot write its manifest") : 0;
}

static int name_new(const char *directory, const char *stem, const char *a, const char *b,
		    char ret[PATH_MAX], struct fail *f)
{
	return snprintf(ret, PATH_MAX, "%s/%s%s%s", directory, stem, a, b) < PATH_MAX
		       ? 0
		       : fail_errno(f, ENAMETOOLONG, directory, "cannot create files in it");
}

static int open_new(const char *directory, const char *stem, const char *a, const char *b,
		    struct out *ret, struct fail *f)
{
	char path[PATH_MAX];
	int r = name_new(directory, stem, a, b, path, f);

	return r == 0 ? out_open(path, OUT_PUBLISHED, ret, f) : r;
}

static int write_payload(const struct layer *l, const char *directory, const char *stem,
			 struct fail *f)
{
	const struct payload_part *part = &l->payload.parts[0];
	struct out out = { 0 };
	int r = open_new(directory, stem, ".tar", l->suffix, &out, f);

	if (r == 0)
		r = out_copy(&out, part->fd, 0, part->size, l->payload.name, f);
	if (r == 0)
		r = unchanged_open(part->fd, l->payload.name, &l->seen, f);
	if (r == 0)
		r = out_commit(&out, f);
	out_abandon(&out);
	return r;
}

int layer_write_manifest(const struct layer *l, const char *directory, const char *stem,
			 struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX], suffix[32];
	int r = format_manifest(l, stem, &text, f);

	snprintf(suffix, sizeof(suffix), "%s.manifest", l->suffix);
	if (r == 0)
		r = name_new(directory, stem, ".tar", suffix, path, f);
	return r == 0 ? out_replace(path, OUT_PUBLISHED, text, strlen(text), f) : r;
}

int layer_write(const struct layer *l, const char *directory, const char *stem, struct fail *f)
{
	int r = write_payload(l, directory, stem, f);

	return r == 0 ? layer_write_manifest(l, directory, stem, f) : r;
}

/* ---- an initrd ---- */

static int add_file(struct bootpart *b, const char *name, const char *suffix, const char *text,
		    size_t size)
{
	char path[2 * PATH_MAX];

	snprintf(path, sizeof(path), MEMBER_LAYERS "/%s%s", name, suffix);
	return bootpart_add(b, path, S_IFREG | 0644, 0, 0, text, size);
}

/* The signature that lies in the directory, if there is one. */
static int add_signature(struct bootpart *b, const char *directory, const char *name)
{
	_cleanup_free_ char *text = NULL;
	char path[PATH_MAX];
	size_t size;
	int r;

	snprintf(path, sizeof(path), "%s/%s.manifest" SIGNATURE_SUFFIX, directory, name);
	r = read_file(path, &text, &size);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return add_file(b, name, ".manifest" SIGNATURE_SUFFIX, text, size);
}

/* What stands before the layer in its archive. */
static int fill_head(struct bootpart *b, const struct layer *l, const char *directory,
		     const char *stem, const char *name, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	int r = format_manifest(l, stem, &text, f);

	if (r < 0)
		return r;
	r = bootpart_add(b, "tarboot", S_IFDIR | 0755, 0, 0, NULL, 0);
	if (r == 0)
		r = bootpart_add(b, MEMBER_LAYERS, S_IFDIR | 0755, 0, 0, NULL, 0);
	if (r == 0)
		r = add_file(b, name, ".manifest", text, strlen(text));
	if (r == 0)
		r = add_signature(b, directory, name);
	return r < 0 ? fail_errno(f, r, l->payload.name, "cannot make an initrd of it") : 0;
}

int layer_write_initrd(const struct layer *l, const char *directory, const char *stem,
		       struct fail *f)
{
	char name[LAYER_STEM_MAX + 16], path[sizeof(MEMBER_LAYERS "/") + sizeof(name)];
	struct bootpart head = { 0 };
	struct out out = { 0 };
	int r;

	snprintf(name, sizeof(name), "%s.tar%s", stem, l->suffix);
	snprintf(path, sizeof(path), MEMBER_LAYERS "/%s", name);
	r = fill_head(&head, l, directory, stem, name, f);
	if (r == 0)
		r = open_new(directory, stem, ".img", "", &out, f);
	if (r == 0)
		r = out_write(&out, head.data, head.size, f);
	if (r == 0)
		r = image_write_payload(&out, l->payload.parts[0].fd, path, l->payload.size, f);
	if (r == 0)
		r = unchanged_open(l->payload.parts[0].fd, l->payload.name, &l->seen, f);
	if (r == 0)
		r = out_commit(&out, f);
	out_abandon(&out);
	bootpart_free(&head);
	return r;
}
