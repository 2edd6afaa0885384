/* Versions are directories that are written under a temporary name and renamed; links to them are replaced. */
#include "site/site_images.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/settings.h"
#include "base/util.h"
#include "site/site_file.h"
#include "site/site_layers.h"
#include "site/site_sign.h"

/* ---- entry.conf ---- */

static void print_entry(FILE *out, const void *version)
{
	const struct site_version *v = version;

	fputs("# " SITE_MARK "; the menu is made of it\n", out);
	setting_print(out, "title", v->title);
	setting_print(out, "append", v->append);
	setting_print(out, "check", v->check);
	fprintf(out, "size = %llu\nmachine = %llu\nsplit = %s\n", (unsigned long long)v->size,
		(unsigned long long)v->least_ram, v->split ? "yes" : "no");
	if (v->has_keys)
		fputs("keys = yes\n", out);
	if (v->least_ram_with_zram)
		fprintf(out, "zram-machine = %llu\n", (unsigned long long)v->least_ram_with_zram);
	if (*v->payload)
		fprintf(out, "payload = %s\nfetched = %llu\n", v->payload,
			(unsigned long long)v->fetched);
	if (*v->payload || v->is_signed)
		fprintf(out, "signed = %s\n", v->is_signed ? "yes" : "no");
	for (size_t i = 0; i < v->n_layers; i++)
		fprintf(out, "layer = %s#%s\n", v->layers[i].file, v->layers[i].digest);
	setting_print(out, "architecture", v->architecture);
	setting_print(out, "file", v->file);
}

static const char *copy_text(char *ret, size_t room, const char *value)
{
	return (size_t)snprintf(ret, room, "%s", value) < room ? NULL : "the value is too long";
}

static const char *read_number(uint64_t *ret, const char *value)
{
	char *end;

	errno = 0;
	*ret = strtoull(value, &end, 10);
	return *value < '0' || *value > '9' || *end || errno ? "it must be a number" : NULL;
}

static const char *read_layer(struct site_version *v, const char *value)
{
	if (v->n_layers == SITE_LAYERS_MAX)
		return "there are too many";
	if (!site_layer_parse(value, &v->layers[v->n_layers]))
		return "it must be a file with its digest";
	v->n_layers++;
	return NULL;
}

/* Returns NULL, or what is wrong. Names that a later version may write are ignored. */
static const char *set_entry(struct site_version *v, const char *name, const char *value)
{
	if (strcmp(name, "title") == 0)
		return copy_text(v->title, sizeof(v->title), value);
	if (strcmp(name, "append") == 0)
		return copy_text(v->append, sizeof(v->append), value);
	if (strcmp(name, "check") == 0)
		return copy_text(v->check, sizeof(v->check), value);
	if (strcmp(name, "architecture") == 0)
		return copy_text(v->architecture, sizeof(v->architecture), value);
	if (strcmp(name, "file") == 0)
		return copy_text(v->file, sizeof(v->file), value);
	if (strcmp(name, "payload") == 0)
		return copy_text(v->payload, sizeof(v->payload), value);
	if (strcmp(name, "layer") == 0)
		return read_layer(v, value);
	if (strcmp(name, "fetched") == 0)
		return read_number(&v->fetched, value);
	if (strcmp(name, "size") == 0)
		return read_number(&v->size, value);
	if (strcmp(name, "machine") == 0)
		return read_number(&v->least_ram, value);
	if (strcmp(name, "keys") == 0)
		v->has_keys = strcmp(value, "yes") == 0;
	if (strcmp(name, "signed") == 0)
		v->is_signed = strcmp(value, "yes") == 0;
	if (strcmp(name, "zram-machine") == 0)
		return read_number(&v->least_ram_with_zram, value);
	if (strcmp(name, "split") == 0)
		v->split = strcmp(value, "yes") == 0;
	return NULL;
}

static int read_entry(const char *path, struct site_version *ret, struct fail *f)
{
	_cleanup_settings_ struct settings lines = { 0 };
	struct setting line;
	const char *wrong = NULL;
	int r = settings_open(path, &lines, f);

	while (r == 0 && settings_next(&lines, &line)) {
		wrong = line.wrong   ? line.wrong
			: line.value ? set_entry(ret, line.name, line.value)
				     : "there is no =";
		r = wrong ? setting_fail(f, path, &line, wrong) : 0;
	}
	return r;
}

int site_write_entry(const struct site *s, const char *name, const char *directory,
		     const struct site_version *v, struct fail *f)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), SITE_IMAGES "%s/%s/entry.conf", name, directory);
	return site_print(s, path, print_entry, v, f);
}

/* Reads the version that a link points to. If there is no link, ret->version is "". */
static int read_version(const struct site *s, const char *name, const char *link,
			struct site_version *ret, struct fail *f)
{
	char path[PATH_MAX], target[VERSION_MAX];
	ssize_t n = readlink(site_path(s, path, SITE_IMAGES "%s/%s", name, link), target,
			     sizeof(target) - 1);
	int r;

	*ret = (struct site_version){ 0 };
	if (n < 0)
		return 0;
	target[n] = '\0';
	r = read_entry(site_path(s, path, SITE_IMAGES "%s/%s/entry.conf", name, target), ret, f);
	if (r < 0)
		return r;
	strcpy(ret->version, target);
	return 0;
}

/* ---- links and directories ---- */

int site_link_to(const struct site *s, const char *name, const char *link, const char *target,
		 struct fail *f)
{
	char path[PATH_MAX], aside[PATH_MAX];

	site_path(s, aside, SITE_IMAGES "%s/" SITE_NEW "%s", name, link);
	site_path(s, path, SITE_IMAGES "%s/%s", name, link);
	unlink(aside);
	if (symlink(target, aside) < 0 || rename(aside, path) < 0)
		return fail_errno(f, errno, path, "cannot create this link");
	return 0;
}

/* A version's directory begins with a digit. */
static int is_version(const struct dirent *e)
{
	return *e->d_name >= '0' && *e->d_name <= '9' && strlen(e->d_name) < VERSION_MAX;
}

static int is_new(const struct dirent *e)
{
	return strncmp(e->d_name, SITE_NEW, strlen(SITE_NEW)) == 0;
}

int site_prune(const struct site *s, const struct site_image *image, struct fail *f)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	unsigned kept = 0;
	int n = scandir(site_path(s, path, SITE_IMAGES "%s", image->name), &entries, is_version,
			alphasort),
	    r = 0;

	for (int i = n - 1; i >= 0; i--) { /* the newest first */
		const char *name = entries[i]->d_name;
		bool linked = strcmp(name, image->current.version) == 0 ||
			      strcmp(name, image->previous.version) == 0;

		if (r == 0 && !linked && kept >= s->versions)
			r = site_remove_tree(site_path(s, path, SITE_IMAGES "%s/%s", image->name,
						       name),
					     f);
		kept++;
		free(entries[i]);
	}
	free(entries);
	return r;
}

int site_read_image(const struct site *s, const char *name, struct site_image *ret, struct fail *f)
{
	int r;

	*ret = (struct site_image){ 0 };
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	r = read_version(s, name, "current", &ret->current, f);
	return r == 0 ? read_version(s, name, "previous", &ret->previous, f) : r;
}

/* ---- what else is done with images ---- */

int site_roll_back(const struct site *s, const char *name, struct fail *f)
{
	struct site_image image;
	int r = site_read_image(s, name, &image, f);

	if (r == 0)
		r = site_link_to(s, name, "current", image.previous.version, f);
	return r == 0 ? site_link_to(s, name, "previous", image.current.version, f) : r;
}

int site_remove(const struct site *s, const char *name, struct fail *f)
{
	char path[PATH_MAX];

	return site_remove_tree(site_path(s, path, SITE_IMAGES "%s", name), f);
}

static int is_image(const struct dirent *e)
{
	return name_is_plain(e->d_name);
}

/* Deletes incomplete versions of one name, and the directory if it is empty then. */
static int sweep_name(const struct site *s, const char *name, struct fail *f)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	int n = scandir(site_path(s, path, SITE_IMAGES "%s", name), &entries, is_new, alphasort),
	    r = 0;

	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = site_remove_tree(site_path(s, path, SITE_IMAGES "%s/%s", name,
						       entries[i]->d_name),
					     f);
		free(entries[i]);
	}
	free(entries);
	(void)rmdir(site_path(s, path, SITE_IMAGES "%s", name));
	return r;
}

int site_sweep(const struct site *s, struct fail *f)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	int n = scandir(site_path(s, path, SITE_IMAGES), &entries, is_image, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = sweep_name(s, entries[i]->d_name, f);
		free(entries[i]);
	}
	free(entries);
	if (r == 0)
		r = site_layers_clean(s, f);
	return r == 0 ? signing_sweep(s, f) : r;
}

int site_images(const struct site *s, struct site_image **ret, size_t *ret_n, struct fail *f)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	int n = scandir(site_path(s, path, SITE_IMAGES), &entries, is_image, alphasort), r = 0;

	*ret_n = 0;
	*ret = calloc(n > 0 ? (size_t)n : 1, sizeof(**ret));
	if (!*ret)
		r = fail_errno(f, ENOMEM, path, "cannot list the images");
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = site_read_image(s, entries[i]->d_name, &(*ret)[*ret_n], f);
		if (r == 0 && *(*ret)[*ret_n].current.version)
			++*ret_n;
		free(entries[i]);
	}
	free(entries);
	return r;
}

struct site_image *site_images_find(const struct site_image *images, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (strcmp(images[i].name, name) == 0)
			return (struct site_image *)(uintptr_t)&images[i];
	return NULL;
}

void site_images_leave_out(struct site_image *images, size_t *n, const char *name)
{
	size_t kept = 0;

	for (size_t i = 0; i < *n; i++)
		if (strcmp(images[i].name, name) != 0)
			images[kept++] = images[i];
	*n = kept;
}
