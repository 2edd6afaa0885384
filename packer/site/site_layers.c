#include "site/site_layers.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "site/site_sign.h"

#define LAYERS "http/layers"
#define MACHINE \
	"machine-" /* begins names: in initrds, init takes layers by name, and those of "layer-1" first */
#define DIGEST_SHOWN 16 /* digits of the digest in a file's name */

/* ---- files ---- */

static int remove_file(const char *directory, const char *file, const char *suffix, struct fail *f)
{
	char path[PATH_MAX];

	if (snprintf(path, sizeof(path), "%s/%s%s", directory, file, suffix) >= PATH_MAX ||
	    (unlink(path) < 0 && errno != ENOENT))
		return fail_errno(f, errno, path, "cannot remove it");
	return 0;
}

/* The archive with its manifest, signed if there is a key. */
static int write_archive(const struct publishing *p, const struct boot_keys *keys,
			 const char *version, const struct layer *l, const char *directory,
			 const char *stem, struct fail *f)
{
	char file[SITE_LAYER_FILE_MAX + 16];
	int r = layer_write(l, directory, stem, f);

	snprintf(file, sizeof(file), "%s.tar%s", stem, l->suffix);
	if (r == 0 && p->sign)
		r = site_sign_file(p, keys, version, directory, file, f);
	return r;
}

/* What is in the initrd need not be there twice. */
static int write_initrd(const struct layer *l, const char *directory, const char *stem,
			struct fail *f)
{
	char file[SITE_LAYER_FILE_MAX + 16];
	int r = layer_write_initrd(l, directory, stem, f);

	snprintf(file, sizeof(file), "%s.tar%s", stem, l->suffix);
	if (r == 0)
		r = remove_file(directory, file, "", f);
	if (r == 0)
		r = remove_file(directory, file, ".manifest", f);
	return r == 0 ? remove_file(directory, file, ".manifest" SIGNATURE_SUFFIX, f) : r;
}

int site_layers_write(const struct publishing *p, const struct boot_keys *keys,
		      const struct site_version *v, const char *directory, struct fail *f)
{
	char stem[LAYER_STEM_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < p->n_layers; i++) {
		snprintf(stem, sizeof(stem), "layer-%zu", i + 1);
		r = write_archive(p, keys, v->version, &p->layers[i], directory, stem, f);
		if (r == 0 && !p->stream)
			r = write_initrd(&p->layers[i], directory, stem, f);
	}
	return r;
}

/* ---- of single machines ---- */

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

/* Without what stands behind the name of a file. */
static void stem_of(const char *file, char ret[LAYER_STEM_MAX])
{
	snprintf(ret, LAYER_STEM_MAX, "%.*s", (int)strcspn(file, "."), file);
}

static int make_directory(const struct site *s, char ret[PATH_MAX], struct fail *f)
{
	char http[PATH_MAX];

	(void)mkdir(site_path(s, http, "http"), 0755);
	if (mkdir(site_path(s, ret, LAYERS), 0755) < 0 && errno != EEXIST)
		return fail_errno(f, errno, ret, "cannot create this directory");
	return 0;
}

int site_layers_give(struct site *s, const char *mac, const struct layer *l,
		     const struct publishing *p, struct fail *f)
{
	static const struct boot_keys any;
	struct site_machine *m = site_machine(s, mac);
	char directory[PATH_MAX], stem[LAYER_STEM_MAX], before[LAYER_STEM_MAX];
	char own[sizeof(MACHINE) + MAC_TEXT_MAX] = MACHINE;
	struct publishing signing = { .name = stem, .sign = p->sign };
	int r = m ? make_directory(s, directory, f) : fail_errno(f, ENOMEM, mac, "cannot note it");

	if (r < 0)
		return r;
	mac_parse(mac, strlen(mac), '-', own + strlen(MACHINE));
	stem_of(m->layer.file, before);
	digest_format(m->layer.digest, &l->manifest.payload_digest);
	snprintf(stem, sizeof(stem), "%s-%.*s", own, DIGEST_SHOWN, m->layer.digest);
	r = write_archive(&signing, &any, "-", l, directory, stem, f);
	if (r == 0)
		r = layer_write_initrd(l, directory, stem, f);
	if (r < 0)
		return r;
	snprintf(m->layer.file, sizeof(m->layer.file), "%s.tar%s", stem, l->suffix);
	return remove_old(directory, own, stem, before, f);
}

int site_layers_take(struct site *s, const char *mac, struct fail *f)
{
	struct site_machine *m = site_machine(s, mac);

	if (!m)
		return fail_errno(f, ENOMEM, mac, "cannot note it");
	m->layer = (struct site_layer){ 0 };
	return 0;
}

bool site_layers_are_given(const struct site *s)
{
	for (size_t i = 0; i < s->n_machines; i++)
		if (*s->machines[i].layer.file)
			return true;
	return false;
}

const char *site_layers_unsigned(const struct site *s)
{
	char path[PATH_MAX];

	for (const struct site_machine *m = s->machines; m < s->machines + s->n_machines; m++)
		if (*m->layer.file &&
		    access(site_path(s, path, LAYERS "/%s.manifest" SIGNATURE_SUFFIX,
				     m->layer.file),
			   F_OK) < 0)
			return m->mac;
	return NULL;
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
	int n = scandir(site_path(s, directory, LAYERS), &entries, NULL, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		const char *file = entries[i]->d_name;

		if (r == 0 && strncmp(file, MACHINE, strlen(MACHINE)) == 0 &&
		    !is_wanted(s, file + strlen(MACHINE)))
			r = remove_file(directory, file, "", f);
		free(entries[i]);
	}
	free(entries);
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
	char own[SITE_TEXT_MAX];

	site_url(s, own);
	fprintf(out, "tarboot.layer=%s/%s/%s", own, directory, l->file);
	for (size_t i = 0; i < s->n_mirrors; i++)
		fprintf(out, ",%s/%s/%s", s->mirrors[i], directory, l->file);
	fprintf(out, "#%s", l->digest);
}

char *site_layers_words(const struct site *s, const char *name, const struct site_version *v)
{
	char *words = NULL, directory[PATH_MAX];
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
