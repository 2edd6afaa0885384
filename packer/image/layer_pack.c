/* A directory goes through the tree of names, as a root does. */
#include "image/layer_pack.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/out.h"
#include "base/print.h"
#include "image/rootfs_write.h"
#include "root/overlay.h"
#include "root/root_warnings.h"
#include "root/rootfs.h"
#include "tree/whiteout.h"

struct packing {
	const char *directory;
	uid_t uid; /* of the directory itself: what is this user's becomes root's */
	gid_t gid;
	char path[2 * PATH_MAX]; /* of the whiteout that was made last */
};

/* As container layers have it. */
static int make_whiteout(struct packing *p, struct member *m)
{
	const char *name = strrchr(m->path, '/');

	name = name ? name + 1 : m->path;
	snprintf(p->path, sizeof(p->path), "%.*s" WHITEOUT_PREFIX "%s", (int)(name - m->path),
		 m->path, name);
	m->path = p->path;
	m->type = MEMBER_FILE;
	m->mode = 0600;
	m->rdev = 0;
	m->size = 0;
	xattrs_free(&m->xattrs);
	return 1;
}

static int add_opaque(struct packing *p, struct rootfs *fs, const struct member *m, struct fail *f)
{
	const struct member whiteout = { .type = MEMBER_FILE, .path = p->path, .mode = 0600 };

	snprintf(p->path, sizeof(p->path), "%s/" WHITEOUT_OPAQUE_NAME, m->path);
	return rootfs_add(fs, &whiteout, f);
}

static int look(void *packing, struct rootfs *fs, struct member *m, struct fail *f)
{
	struct packing *p = packing;
	int r = overlay_check(p->directory, m, f);

	if (r == 0 && overlay_is_opaque(m))
		r = add_opaque(p, fs, m, f);
	if (r < 0)
		return r;
	if (overlay_is_whiteout(m))
		return make_whiteout(p, m);
	overlay_disown(m, p->uid, p->gid);
	return 1;
}

/* Of a root, what cannot be read may be left out; a layer has all that is in its directory. */
static int check_names(struct rootfs *fs, const char *directory, struct fail *f)
{
	struct root_name *top = root_tree_root(fs->tree), *n = top;
	char path[2 * PATH_MAX], full[3 * PATH_MAX];

	if (fs->skipped)
		print_warning("%s: %llu socket%s left out: no archive can hold them", directory,
			      (unsigned long long)fs->skipped, print_plural(fs->skipped));
	for (; n; n = root_tree_next(top, n)) {
		const struct inode *i = rootfs_inode(fs, n);

		if (!i->error && !i->is_mount)
			continue;
		root_name_path(n, path);
		if (i->error) {
			snprintf(full, sizeof(full), "%s/%s", directory, path);
			return fail_errno(f, i->error, full, "cannot read it");
		}
		root_warn_of_mount(path, directory, false);
	}
	return 0;
}

static int fill(struct rootfs *fs, struct packing *p, struct fail *f)
{
	const struct rootfs_fill how = { .how = ROOT_TREE_ARCHIVE, .look = look, .arg = p };
	int fd = open(p->directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;
	struct source *s;

	if (fd < 0)
		return fail_errno(f, errno, p->directory, "cannot open it");
	r = source_directory_open(fd, p->directory, &s, f);
	if (r == 0)
		r = rootfs_add_source(fs, s, &how, f);
	return r == 0 ? check_names(fs, p->directory, f) : r;
}

static uint64_t count_bytes(struct rootfs *fs)
{
	struct root_name *top = root_tree_root(fs->tree), *n = top;
	uint64_t bytes = 0;

	for (; n; n = root_tree_next(top, n)) {
		struct inode *i = rootfs_inode(fs, n);

		if (!i->is_counted)
			bytes += i->size;
		i->is_counted = true;
	}
	return bytes;
}

static int write_packed(struct rootfs *fs, int fd, const char *aside, struct fail *f)
{
	const struct encode_settings settings = { .level = ENCODE_NORMAL };
	struct payload_writer *w = NULL;
	int r = payload_writer_open(fd, aside, &encode_xz, &settings, &w, f);

	if (r == 0)
		r = rootfs_write(fs, w, (time_t)INT64_MAX,
				 &(struct rootfs_progress){ "packing a layer", count_bytes(fs) },
				 f);
	if (r == 0)
		r = payload_writer_finish(w, f);
	payload_writer_free(w);
	return r;
}

int layer_pack(const char *path, const struct stat *st, const char *aside, int *ret, struct fail *f)
{
	struct packing *p = calloc(1, sizeof(*p));
	struct rootfs fs = { 0 };
	struct out out = { 0 };
	int r = p ? out_open_unnamed(aside, &out, f)
		  : fail_errno(f, ENOMEM, path, "cannot pack it");

	if (r == 0)
		r = rootfs_open(&fs, f);
	if (r == 0) {
		p->directory = path;
		p->uid = st->st_uid;
		p->gid = st->st_gid;
		r = fill(&fs, p, f);
		if (r == 0)
			r = write_packed(&fs, out.fd, aside, f);
		rootfs_close(&fs);
	}
	if (r == 0)
		*ret = fcntl(out.fd, F_DUPFD_CLOEXEC, 0);
	out_abandon(&out);
	free(p);
	return r == 0 && *ret < 0 ? fail_errno(f, errno, path, "cannot pack it") : r;
}
