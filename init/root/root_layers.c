/* The layers of this boot, in their order: what the initramfs has, by name, then what the kernel command line names. See root.h. */
#include "root/root.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/console.h"
#include "image/layer_rules.h"
#include "net/config.h"
#include "net/network.h"
#include "root/firmware.h"
#include "root/initramfs.h"
#include "root/root_layer.h"

/* ---- in the initramfs ---- */

static int is_listed(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0;
}

static int compare(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static int check_beside(struct boot *b, const char *path)
{
	_cleanup_free_ char *layer = strndup(path, layer_length_beside(path));
	int r;

	if (!layer || access(layer, F_OK) == 0)
		return 0;
	r = initramfs_fail_if_cut(layer, &b->fail);
	return r < 0 ? r : layer_fail_alone(path, &b->fail);
}

static int add_listed(struct boot *b, const char *name)
{
	char path[sizeof(LAYERS_DIR) + NAME_MAX + 1];
	const struct layer_wish wish = { .from = path };
	int r;

	snprintf(path, sizeof(path), LAYERS_DIR "/%s", name);
	if (layer_is_beside(name))
		return check_beside(b, path);
	r = layer_check_kind(path, &b->fail);
	return r == 0 ? root_layer_read(b, &wish) : r;
}

static int add_all_listed(struct boot *b)
{
	struct dirent **entries = NULL;
	int n = scandir(LAYERS_DIR, &entries, is_listed, compare), r = 0;

	if (n < 0 && errno != ENOENT)
		return fail_errno(&b->fail, errno, LAYERS_DIR, "cannot list the layers");
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = add_listed(b, entries[i]->d_name);
		free(entries[i]);
	}
	free(entries);
	return r;
}

/* ---- on the kernel command line ---- */

static void read_values(const struct boot *b, struct layer_values *ret)
{
	const uint8_t *mac = network_mac(b);
	char text[18];

	*ret = (struct layer_values){ 0 };
	if (mac)
		strcpy(ret->is[LAYER_MAC], net_mac_format(mac, text));
	snprintf(ret->is[LAYER_IP], LAYER_VALUE_MAX, "%.*s",
		 (int)strcspn(b->network_seen.address, "/"), b->network_seen.address);
	snprintf(ret->is[LAYER_HOSTNAME], LAYER_VALUE_MAX, "%s", network_hostname(b));
	firmware_read("product_uuid", ret->is[LAYER_UUID]);
	firmware_read("product_serial", ret->is[LAYER_SERIAL]);
}

/* 1: a variable is not known, and it may be missing. */
static int fill(struct boot *b, const struct layer_param *p, char ret[LAYER_FROM_MAX])
{
	struct layer_values values;
	int r;

	read_values(b, &values);
	r = layer_param_fill(p, &values, ret, &b->fail);
	return r == -ENOENT && p->may_be_missing ? 1 : r;
}

static int add_named(struct boot *b, const struct layer_param *p)
{
	char from[LAYER_FROM_MAX];
	const struct layer_wish wish = { .from = from,
					 .digest = p->has_digest ? &p->digest : NULL,
					 .may_be_missing = p->may_be_missing };
	int r = b->has_keys ? layer_param_check_signed(p, &b->fail) : 0;

	if (r == 0 && url_is_one(p->from))
		r = network_wait(b);
	if (r == 0)
		r = fill(b, p, from);
	if (r == 0)
		r = *from == '/' ? root_layer_read(b, &wish) : root_layer_fetch(b, &wish);
	if (r > 0)
		console_log(LOG_NOTICE, "there is no layer %s, and it may be missing", p->from);
	return r < 0 ? r : 0;
}

static int add_all_named(struct boot *b)
{
	const char *list = b->params.layers;
	struct layer_param *p = malloc(sizeof(*p));
	int r = p ? 0 : fail_errno(&b->fail, ENOMEM, "tarboot.layer", "cannot read it");

	while (r == 0 && layer_params_next(&list, p))
		r = add_named(b, p);
	free(p);
	return r;
}

static bool has_any(const struct boot *b)
{
	return b->n_layers > 0 || *b->params.layers || access(LAYERS_DIR, F_OK) == 0;
}

/* Where the kernel stopped, nothing tells what was behind: a layer that may be missing, or one that nobody named. Without any
 * layer it was most likely something else, which the boot can do without. A layer that fails has a reason of its own. */
static int add_all(struct boot *b)
{
	int r = add_all_listed(b);

	if (r == 0)
		r = add_all_named(b);
	if (r == -ENOSPC || !initramfs_is_cut())
		return r;
	if (r == 0 && has_any(b))
		return initramfs_fail_cut(&b->fail);
	console_log(LOG_WARNING, "the kernel had no room to unpack all of the initramfs: what "
				 "stood behind is missing; add memory, or load fewer initrds");
	return r;
}

int root_find_layers(struct boot *b)
{
	const struct fetch_record of_root = b->record.fetched;
	char size[SIZE_TEXT_MAX];
	uint64_t bytes = 0;
	int r = add_all(b);

	b->record.fetched = of_root;
	for (size_t i = 0; i < b->n_layers; i++)
		bytes += b->layers[i].payload.size;
	b->has_nothing_to_do = r == 0 && b->n_layers == 0;
	if (!b->has_nothing_to_do)
		snprintf(b->detail, sizeof(b->detail), "%zu, %s", b->n_layers,
			 size_format(size, bytes));
	return r;
}
