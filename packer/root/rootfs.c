/* Names and inodes. */
#include "root/rootfs.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#include "base/memory.h"
#include "engine/plan.h"
#include "base/print.h"
#include "tar/aclnames.h"

struct inode *rootfs_inode(const struct rootfs *fs, const struct root_name *n)
{
	return &fs->inodes[n->inode];
}

/* Bytes that it takes beside its own. */
static uint64_t held_by(const struct inode *i)
{
	const struct file_map *map = i->data.kind == FILE_DATA_SPAN ? i->data.at.span.map : NULL;

	return i->xattrs.room + (map ? map->n * sizeof(*map->extents) : 0);
}

static void free_inode(struct inode *i)
{
	file_data_free(&i->data);
	xattrs_free(&i->xattrs);
}

static void forget_name(void *arg, const struct root_name *n)
{
	struct rootfs *fs = arg;
	struct inode *i;

	if (n->inode >= fs->room)
		return;
	if (fs->gone)
		fs->gone(fs->gone_arg, n);
	i = rootfs_inode(fs, n);
	if (i->names > 0 && --i->names == 0) {
		fs->held -= held_by(i);
		free_inode(i);
	}
}

void rootfs_watch(struct rootfs *fs, void (*gone)(void *arg, const struct root_name *n), void *arg)
{
	fs->gone = gone;
	fs->gone_arg = arg;
}

/* Makes room for all numbers that the tree has given. New directories on the way are implied. */
static int make_room(struct rootfs *fs)
{
	size_t needed = root_tree_inodes(fs->tree), room;
	struct inode *inodes;

	if (needed <= fs->room)
		return 0;
	room = needed + fs->room / 2 + 1024;
	inodes = realloc(fs->inodes, room * sizeof(*inodes));
	if (!inodes)
		return -ENOMEM;
	memset(inodes + fs->room, 0, (room - fs->room) * sizeof(*inodes));
	for (size_t i = fs->room; i < room; i++)
		inodes[i].is_implied = true;
	fs->inodes = inodes;
	fs->room = room;
	return 0;
}

int rootfs_open(struct rootfs *fs, struct fail *f)
{
	int r;

	*fs = (struct rootfs){ .reader = { .fd = -1 } };
	r = root_tree_new(memory_share(2), &fs->tree);
	if (r == 0)
		r = make_room(fs);
	if (r < 0)
		return fail_errno(f, r, "the root", "cannot hold its names");
	root_tree_watch(fs->tree, forget_name, fs);
	return 0;
}

void rootfs_close(struct rootfs *fs)
{
	if (fs->tree)
		root_tree_watch(fs->tree, NULL, NULL);
	root_tree_free(fs->tree);
	for (size_t i = 0; i < fs->room; i++)
		free_inode(&fs->inodes[i]);
	free(fs->inodes);
	file_reader_close(&fs->reader);
	for (size_t i = 0; i < fs->n_sources; i++)
		source_close(fs->sources[i]);
	free(fs->sources);
	spool_close(&fs->spool);
}

/* ---- members ---- */

static bool is_acl(const char *name)
{
	const char *meant = aclnames_meant(name);

	name = meant ? meant : name;
	return strcmp(name, ACL_XATTR_ACCESS) == 0 || strcmp(name, ACL_XATTR_DEFAULT) == 0;
}

/* A directory that is met twice keeps the attributes of both, as GNU tar does it, but for ACLs, which go with the mode; of two of one
 * name, the later. */
static int join_xattrs(struct xattrs *old, struct xattrs *new)
{
	size_t cursor = 0, size;
	const char *name;
	const void *value;
	int r = 0;

	while (r == 0 && xattrs_next(old, &cursor, &name, &value, &size))
		if (!is_acl(name) && !xattrs_has(new, name))
			r = xattrs_add(new, name, value, size);
	return r;
}

/* The attributes are taken over. */
static int describe(struct inode *i, struct source_member *s, bool joins)
{
	struct member *m = &s->m;
	int r = joins ? join_xattrs(&i->xattrs, &m->xattrs) : 0;

	xattrs_free(&i->xattrs);
	i->xattrs = m->xattrs;
	m->xattrs = (struct xattrs){ 0 };
	i->mtime = m->mtime;
	i->size = m->type == MEMBER_FILE ? m->size : 0;
	i->rdev = m->rdev;
	i->uid = m->uid;
	i->gid = m->gid;
	i->mode = (uint16_t)m->mode;
	i->error = (uint16_t)s->error;
	i->is_mount = s->is_mount;
	i->is_implied = false;
	return r;
}

/* Once for each source. Less may be needed: headers and files that are left out are not stored. */
static int open_spool(struct rootfs *fs, const struct source *s, struct fail *f)
{
	int r = fs->has_spool ? 0 : spool_new(&fs->spool, f);

	if (r < 0 || fs->spooled == s)
		return r;
	fs->has_spool = true;
	fs->spooled = s;
	spool_expect_at_most(&fs->spool, source_uncompressed(s));
	return 0;
}

/* What goes by and cannot be read again goes to the spool. */
static int spool_data(struct rootfs *fs, struct source *s, struct file_data *ret, struct fail *f)
{
	uint64_t unused, at;
	const void *data;
	bool is_first = true;
	size_t size;
	int r;

	if (open_spool(fs, s, f) < 0)
		return -f->error;
	if (source_map(s, &ret->at.span.map) < 0)
		return fail_errno(f, ENOMEM, "the root", "cannot hold a map of holes");
	ret->kind = FILE_DATA_SPAN;
	ret->at.span.fd = fs->spool.fd;
	while ((r = source_read(s, &data, &size, &unused, f)) > 0) {
		r = spool_write(&fs->spool, data, size, &at, f);
		if (r < 0)
			return r;
		if (is_first)
			ret->at.span.offset = at;
		is_first = false;
		print_progress("reading", source_position(s), source_total(s));
	}
	return r;
}

static int take_data(struct rootfs *fs, struct source *s, const struct rootfs_fill *how,
		     const struct root_name *n, struct fail *f)
{
	struct file_data *data = &rootfs_inode(fs, n)->data;
	char path[2 * PATH_MAX];
	int r = source_place(s, data, f);

	fs->holds_source |= r > 0;
	if (r != 0)
		return r < 0 ? r : 0;
	root_name_path(n, path);
	if (how->filter && how->filter->is_data_left_out(how->filter->arg, path)) {
		data->kind = FILE_DATA_LOST;
		return 0;
	}
	return spool_data(fs, s, data, f);
}

/* What a member says of a directory that is there. */
static int take_directory(const struct rootfs *fs, struct source_member *s,
			  const struct rootfs_fill *how, struct root_name *n, struct inode *i)
{
	bool keeps = how->how == ROOT_TREE_OVERLAY && !i->is_implied && !n->mark;

	n->mark = 0;
	if (!keeps || s->is_mount)
		n->layer = fs->layer; /* it is the overlay's now */
	if (keeps) {
		i->error = s->error ? (uint16_t)s->error : i->error;
		i->is_mount |= s->is_mount;
		return 0;
	}
	return describe(i, s, how->how == ROOT_TREE_ARCHIVE && !i->is_implied);
}

static int check_memory(const struct rootfs *fs, const struct member *m, struct fail *f)
{
	uint64_t taken = root_tree_memory(fs->tree) + fs->room * sizeof(*fs->inodes) + fs->held;

	if (taken <= root_tree_limit(fs->tree))
		return 0;
	return fail_set(f, ENOMEM, m->path, "Free memory, or pack a root with fewer files.",
			"there is no memory for the names and attributes of the root");
}

static int take_member(struct rootfs *fs, struct source *s, const struct rootfs_fill *how,
		       struct source_member *sm, struct root_name *n, bool is_new, struct fail *f)
{
	const struct member *m = &sm->m;
	struct inode *i = rootfs_inode(fs, n);
	uint64_t held = held_by(i);
	int r = 0;

	if (is_new)
		i->names++;
	if (m->type == MEMBER_DIRECTORY && !is_new)
		r = take_directory(fs, sm, how, n, i);
	else if (m->type != MEMBER_HARDLINK)
		r = describe(i, sm, false);
	if (r < 0)
		return fail_errno(f, r, m->path, "cannot hold its attributes");
	if (m->type == MEMBER_FILE && m->size > 0)
		r = take_data(fs, s, how, n, f);
	fs->held += held_by(i) - held;
	return r == 0 ? check_memory(fs, m, f) : r;
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

static int add_name(struct rootfs *fs, const struct member *m, struct root_name **ret,
		    bool *ret_is_new, struct fail *f)
{
	struct fail of_init;
	int r;

	/* The text of the header, the attributes, and their copy for the file: see tar_read.c. */
	if (3 * (uint64_t)m->xattrs.used > PLAN_HEADERS_MOST)
		return fail_set(f, E2BIG, m->path, "Leave it out with --exclude.",
				"init could not unpack it: its attributes take too much memory");
	r = root_tree_put(fs->tree, m, ret, ret_is_new, &of_init);
	if (make_room(fs) < 0)
		return fail_errno(f, ENOMEM, m->path, "cannot hold it");
	if (r == -ENOMEM)
		*f = of_init;
	else if (r < 0)
		(void)fail_set(f, -r, m->path, advice(-r, m), "init could not unpack it: %s",
			       of_init.why);
	return r;
}

static int add_member(struct rootfs *fs, struct source *s, const struct rootfs_fill *how,
		      struct source_member *m, struct fail *f)
{
	int r = how->look ? how->look(how->arg, fs, &m->m, f) : 1;
	struct root_name *n;
	bool is_new;

	if (r <= 0)
		return r;
	r = add_name(fs, &m->m, &n, &is_new, f);
	if (r == 0)
		return take_member(fs, s, how, m, n, is_new, f);
	if (r == -ENOMEM || !how->filter ||
	    !how->filter->is_left_out(how->filter->arg, m->m.path, m->m.type == MEMBER_DIRECTORY))
		return r;
	how->filter->note_left_out(how->filter->arg, m->m.path, m->m.type == MEMBER_DIRECTORY);
	return 0;
}

/* Data may lie in it. */
static int keep_source(struct rootfs *fs, struct source *s)
{
	struct source **sources = array_one_more(fs->sources, fs->n_sources, sizeof(*sources));

	if (!sources)
		return -ENOMEM;
	fs->sources = sources;
	sources[fs->n_sources++] = s;
	source_settle(s);
	return 0;
}

static void leave_out_outputs(const struct rootfs *fs, struct source *s)
{
	for (size_t i = 0; i < ARRAY_SIZE(fs->outputs); i++) {
		_cleanup_close_ int fd = fs->outputs[i] ? open(fs->outputs[i], O_PATH | O_CLOEXEC)
							: -1;

		source_leave_out(s, fd);
	}
}

int rootfs_add_source(struct rootfs *fs, struct source *s, const struct rootfs_fill *how,
		      struct fail *f)
{
	struct source_member *m;
	int r = 0;

	fs->holds_source = false;
	fs->spooled = NULL;
	leave_out_outputs(fs, s);
	root_tree_set_layer(fs->tree, ++fs->layer, how->how);
	while (r == 0 && (r = source_next(s, &m, f)) > 0)
		r = add_member(fs, s, how, m, f);
	print_progress_end();
	fs->skipped += source_skipped(s);
	if (!fs->holds_source || keep_source(fs, s) < 0) {
		source_close(s);
		if (r == 0 && fs->holds_source)
			r = fail_errno(f, ENOMEM, "the root", "cannot hold it");
	}
	return r;
}

int rootfs_add(struct rootfs *fs, const struct member *m, struct fail *f)
{
	struct source_member s = { .m = *m };
	struct root_name *n;
	bool is_new;
	int r = add_name(fs, m, &n, &is_new, f);

	if (r < 0)
		return r;
	rootfs_inode(fs, n)->names++;
	return describe(rootfs_inode(fs, n), &s, false);
}

/* ---- data ---- */

int rootfs_read(struct rootfs *fs, const struct root_name *n, size_t max, char **ret,
		size_t *ret_size, struct fail *f)
{
	struct inode *i = rootfs_inode(fs, n);
	char path[2 * PATH_MAX];
	ssize_t got;

	root_name_path(n, path);
	if (i->size > max)
		return fail_set(f, EFBIG, path, "Look at it, or keep it as it is with --keep.",
				"it is too large to be a configuration file");
	*ret = malloc((size_t)i->size + 1);
	if (!*ret)
		return fail_errno(f, ENOMEM, path, "cannot read it");
	got = file_reader_head(&fs->reader, &i->data, i->size, path, *ret, (size_t)i->size, f);
	if (got < 0) {
		free(*ret);
		*ret = NULL;
		return (int)got;
	}
	(*ret)[got] = '\0';
	*ret_size = (size_t)got;
	return 0;
}

void rootfs_set_data(struct rootfs *fs, const struct root_name *n, char *text, size_t size)
{
	struct inode *i = rootfs_inode(fs, n);

	file_data_free(&i->data);
	i->size = size;
	if (size == 0) {
		free(text);
		return;
	}
	i->data.kind = FILE_DATA_TEXT;
	i->data.at.text = text;
}

/* ---- as files ---- */

static struct rootfs *fs_of(const struct root_files *r)
{
	return ((const struct rootfs_files *)r)->fs;
}

static mode_t type_bits(uint8_t type)
{
	static const mode_t bits[] = {
		[MEMBER_FILE] = S_IFREG, [MEMBER_DIRECTORY] = S_IFDIR, [MEMBER_SYMLINK] = S_IFLNK,
		[MEMBER_CHAR] = S_IFCHR, [MEMBER_BLOCK] = S_IFBLK,     [MEMBER_FIFO] = S_IFIFO,
	};

	return bits[type];
}

static int stat_name(const struct root_files *r, const char *path, struct stat *ret)
{
	struct rootfs *fs = fs_of(r);
	const struct inode *i;
	struct root_name *n;
	int error = root_tree_find_packed(fs->tree, path, true, &n);

	if (error < 0)
		return error;
	i = rootfs_inode(fs, n);
	*ret = (struct stat){ .st_mode = type_bits(n->type) | i->mode,
			      .st_uid = i->uid,
			      .st_gid = i->gid,
			      .st_size = (off_t)i->size };
	return 0;
}

static int open_name(const struct root_files *r, const char *path, uint64_t most)
{
	struct rootfs *fs = fs_of(r);
	struct root_name *n;
	struct fail f;
	int error = root_tree_find_packed(fs->tree, path, true, &n);
	const struct inode *i;

	if (error < 0)
		return error;
	if (n->type != MEMBER_FILE)
		return -ENOENT;
	i = rootfs_inode(fs, n);
	return file_reader_descriptor(&fs->reader, &i->data, i->size, most, path, &f);
}

static int list_names(const struct root_files *r, const char *path,
		      int (*found)(void *arg, const char *name, bool is_directory), void *arg)
{
	struct root_name *n;
	char name[NAME_MAX + 1];
	int result = root_tree_find_packed(fs_of(r)->tree, path, true, &n);

	if (result < 0)
		return result;
	if (n->type != MEMBER_DIRECTORY)
		return -ENOTDIR;
	for (n = n->is.directory.first; n && result == 0; n = n->after) {
		if (n->mark)
			continue;
		memcpy(name, n->text, n->length);
		name[n->length] = '\0';
		result = found(arg, name, n->type == MEMBER_DIRECTORY);
	}
	return result;
}

static int read_link(const struct root_files *r, const char *path, char *ret, size_t size)
{
	struct root_name *n;
	int result = root_tree_find_packed(fs_of(r)->tree, path, false, &n);
	size_t length;

	if (result < 0)
		return result;
	if (n->type != MEMBER_SYMLINK)
		return -EINVAL;
	length = n->is.link->length < size ? n->is.link->length : size - 1;
	memcpy(ret, n->is.link->text, length);
	ret[length] = '\0';
	return 0;
}

void rootfs_files(struct rootfs *fs, struct rootfs_files *ret)
{
	*ret = (struct rootfs_files){ { stat_name, open_name, list_names, read_link, -1 }, fs };
}
