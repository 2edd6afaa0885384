#include "site/site_layers_check.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/read_all.h"
#include "image/embedded_layers.h"
#include "image/layer_rules.h"
#include "site/site_layers.h"

static bool is_archive(const char *path, const struct digest *wanted)
{
	struct payload p;
	struct fail unused;
	bool is;

	if (payload_open(AT_FDCWD, path, false, &p, &unused) < 0)
		return false;
	is = layer_check_digest(&p, wanted, &unused) == 0;
	payload_close(&p);
	return is;
}

static bool is_manifest(const char *path, const struct digest *wanted)
{
	_cleanup_free_ char *text = NULL;
	struct manifest m;
	size_t size;
	bool is;

	if (read_file(path, &text, &size) < 0 || manifest_parse(text, size, &m) < 0)
		return false;
	is = m.has_payload_digest && digest_is_same(&m.payload_digest, wanted);
	manifest_free(&m);
	return is;
}

/* Whoever signed it. */
static bool is_initrd(const char *path, const struct digest *wanted)
{
	static const struct boot_keys none;
	struct embedded_layers layers;
	struct image image;
	struct fail unused;
	bool is = false;

	if (image_open_any(path, &image, &unused) < 0)
		return false;
	if (embedded_layers_open(&image, &none, &layers, &unused) == 0) {
		is = layers.n == 1 && layer_check_digest(&layers.payloads[0], wanted, &unused) == 0;
		embedded_layers_close(&layers);
	}
	image_close(&image);
	return is;
}

/* By what its name ends with. */
static bool is_right(const char *path, const char *digest)
{
	struct digest wanted;

	if (digest_parse(digest, &wanted) < 0)
		return false;
	if (ends_with(path, ".manifest"))
		return is_manifest(path, &wanted);
	return ends_with(path, ".img") ? is_initrd(path, &wanted) : is_archive(path, &wanted);
}

static bool is_file_right(const char *directory, const char *file, const char *suffix,
			  const char *digest)
{
	char path[PATH_MAX];

	return snprintf(path, sizeof(path), "%s/%s%s", directory, file, suffix) < PATH_MAX &&
	       is_right(path, digest);
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

const char *site_layers_fault(const struct site *s, const struct site_machine *m,
			      char ret[SITE_LAYER_FILE_MAX + 32])
{
	char path[PATH_MAX], initrd[SITE_LAYER_FILE_MAX];

	if (!*m->layer.file)
		return NULL;
	site_layers_initrd(m, initrd);
	for (size_t i = 0; i < 3; i++) {
		snprintf(ret, SITE_LAYER_FILE_MAX + 32, "%s%s", i == 2 ? initrd : m->layer.file,
			 i == 1 ? ".manifest" : "");
		if (access(site_path(s, path, "http/layers/%s", ret), F_OK) < 0)
			return "is not there";
		if (!is_right(path, m->layer.digest))
			return "is damaged";
	}
	return NULL;
}
