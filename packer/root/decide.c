/* Rules, overlays and tables together. */
#include "root/decide.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "root/crypttab.h"
#include "root/fstab.h"
#include "base/path.h"
#include "root/root_warnings.h"
#include "root/rootfs_walk.h"
#include "base/print.h"
#include "root/scrub.h"
#include "base/size.h"
#include "root/swap_file.h"
#include "root/usr_names.h"

#define MACHINE_ID "etc/machine-id"

int decide_open(struct decisions *d, const struct decide_settings *settings, struct rules *rules,
		struct rootfs *fs, struct fail *f)
{
	d->fs = fs;
	d->rules = *rules;
	*rules = (struct rules){ 0 };
	d->explain = settings->explain ? path_in_root(settings->explain) : NULL;
	d->list = settings->list;
	d->overlays = calloc(settings->n_overlays + 1, sizeof(*d->overlays));
	if (!d->overlays)
		return fail_errno(f, ENOMEM, "the root", "cannot choose what to pack");
	if (d->rules.n_rules >= MARK_KERNEL)
		return fail_set(f, E2BIG, "--exclude-from", "Use fewer patterns.",
				"there are more than %u patterns", MARK_KERNEL - 1);
	return 0;
}

void decide_close(struct decisions *d)
{
	rules_free(&d->rules);
	path_map_clear(&d->mapped, NULL, NULL);
	path_map_clear(&d->swap, NULL, NULL);
	free(d->overlays);
}

static int fail_memory(struct fail *f)
{
	return fail_errno(f, ENOMEM, "the root", "cannot choose what to pack");
}

/* ---- telling ---- */

static bool is_explained(const struct decisions *d, const char *path)
{
	size_t n = path_length(path);

	if (!d->explain || !*path)
		return d->explain && path_is_root(d->explain);
	return n == path_length(d->explain) && memcmp(path, d->explain, n) == 0;
}

bool decide_is_of_overlay(const struct decisions *d, const struct root_name *n)
{
	return n->layer > d->root_layers;
}

const char *decide_layer_name(const struct decisions *d, const struct root_name *n)
{
	return decide_is_of_overlay(d, n) ? d->overlays[n->layer - d->root_layers - 1].path
					  : "the root";
}

const char *decide_action_name(enum rule_action action)
{
	switch (action) {
	case RULE_LEAVE_OUT:
	case RULE_CARD_PROFILE:
	case RULE_SWAP_FILE:
		return "left out";
	case RULE_EMPTY:
	case RULE_MACHINE_ID:
		return "emptied";
	default:
		return "changed";
	}
}

void decide_print_name(const char *done, uint64_t bytes, const char *path, const char *why)
{
	char size[SIZE_TEXT_MAX];

	printf("%-8s  %10s  ", done, size_format(size, bytes));
	print_path(stdout, path, -1);
	print_line(stdout, ": %s", why);
}

static void note_rule(struct decisions *d, struct rule *rule, const char *path, uint64_t bytes)
{
	rule->members++;
	rule->bytes += bytes;
	if (d->list)
		decide_print_name(decide_action_name(rule->action), bytes, path, rule->why);
}

/* ---- by path ---- */

static bool is_named_swap(const struct decisions *d, const char *path)
{
	return path_map_find(&d->swap, path, path_length(path)) != NULL;
}

/* The rule's pattern matches this path; does the rule also apply to this type and size? */
static bool is_for(const struct decisions *d, const struct rule *rule, const char *path,
		   enum member_type type, uint64_t size)
{
	switch (rule->action) {
	case RULE_LEAVE_OUT:
		return true;
	case RULE_MACHINE_ID:
		return type != MEMBER_FILE || size > 0;
	case RULE_SWAP_FILE:
		return type == MEMBER_FILE && (size >= SWAP_FILE_LEAST || is_named_swap(d, path));
	default:
		return type == MEMBER_FILE && size > 0;
	}
}

static struct rule *judge(struct decisions *d, const char *path, enum member_type type,
			  uint64_t size)
{
	struct rule *rule = rules_find(&d->rules, path, type == MEMBER_DIRECTORY);

	rules_note_match(&d->rules, path, type == MEMBER_DIRECTORY);
	return rule && is_for(d, rule, path, type, size) ? rule : NULL;
}

/* Is it left out whatever is in it? */
static bool leaves_out(const struct decisions *d, const struct rule *rule, const char *path,
		       enum member_type type)
{
	return rule && (rule->action == RULE_LEAVE_OUT ||
			(rule->action == RULE_MACHINE_ID && type != MEMBER_FILE) ||
			(rule->action == RULE_SWAP_FILE && is_named_swap(d, path)));
}

bool decide_leaves_out(void *decisions, const char *path, bool is_directory)
{
	struct decisions *d = decisions;
	const struct rule *rule = rules_find(&d->rules, path, is_directory);

	rules_note_match(&d->rules, path, is_directory);
	return rule && rule->action == RULE_LEAVE_OUT;
}

bool decide_leaves_out_data(void *decisions, const char *path)
{
	struct decisions *d = decisions;
	const struct rule *rule = rules_find(&d->rules, path, false);

	rules_note_match(&d->rules, path, false);
	return rule && (rule->action == RULE_LEAVE_OUT || rule->action == RULE_EMPTY);
}

void decide_note_left_out(void *decisions, const char *path, bool is_directory)
{
	struct decisions *d = decisions;
	struct rule *rule = rules_find(&d->rules, path, is_directory);

	path = path_in_root(path);
	rule->members++;
	if (d->list)
		decide_print_name("left out", 0, path, rule->why);
	if (!is_explained(d, path))
		return;
	d->is_explained = true;
	print_line(stdout, "/%s: left out: %s names it (%s)", path, rule->glob, rule->why);
}

static uint16_t mark_of(const struct decisions *d, const struct rule *rule)
{
	return (uint16_t)(rule - d->rules.rules + 1);
}

static int note_swap_file(const char *path, void *decisions)
{
	struct decisions *d = decisions;

	path = path_in_root(path);
	return path_map_add(&d->swap, path, path_length(path)) ? 0 : -ENOMEM;
}

static int note_mapped(struct field name, void *decisions)
{
	struct decisions *d = decisions;

	return path_map_add(&d->mapped, name.at, name.size) ? 0 : -ENOMEM;
}

static int note_table(struct decisions *d, enum rule_action table, const char *text, size_t size)
{
	int r = 0;

	if (table == RULE_FSTAB)
		return fstab_each_swap_file(text, size, note_swap_file, d);
	if (table == RULE_CRYPTTAB)
		r = crypttab_each_swap_file(text, size, note_swap_file, d);
	if (r < 0)
		return r;
	return crypttab_each_mapped(text, size, table == RULE_CRYPTTAB ? CRYPTTAB : CRYPTTAB_VERITY,
				    note_mapped, d);
}

/* The names that the root's tables of file systems give to swap files and to devices that need no disk. */
static int note_tables(struct decisions *d, struct fail *f)
{
	static const struct {
		const char *path;
		enum rule_action table;
	} tables[] = { { "etc/fstab", RULE_FSTAB },
		       { "etc/crypttab", RULE_CRYPTTAB },
		       { "etc/integritytab", RULE_CRYPTTAB },
		       { "etc/veritytab", RULE_VERITYTAB } };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(tables); i++) {
		_cleanup_free_ char *text = NULL;
		struct root_name *n;
		struct fail unused;
		size_t size;

		if (!decide_leaves_out(d, tables[i].path, false) &&
		    root_tree_find(d->fs->tree, tables[i].path, true, &n) == 0 &&
		    n->type == MEMBER_FILE &&
		    rootfs_read(d->fs, n, ROOT_TEXT_MAX, &text, &size, &unused) == 0)
			r = note_table(d, tables[i].table, text, size);
	}
	return r < 0 ? fail_errno(f, r, "the root", "cannot read its tables of file systems") : 0;
}

int decide_by_path(struct decisions *d, struct fail *f)
{
	struct root_name *top = root_tree_root(d->fs->tree), *n = top;
	char path[2 * PATH_MAX];
	int r = note_tables(d, f);

	d->root_layers = d->fs->layer;
	while (r == 0 && (n = root_tree_next(top, n))) {
		struct inode *i = rootfs_inode(d->fs, n);
		struct rule *rule;

		root_name_path(n, path);
		rule = judge(d, path, n->type, i->size);
		if (leaves_out(d, rule, path, n->type))
			n->mark = mark_of(d, rule);
		else if (!rule)
			i->decided.is_kept = true;
		else if (i->decided.rule == 0 || mark_of(d, rule) < i->decided.rule)
			i->decided.rule = mark_of(d, rule);
	}
	return r;
}

/* ---- overlays ---- */

static void note_replaced(void *decisions, const struct root_name *n)
{
	struct decisions *d = decisions;
	const struct overlay *by = &d->overlays[d->n_overlays - 1];
	char path[2 * PATH_MAX];

	d->replaced++;
	root_name_path(n, path);
	if (!is_explained(d, path))
		return;
	d->is_explained = true;
	print_line(stdout, "/%s: the one of %s is left out: overlay %s %s it", path,
		   decide_layer_name(d, n), by->path, by->is_deleting ? "deletes" : "replaces");
}

int decide_overlays(struct decisions *d, const struct decide_settings *settings, struct fail *f)
{
	int r = 0;

	rootfs_watch(d->fs, note_replaced, d);
	for (size_t i = 0; r == 0 && i < settings->n_overlays; i++)
		r = overlay_add(&d->overlays[d->n_overlays++], d->fs, settings->overlays[i], f);
	rootfs_watch(d->fs, NULL, NULL);
	return r;
}

/* ---- by content ---- */

/* All names of it are left out. */
static void drop(struct decisions *d, struct root_name *n, const char *path, struct rule *rule)
{
	struct inode *i = rootfs_inode(d->fs, n);

	i->mark = n->mark = mark_of(d, rule);
	note_rule(d, rule, path, i->size);
	i->decided.is_told = true;
}

/* What is packed as it is, and only warned about. */
static void look_at_text(struct decisions *d, const struct rule *rule, const char *path,
			 const char *text, size_t size, const struct scrubbed *scrubbed)
{
	if (rule->action == RULE_RESOLV_CONF && !d->explain)
		root_warn_of_name_servers(text, size);
	network_check_file(&d->network, path, text, size, scrubbed->result == SCRUB_LEAVES_OUT);
}

static int decide_by_text(struct decisions *d, struct root_name *n, const char *path,
			  struct rule *rule, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	struct scrubbed scrubbed;
	size_t size;
	int r = rootfs_read(d->fs, n, ROOT_TEXT_MAX, &text, &size, f);

	if (r < 0)
		return r;
	r = scrub_text(rule->action, text, size, &d->mapped, &scrubbed);
	if (r < 0)
		return fail_errno(f, r, path, "cannot scrub it");
	look_at_text(d, rule, path, text, size, &scrubbed);
	if (scrubbed.result == SCRUB_LEAVES_OUT)
		drop(d, n, path, rule);
	if (scrubbed.lines > 0)
		rootfs_inode(d->fs, n)->decided.is_changed = true;
	if (scrubbed.lines > 0 && !d->explain) {
		printf("changed  ");
		print_path(stdout, path, -1);
		printf(": commented out %d %s the disks or the host of another machine\n",
		       scrubbed.lines, scrubbed.lines == 1 ? "line that needs" : "lines that need");
	}
	if (scrubbed.result == SCRUB_CHANGES)
		rootfs_set_data(d->fs, n, scrubbed.text, scrubbed.size);
	return 0;
}

static int decide_swap(struct decisions *d, struct root_name *n, const char *path,
		       struct rule *rule, struct fail *f)
{
	_cleanup_free_ char *head = malloc(SWAP_FILE_HEAD);
	const struct inode *i = rootfs_inode(d->fs, n);
	ssize_t size;

	if (!head)
		return fail_memory(f);
	size = file_reader_head(&d->fs->reader, &i->data, i->size, path, head, SWAP_FILE_HEAD, f);
	if (size >= 0 && swap_file_is(head, (size_t)size))
		drop(d, n, path, rule);
	return size < 0 ? (int)size : 0;
}

static int decide_name(void *arg, struct root_name *n, const char *path, struct fail *f)
{
	struct decisions *d = arg;
	struct inode *i = rootfs_inode(d->fs, n);
	struct rule *rule = i->decided.rule && !i->decided.is_kept
				    ? &d->rules.rules[i->decided.rule - 1]
				    : NULL;
	bool is_first = !i->decided.is_seen;

	if (n->mark == 0 && i->mark != 0)
		n->mark = i->mark;
	if (n->mark != 0) {
		if (n->mark != MARK_KERNEL)
			note_rule(d, &d->rules.rules[n->mark - 1], path,
				  i->decided.is_told ? 0 : i->size);
		i->decided.is_told = true;
		return 0;
	}
	i->decided.is_seen = true;
	if (decide_is_of_overlay(d, n))
		network_check_overlay(&d->network, path);
	else if (i->decided.is_kept && n->type == MEMBER_FILE && i->size > 0)
		network_check_kept(&d->network, path);
	if (!rule || !is_first || decide_is_of_overlay(d, n))
		return 0;
	if (scrub_reads_text(rule->action))
		return decide_by_text(d, n, path, rule, f);
	if (rule->action == RULE_SWAP_FILE)
		return decide_swap(d, n, path, rule, f);
	note_rule(d, rule, path, i->size);
	rootfs_set_data(d->fs, n, NULL, 0);
	i->decided.is_changed = true;
	return 0;
}

static bool has(const struct decisions *d, const char *path)
{
	struct root_name *n;

	return root_tree_find_packed(d->fs->tree, path, false, &n) == 0;
}

/* Where systemd finds no machine-id, it takes every boot for the first one. */
static int add_machine_id(struct decisions *d, struct fail *f)
{
	const struct member empty = { .type = MEMBER_FILE, .path = MACHINE_ID, .mode = 0444 };
	struct rule *rule = judge(d, MACHINE_ID, MEMBER_FILE, 1);
	int r;

	if (!rule || rule->action != RULE_MACHINE_ID || has(d, MACHINE_ID) ||
	    !(has(d, "usr/lib/systemd/systemd") || has(d, "lib/systemd/systemd")))
		return 0;
	r = rootfs_add(d->fs, &empty, f);
	if (r < 0)
		return r;
	if (!d->explain)
		puts("made     /etc/machine-id, empty: without one every boot would be a first "
		     "boot");
	else if (is_explained(d, MACHINE_ID)) {
		d->is_explained = d->explains_made = true;
		printf("/%s: made, empty: else every boot would be a first one (%s)\n", MACHINE_ID,
		       rule->why);
	}
	return 0;
}

/* What init would make, so that what is checked is what boots. */
static int complete_usr(struct decisions *d, struct fail *f)
{
	struct usr_names made;
	int r = usr_names_add(d->fs, &made, f);

	if (r < 0 || made.n == 0)
		return r;
	if (!d->explain)
		printf("made     %s: missing beside /usr, and made as systemd makes them\n",
		       made.text);
	for (size_t i = 0; d->explain && i < made.n; i++) {
		if (!is_explained(d, made.names[i]))
			continue;
		d->is_explained = d->explains_made = true;
		printf("/%s: made: missing beside /usr, and made as systemd makes it\n",
		       made.names[i]);
	}
	return 0;
}

int decide_by_content(struct decisions *d, struct fail *f)
{
	int r = rootfs_walk(root_tree_root(d->fs->tree), decide_name, d, f);

	if (r == 0)
		r = complete_usr(d, f);
	return r == 0 ? add_machine_id(d, f) : r;
}

/* ---- afterwards ---- */

int decide_totals(struct decisions *d, struct fail *f)
{
	struct root_name *top = root_tree_root(d->fs->tree), *n = top;
	char path[2 * PATH_MAX];

	for (; n; n = root_tree_next(top, n)) {
		struct inode *i = rootfs_inode(d->fs, n);

		if (n->mark || i->is_implied)
			continue;
		if (i->error) {
			root_name_path(n, path);
			return fail_errno(f, i->error, *path ? path : ".", "cannot read it");
		}
		d->members++;
		if (!i->is_counted)
			d->bytes += i->size;
		i->is_counted = true;
	}
	return 0;
}
