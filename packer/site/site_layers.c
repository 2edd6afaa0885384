#include "site/site_layers.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/read_all.h"
#include "site/site_file.h"

#define ASIDE SITE_LAYERS "/.new" /* what is not published yet */
#define MACHINE \
	"machine-" /* begins names: in initrds, init takes layers by name, and those of "layer-1" first */
#define DIGEST_SHOWN 16 /* digits of the digest in a file's name */

static int remove_file(const char *directory, const char *file, const char *suffix, struct fail *f)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s%s", directory, file, suffix) < PATH_MAX
		       ? site_remove_file(path, f)
		       : fail_errno(f, ENAMETOOLONG, path, "cannot remove it");
}

/* ---- of versions ---- */

static void name_layer(size_t layer, char ret[LAYER_STEM_MAX])
{
	snprintf(ret, LAYER_STEM_MAX, "layer-%zu", layer + 1);
}

const char *site_layers_archive(const struct publishing *p, size_t layer,
				char ret[SITE_LAYER_FILE_MAX])
{
	char stem[LAYER_STEM_MAX];

	name_layer(layer, stem);
	snprintf(ret, SITE_LAYER_FILE_MAX, "%s.tar%s", stem, p->layers[layer].suffix);
	return ret;
}

void site_layers_file(const struct publishing *p, size_t layer, char ret[SITE_LAYER_FILE_MAX])
{
	char stem[LAYER_STEM_MAX];

	if (p->stream) {
		site_layers_archive(p, layer, ret);
		return;
	}
	name_layer(layer, stem);
	snprintf(ret, SITE_LAYER_FILE_MAX, "%s.img", stem);
}

int site_layers_write(const struct publishing *p, const char *directory, struct fail *f)
{
	char stem[LAYER_STEM_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_layers; i++) {
		name_layer(i, stem);
		if (p->stream)
			r = layer_write(&p->layers[i], directory, stem, f);
		else if (p->sign)
			r = layer_write_manifest(&p->layers[i], directory, stem, f);
	}
	return r;
}

/* What is in the initrd need not be there twice. */
int site_layers_seal(const struct publishing *p, const char *directory, struct fail *f)
{
	char stem[LAYER_STEM_MAX], file[SITE_LAYER_FILE_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_layers; i++) {
		name_layer(i, stem);
		site_layers_archive(p, i, file);
		r = layer_write_initrd(&p->layers[i], directory, stem, f);
		if (r == 0)
			r = remove_file(directory, file, ".manifest", f);
		if (r == 0)
			r = remove_file(directory, file, ".manifest" SIGNATURE_SUFFIX, f);
	}
	return r;
}

/* ---- of single machines ---- */

/* With what the names of its files begin. */
static void name_machine(const char *mac, char ret[sizeof(MACHINE) + MAC_TEXT_MAX])
{
	strcpy(ret, MACHINE);
	mac_parse(mac, strlen(mac), '-', ret + strlen(MACHINE));
}

/* Without what stands behind the name of a file. */
static void stem_of(const char *file, char ret[LAYER_STEM_MAX])
{
	snprintf(ret, LAYER_STEM_MAX, "%.*s", (int)strcspn(file, "."), file);
}

void site_layers_guard(const struct site *s, struct site_layers_aside *ret)
{
	static const char *const nothing[] = { NULL };

	site_path(s, ret->path, ASIDE);
	site_path(s, ret->parent, SITE_LAYERS);
	ret->guard = (struct out_guard){ .path = ret->path };
	ret->parent_guard = (struct out_guard){ ret->parent, nothing, NULL };
	out_guard_add(&ret->parent_guard); /* goes behind the other */
	out_guard_add(&ret->guard);
}

void site_layers_unguard(struct site_layers_aside *a)
{
	out_guard_remove(&a->guard);
	out_guard_remove(&a->parent_guard);
}

int site_layers_make(struct site *s, const char *mac, const struct layer *l, struct fail *f)
{
	struct site_machine *m = site_find_or_add_machine(s, mac);
	char directory[PATH_MAX], stem[LAYER_STEM_MAX], own[sizeof(MACHINE) + MAC_TEXT_MAX];
	int r = m ? site_add_directory(s, "http", f) : fail_errno(f, ENOMEM, mac, "cannot note it");

	if (r == 0)
		r = site_add_directory(s, SITE_LAYERS, f);
	if (r == 0)
		r = site_add_directory(s, ASIDE, f);
	if (r < 0)
		return r;
	name_machine(mac, own);
	digest_format(m->layer.digest, &l->manifest.payload_digest);
	snprintf(stem, sizeof(stem), "%s-%.*s", own, DIGEST_SHOWN, m->layer.digest);
	snprintf(m->layer.file, sizeof(m->layer.file), "%s.tar%s", stem, l->suffix);
	return layer_write(l, site_path(s, directory, ASIDE), stem, f);
}

int site_layers_make_initrd(const struct site *s, const char *mac, const struct layer *l,
			    struct fail *f)
{
	char directory[PATH_MAX], stem[LAYER_STEM_MAX];

	stem_of(site_find_machine(s, mac)->layer.file, stem);
	return layer_write_initrd(l, site_path(s, directory, ASIDE), stem, f);
}

int site_layers_sign(const struct site *s, const char *mac, struct signing *signing,
		     const struct signature_trust *const *keys, size_t n_keys, struct fail *f)
{
	char directory[PATH_MAX];

	return signing_add(signing, site_path(s, directory, ASIDE),
			   site_find_machine(s, mac)->layer.file, keys, n_keys, f);
}

static int is_file(const struct dirent *e)
{
	return *e->d_name != '.';
}

int site_layers_publish(const struct site *s, struct fail *f)
{
	struct dirent **entries = NULL;
	char from[PATH_MAX], to[PATH_MAX];
	int n = scandir(site_path(s, from, ASIDE), &entries, is_file, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		site_path(s, from, ASIDE "/%s", entries[i]->d_name);
		site_path(s, to, SITE_LAYERS "/%s", entries[i]->d_name);
		if (r == 0 && rename(from, to) < 0)
			r = fail_errno(f, errno, to, "cannot publish it");
		free(entries[i]);
	}
	free(entries);
	return r == 0 ? site_layers_clean(s, f) : r;
}

int site_layers_clean(const struct site *s, struct fail *f)
{
	char path[PATH_MAX];
	int r = site_remove_tree(site_path(s, path, ASIDE), f);

	if (r < 0)
		return r;
	(void)rmdir(site_path(s, path, SITE_LAYERS)); /* unless there is something in it */
	return 0;
}

/* Of a file of this machine, whose name begins so, but with neither of these stems. */
static bool is_old(const char *file, const char *own, const char *a, const char *b)
{
	return strncmp(file, own, strlen(own)) == 0 && strncmp(file, a, strlen(a)) != 0 &&
	       (!*b || strncmp(file, b, strlen(b)) != 0);
}

static int remove_old(const char *directory, const char *own, const char *a, const char *b,
		      struct fail *f)
{
	struct dirent **entries = NULL;
	int n = scandir(directory, &entries, NULL, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		if (r == 0 && is_old(entries[i]->d_name, own, a, b))
			r = remove_file(directory, entries[i]->d_name, "", f);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int site_layers_remove_old(const struct site *s, const char *mac, const struct site_layer *before,
			   struct fail *f)
{
	char directory[PATH_MAX], own[sizeof(MACHINE) + MAC_TEXT_MAX];
	char stem[LAYER_STEM_MAX], stem_before[LAYER_STEM_MAX];

	name_machine(mac, own);
	stem_of(site_find_machine(s, mac)->layer.file, stem);
	stem_of(before->file, stem_before);
	return remove_old(site_path(s, directory, SITE_LAYERS), own, stem, stem_before, f);
}

bool site_layers_are_given(const struct site *s)
{
	for (size_t i = 0; i < s->n_machines; i++)
		if (*s->machines[i].layer.file)
			return true;
	return false;
}

/* Bytes of RAM that the layer of a machine takes; 0: nothing says it. */
static uint64_t tree_bytes(const struct site *s, const struct site_machine *m)
{
	_cleanup_free_ char *text = NULL;
	struct manifest manifest;
	char path[PATH_MAX];
	uint64_t bytes;
	size_t size;

	if (!*m->layer.file)
		return 0;
	site_path(s, path, SITE_LAYERS "/%s.manifest", m->layer.file);
	if (read_file(path, &text, &size) < 0 || manifest_parse(text, size, &manifest) < 0)
		return 0;
	bytes = layer_tree_bytes(&manifest);
	manifest_free(&manifest);
	return bytes;
}

uint64_t site_layers_largest(const struct site *s)
{
	uint64_t largest = 0, bytes;

	for (size_t i = 0; i < s->n_machines; i++) {
		bytes = tree_bytes(s, &s->machines[i]);
		if (bytes > largest)
			largest = bytes;
	}
	return largest;
}

static bool is_wanted(const struct site *s, const char *file)
{
	char own[MAC_TEXT_MAX];

	for (size_t i = 0; i < s->n_machines; i++) {
		mac_parse(s->machines[i].mac, strlen(s->machines[i].mac), '-', own);
		if (*s->machines[i].layer.file && strncmp(file, own, strlen(own)) == 0)
			return true;
	}
	return false;
}

int site_layers_sweep(const struct site *s, struct fail *f)
{
	struct dirent **entries = NULL;
	char directory[PATH_MAX];
	int n = scandir(site_path(s, directory, SITE_LAYERS), &entries, NULL, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		const char *file = entries[i]->d_name;

		if (r == 0 && strncmp(file, MACHINE, strlen(MACHINE)) == 0 &&
		    !is_wanted(s, file + strlen(MACHINE)))
			r = remove_file(directory, file, "", f);
		free(entries[i]);
	}
	free(entries);
	(void)rmdir(directory); /* unless there is something in it */
	return r;
}

void site_layers_initrd(const struct site_machine *m, char ret[SITE_LAYER_FILE_MAX])
{
	char stem[LAYER_STEM_MAX];

	stem_of(m->layer.file, stem);
	snprintf(ret, SITE_LAYER_FILE_MAX, "%.50s.img", stem);
}

/* ---- words ---- */

/* One layer, from the site and its mirrors; directory: below http/. */
static void print_word(FILE *out, const struct site *s, const char *directory,
		       const struct site_layer *l)
{
	char path[SITE_TEXT_MAX];

	snprintf(path, sizeof(path), "%s/%s", directory, l->file);
	fputs("tarboot.layer=", out);
	site_print_urls(out, s, path);
	fprintf(out, "#%s", l->digest);
}

char *site_layers_words(const struct site *s, const char *name, const struct site_version *v)
{
	char *words = NULL, directory[SITE_NAME_MAX + VERSION_MAX + 8];
	size_t size;
	FILE *out = open_memstream(&words, &size);

	snprintf(directory, sizeof(directory), "images/%s/%s", name, v->version);
	for (size_t i = 0; out && *v->payload && i < v->n_layers; i++) {
		print_word(out, s, directory, &v->layers[i]);
		fputc(' ', out);
	}
	if (out && fclose(out) == 0)
		return words;
	free(words);
	return NULL;
}

char *site_layers_machine_word(const struct site *s, const struct site_machine *m)
{
	char *word = NULL;
	size_t size;
	FILE *out = open_memstream(&word, &size);

	if (out && *m->layer.file)
		print_word(out, s, "layers", &m->layer);
	if (out && fclose(out) == 0)
		return word;
	free(word);
	return NULL;
}
