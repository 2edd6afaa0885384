/* Tables and units. */
#include "root/disk_needs.h"

#include <limits.h>
#include <stdio.h>

#include "base/fields.h"
#include "base/print.h"
#include "root/root_paths.h"
#include "root/scrub.h"
#include "root/table_marks.h"

/* ---- tables ---- */

/* The names of the lines that were marked: where they are mounted, or what they decrypt. */
static void list_marked(const struct scrubbed *s, unsigned field, char *ret, size_t room)
{
	const char *next = s->text, *at;
	struct field line, name = { 0 };
	size_t used = 0;

	while (line_next(&next, s->text + s->size, &line) && used < room) {
		at = field_starts_with(line, TABLE_MARK)
			     ? memmem(line.at, line.size, TABLE_MARK_END, strlen(TABLE_MARK_END))
			     : NULL;
		if (!at)
			continue;
		at += strlen(TABLE_MARK_END);
		for (unsigned i = 0; i <= field; i++)
			name = field_next(&at, line.at + line.size);
		used += (size_t)snprintf(ret + used, room - used, "%s%.*s", used ? ", " : "",
					 (int)(name.size < 64 ? name.size : 64), name.at);
	}
}

static void warn_of_table(const struct disk_needs *d, const char *path, enum rule_action table,
			  const char *parameter)
{
	const struct rule *rule = rules_find(d->rules, path, false);
	_cleanup_free_ char *text = NULL;
	struct root_name *link, *n;
	struct scrubbed scrubbed;
	char names[128] = "";
	struct fail unused;
	size_t size;

	if (!rule || rule->action != table ||
	    root_tree_find_packed(d->fs->tree, path, false, &link) < 0 ||
	    link->type != MEMBER_SYMLINK || link->layer > d->root_layers ||
	    root_tree_find_packed(d->fs->tree, path, true, &n) < 0 || n->type != MEMBER_FILE ||
	    rootfs_read(d->fs, n, ROOT_TEXT_MAX, &text, &size, &unused) < 0 ||
	    scrub_text(table, text, size, d->mapped, &scrubbed) < 0)
		return;
	if (scrubbed.lines > 0) {
		list_marked(&scrubbed, table == RULE_FSTAB ? 1 : 0, names, sizeof(names));
		print_warning("%s is a link to %.*s, which is packed as it is, and its lines for "
			      "%s need disks: boot with %s, or take them out there",
			      path, (int)link->is.link->length, link->is.link->text, names,
			      parameter);
	}
	free(scrubbed.text);
}

/* ---- units ---- */

/* The device that a unit is for; size 0: none, or no disk. */
static struct field disk_of(const char *text, size_t size)
{
	static const char key[] = "What=";
	const char *next = text;
	struct field line, device;

	while (line_next(&next, text + size, &line)) {
		if (!field_starts_with(line, key))
			continue;
		next = line.at + strlen(key);
		device = field_next(&next, line.at + line.size);
		return device_kind_of(device) == DEVICE_DISK ? device : (struct field){ NULL, 0 };
	}
	return (struct field){ NULL, 0 };
}

/* Is it started at boot? */
static bool is_enabled(const struct disk_needs *d, const char *unit)
{
	static const char *const targets[] = { "local-fs.target", "swap.target",
					       "multi-user.target", "graphical.target" };
	static const char *const kinds[] = { "wants", "requires" };
	char path[PATH_MAX];
	struct root_name *n;

	for (size_t i = 0; i < ARRAY_SIZE(targets) * ARRAY_SIZE(kinds); i++) {
		snprintf(path, sizeof(path), SYSTEMD_UNITS "/%s.%s/%s", targets[i / 2],
			 kinds[i % 2], unit);
		if (root_tree_find_packed(d->fs->tree, path, false, &n) == 0)
			return true;
	}
	return false;
}

/* True: it needs a disk, and that was said. */
static bool warn_of_unit(const struct disk_needs *d, struct root_name *n)
{
	_cleanup_free_ char *text = NULL;
	char name[NAME_MAX + 1];
	struct field device;
	struct fail unused;
	size_t size;

	snprintf(name, sizeof(name), "%.*s", (int)n->length, n->text);
	if (n->mark || n->type != MEMBER_FILE || n->layer > d->root_layers ||
	    !(ends_with(name, ".mount") || ends_with(name, ".swap")) || !is_enabled(d, name) ||
	    rootfs_read(d->fs, n, ROOT_TEXT_MAX, &text, &size, &unused) < 0)
		return false;
	device = disk_of(text, size);
	if (device.size == 0)
		return false;
	print_warning("etc/systemd/system/%s needs the disk %.*s, and systemd waits for it: leave "
		      "the unit out with --exclude, or replace it with --overlay",
		      name, (int)(device.size < 128 ? device.size : 128), device.at);
	return true;
}

void disk_needs_warn(const struct disk_needs *d)
{
	struct root_name *units, *n;

	warn_of_table(d, "etc/fstab", RULE_FSTAB, "fstab=no");
	warn_of_table(d, "etc/crypttab", RULE_CRYPTTAB, "luks.crypttab=no");
	if (d->rules->n_rules == d->rules->n_excluded || /* --no-scrub */
	    root_tree_find_packed(d->fs->tree, SYSTEMD_UNITS, true, &units) < 0 ||
	    units->type != MEMBER_DIRECTORY)
		return;
	for (n = units->is.directory.first; n; n = n->after)
		if (warn_of_unit(d, n))
			return;
}
