/* Lines of an etc/fstab. */
#include "root/fstab.h"

#include <errno.h>
#include <limits.h>
#include <stdbool.h>
#include <string.h>

#include "base/fields.h"
#include "base/path.h"
#include "base/util.h"
#include "root/table_marks.h"

struct entry {
	struct field source, where, type, options;
};

/* The kernel's own, or made of memory or of other directories. */
static const char *const types_without_device[] = {
	"autofs",  "binfmt_misc", "bpf",        "cgroup",    "cgroup2",   "configfs", "debugfs",
	"devpts",  "devtmpfs",    "efivarfs",   "fusectl",   "hugetlbfs", "mqueue",   "nfsd",
	"overlay", "overlayfs",   "aufs",       "proc",      "pstore",    "ramfs",    "resctrl",
	"rootfs",  "rpc_pipefs",  "securityfs", "selinuxfs", "smackfs",   "sysfs",    "tmpfs",
	"tracefs", "functionfs",  "usbfs",      "usbdevfs",  "binder",    "ecryptfs", NULL,
};

static const char *const network_types[] = {
	"afs",    "beegfs", "ceph",  "cifs", "coda",   "davfs",    "glusterfs", "gpfs",
	"lustre", "ncp",    "ncpfs", "nfs",  "nfs4",   "orangefs", "panfs",     "pvfs2",
	"smb3",   "smbfs",  "sshfs", "weka", "wekafs", NULL,
};

/* What the host of a virtual machine gives to it. */
static const char *const host_types[] = {
	"9p",     "drvfs",    "fuse.prl_fsd", "fuse.vmhgfs-fuse", "hostfs", "prl_fs",
	"vboxsf", "virtiofs", "vmhgfs",       "vmhgfs-fuse",      NULL,
};

static bool parse(struct field line, struct entry *ret)
{
	const char *at = line.at, *end = line.at + line.size;

	ret->source = field_next(&at, end);
	ret->where = field_next(&at, end);
	ret->type = field_next(&at, end);
	ret->options = field_next(&at, end);
	return ret->source.size > 0 && *ret->source.at != '#' && ret->where.size > 0;
}

static bool is_from_host(const struct entry *e)
{
	if (field_is(e->type, "9p")) /* over a network it needs none */
		return !field_has_option(e->options, "trans=tcp") &&
		       !field_has_option(e->options, "trans=rdma");
	return field_is_one_of(e->type, host_types) || field_starts_with(e->source, "vmhgfs-fuse");
}

/* server:/path, //server/share, scheme://… */
static bool is_from_server(const struct entry *e)
{
	return field_is_one_of(e->type, network_types) || field_is(e->type, "9p") ||
	       field_starts_with(e->source, "//") ||
	       (!field_starts_with(e->source, "/") && field_contains(e->source, ":/"));
}

/* What is known of other lines, and of another file. */
struct others {
	const struct path_map *mapped; /* names of /dev/mapper that will be there */
	struct path_map absent;        /* mount points where nothing will be mounted */
};

static bool is_mapped(const struct path_map *mapped, struct field source)
{
	static const char directory[] = "/dev/mapper/";
	size_t n = strlen(directory);

	return field_starts_with(source, directory) &&
	       path_map_find(mapped, source.at + n, source.size - n);
}

/* The comment for a line that only the machine can have that it was written on; NULL for others. */
static const char *lack_of(const struct entry *e, const struct path_map *mapped)
{
	enum device_kind kind = device_kind_of(e->source);

	if (field_is(e->where, "/"))
		return TABLE_NO_DISK;
	if (is_from_host(e))
		return TABLE_NO_HOST;
	if (field_is_one_of(e->type, types_without_device) || kind == DEVICE_MEMORY ||
	    field_has_option(e->options, "bind") || field_has_option(e->options, "rbind"))
		return NULL;
	if (field_is(e->type, "zfs") || field_is(e->type, "swap"))
		return TABLE_NO_DISK;
	if (kind == DEVICE_DISK)
		return is_mapped(mapped, e->source) ? NULL : TABLE_NO_DISK;
	if (kind == DEVICE_FILE || is_from_server(e) || field_is(e->type, "fuse") ||
	    field_starts_with(e->type, "fuse.") || field_is(e->source, "none"))
		return NULL;
	return e->source.size == e->type.size && memcmp(e->source.at, e->type.at, e->type.size) == 0
		       ? NULL
		       : TABLE_NO_DISK;
}

static bool is_optional(const struct entry *e)
{
	return field_has_option(e->options, "nofail") || field_has_option(e->options, "noauto") ||
	       field_has_option(e->options, "x-systemd.automount");
}

/* ---- what lies on what is not mounted ---- */

/* absent: mount points. Does a path lie below one? The mount point itself is there, an empty directory. */
static bool is_below(const struct path_map *absent, struct field path)
{
	char decoded[PATH_MAX];

	if (!field_starts_with(path, "/") || !field_decode_path(path, decoded, sizeof(decoded)))
		return false;
	for (size_t i = 1; decoded[i]; i++)
		if (decoded[i] == '/' && path_map_find(absent, decoded, i))
			return true;
	return false;
}

static bool is_any_below(const struct path_map *absent, struct field paths)
{
	struct field path;

	while (field_next_part(&paths, ':', &path))
		if (is_below(absent, path))
			return true;
	return false;
}

static bool lies_on_absent(const struct path_map *absent, const struct entry *e)
{
	static const char *const names[] = { "lowerdir=", "upperdir=", "workdir=" };
	struct field rest = e->options, option;

	if (device_kind_of(e->source) == DEVICE_FILE && is_any_below(absent, e->source))
		return true;
	while (field_next_part(&rest, ',', &option))
		for (size_t i = 0; i < ARRAY_SIZE(names); i++)
			if (field_starts_with(option, names[i]) &&
			    is_any_below(absent, (struct field){ option.at + strlen(names[i]),
								 option.size - strlen(names[i]) }))
				return true;
	return false;
}

static const char *lack(const struct others *others, const struct entry *e)
{
	const char *own = lack_of(e, others->mapped);

	return own ? own : lies_on_absent(&others->absent, e) ? TABLE_NO_DISK : NULL;
}

/* Adds the mount points that will not be mounted until there are no more. */
static int find_absent(const char *text, size_t size, struct others *others)
{
	char where[PATH_MAX];
	size_t before;
	struct field line;
	struct entry e;

	do {
		const char *at = text;

		before = others->absent.n;
		while (line_next(&at, text + size, &line))
			if (parse(line, &e) && field_starts_with(e.where, "/") &&
			    lack(others, &e) && field_decode_path(e.where, where, sizeof(where)) &&
			    where[1] && !path_map_add(&others->absent, where, strlen(where)))
				return -ENOMEM;
	} while (others->absent.n > before);
	return 0;
}

static const char *mark(struct field line, void *others)
{
	struct entry e;

	return parse(line, &e) && !(is_optional(&e) && !field_is(e.where, "/")) ? lack(others, &e)
										: NULL;
}

int fstab_without_disks(const char *text, size_t size, const struct path_map *mapped, char **ret,
			size_t *ret_size)
{
	struct others others = { .mapped = mapped };
	int r = find_absent(text, size, &others);

	if (r == 0)
		r = lines_mark(text, size, mark, &others, ret, ret_size);
	path_map_clear(&others.absent, NULL, NULL);
	return r;
}

int fstab_each_swap_file(const char *text, size_t size, int (*each)(const char *path, void *arg),
			 void *arg)
{
	const char *at = text;
	char path[PATH_MAX];
	struct field line;
	struct entry e;
	int r = 0;

	while (r == 0 && line_next(&at, text + size, &line))
		if (parse(line, &e) && field_is(e.type, "swap") &&
		    device_kind_of(e.source) == DEVICE_FILE &&
		    field_decode_path(e.source, path, sizeof(path)))
			r = each(path, arg);
	return r;
}
