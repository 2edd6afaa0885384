#include "site/site_layers_check.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/print.h"
#include "base/read_all.h"
#include "image/image.h"
#include "image/layer_rules.h"
#include "site/site_file.h"
#include "site/site_layers.h"

/* What is looked at: sizes and manifests, or all bytes, too. */
enum depth { SIZES, BYTES };

/* Is there a manifest, and of what? */
static bool parse(const char *text, size_t size, const struct digest *wanted, uint64_t *ret_size)
{
	struct manifest m;
	bool is;

	if (manifest_parse(text, size, &m) < 0)
		return false;
	is = m.has_payload_digest && digest_is_same(&m.payload_digest, wanted);
	*ret_size = m.payload_bytes;
	manifest_free(&m);
	return is;
}

static bool is_manifest(const char *path, const struct digest *wanted, uint64_t *ret_size)
{
	_cleanup_free_ char *text = NULL;
	size_t size;

	return read_file(path, &text, &size) == 0 && parse(text, size, wanted, ret_size);
}

static bool has_digest(const struct payload *p, const struct digest *wanted)
{
	struct fail unused;

	return layer_check_digest(p, wanted, &unused) == 0;
}

/* A damaged manifest beside the archive does not make the archive count as damaged. */
static bool is_archive(const char *path, const struct digest *wanted, enum depth depth)
{
	char manifest[PATH_MAX];
	struct payload p;
	struct fail unused;
	uint64_t size;
	bool is;

	if (payload_open(AT_FDCWD, path, false, &p, &unused) < 0)
		return false;
	if (depth == BYTES)
		is = has_digest(&p, wanted);
	else
		is = snprintf(manifest, sizeof(manifest), "%s.manifest", path) >= PATH_MAX ||
		     !is_manifest(manifest, wanted, &size) || p.size == size;
	payload_close(&p);
	return is;
}

/* ---- in an initrd ---- */

/* Its only layer. */
static const struct image_member *find_layer(const struct image *image)
{
	const struct image_member *found = NULL;

	for (size_t i = 0; i < image->n_members; i++) {
		if (!image_layer_name(&image->members[i]))
			continue;
		if (found)
			return NULL;
		found = &image->members[i];
	}
	return found;
}

static bool has_manifest_of(const struct image *image, const struct image_member *layer,
			    const struct digest *wanted)
{
	_cleanup_free_ char *name = NULL, *text = NULL;
	const struct image_member *m;
	uint64_t size;

	if (asprintf(&name, "%s.manifest", layer->name) < 0) {
		name = NULL;
		return false;
	}
	m = image_find_member(image, name);
	text = m && m->size <= MANIFEST_TEXT_MAX ? calloc(1, (size_t)m->size + 1) : NULL;
	return text && image_read(image, m->offset, text, (size_t)m->size) == 0 &&
	       parse(text, (size_t)m->size, wanted, &size) && size == layer->size;
}

static bool has_layer(const struct image *image, const struct image_member *layer,
		      const struct digest *wanted)
{
	struct payload p = { 0 };
	int fd = fcntl(image_descriptor(image), F_DUPFD_CLOEXEC, 0);
	bool is = fd >= 0 && payload_add(&p, fd, image->start + layer->offset, layer->size) == 0 &&
		  has_digest(&p, wanted);

	payload_close(&p);
	return is;
}

/* Does not check the signature. */
static bool is_initrd(const char *path, const struct digest *wanted, enum depth depth)
{
	const struct image_member *layer;
	struct image image;
	struct fail unused;
	bool is;

	if (image_open_any(path, &image, &unused) < 0)
		return false;
	layer = find_layer(&image);
	is = layer && has_manifest_of(&image, layer, wanted) &&
	     (depth == SIZES || has_layer(&image, layer, wanted));
	image_close(&image);
	return is;
}

/* By what its name ends with. */
static bool is_right(const char *path, const char *digest, enum depth depth)
{
	struct digest wanted;
	uint64_t size;

	if (digest_parse(digest, &wanted) < 0)
		return false;
	if (ends_with(path, ".manifest"))
		return is_manifest(path, &wanted, &size);
	return ends_with(path, ".img") ? is_initrd(path, &wanted, depth)
				       : is_archive(path, &wanted, depth);
}

static bool is_file_right(const char *directory, const char *file, const char *suffix,
			  const char *digest)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s%s", directory, file, suffix) < PATH_MAX &&
	       is_right(path, digest, BYTES);
}

bool site_layers_are_whole(const char *directory, const struct site_layer *layers, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		const struct site_layer *l = &layers[i];

		if (!is_file_right(directory, l->file, "", l->digest) ||
		    (!ends_with(l->file, ".img") &&
		     !is_file_right(directory, l->file, ".manifest", l->digest)))
			return false;
	}
	return true;
}

/* ---- of single machines ---- */

static const char *fault(const struct site *s, const struct site_machine *m, enum depth depth,
			 char ret[SITE_LAYER_FILE_MAX + 32])
{
	char path[PATH_MAX], initrd[SITE_LAYER_FILE_MAX];

	if (!*m->layer.file)
		return NULL;
	site_layers_initrd(m, initrd);
	for (size_t i = 0; i < 3; i++) {
		snprintf(ret, SITE_LAYER_FILE_MAX + 32, "%s%s", i == 2 ? initrd : m->layer.file,
			 i == 1 ? ".manifest" : "");
		if (access(site_path(s, path, SITE_LAYERS "/%s", ret), F_OK) < 0)
			return "is not there";
		if (!is_right(path, m->layer.digest, depth))
			return "is damaged";
	}
	return NULL;
}

/* Of both forms. */
static uint64_t bytes_of(const struct site *s, const struct site_machine *m)
{
	struct stat st;
	char path[PATH_MAX];

	if (!*m->layer.file || stat(site_path(s, path, SITE_LAYERS "/%s", m->layer.file), &st) < 0)
		return 0;
	return 2 * (uint64_t)st.st_size;
}

void site_layers_find_faults(const struct site *s, bool reads_all, layer_fault_fn *tell)
{
	char file[SITE_LAYER_FILE_MAX + 32];
	uint64_t done = 0, total = 0;
	const char *why;

	for (size_t i = 0; i < s->n_machines; i++)
		total += bytes_of(s, &s->machines[i]);
	for (size_t i = 0; i < s->n_machines; i++) {
		const struct site_machine *m = &s->machines[i];

		if (reads_all)
			print_progress("checking layers", done, total);
		why = fault(s, m, reads_all ? BYTES : SIZES, file);
		if (why)
			tell(m, file, why);
		done += bytes_of(s, m);
	}
	print_progress_end();
}
