/* Its kernel line tells what it fetches, its boot part what it takes: the root that it was packed with, or what its keys have signed. */
#include "site/site_uki_root.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/print.h"
#include "base/read_all.h"
#include "image/boot_keys.h"
#include "image/image.h"
#include "image/signed_manifest.h"
#include "parameters/params.h"
#include "site/site_file.h"

static const char todo_fit[] = "Publish one that fits (--uki FILE), or none (--uki none).";

/* What is behind the URL of http/, or of a mirror of it; else what is behind the host: a server may have several names. */
static const char *path_below(const struct site *s, const char *url, bool *ret_is_ours)
{
	char base[SITE_TEXT_MAX];
	const char *host = strstr(url, "//"), *path = host ? strchr(host + 2, '/') : NULL;

	site_url(s, base);
	*ret_is_ours = true;
	for (size_t i = 0; i <= s->n_mirrors; i++) {
		size_t size = strlen(base);

		if (strncmp(url, base, size) == 0 && url[size] == '/')
			return url + size + 1;
		snprintf(base, sizeof(base), "%s", i < s->n_mirrors ? s->mirrors[i] : "");
	}
	*ret_is_ours = false;
	return path ? path + 1 : "";
}

/* The file of the site that the URL names. -ENOENT: there is none; -EXDEV: it names another server. */
static int find_file(const struct site *s, const char *url, char ret[PATH_MAX])
{
	bool is_ours;
	const char *path = path_below(s, url, &is_ours);
	struct stat st;

	if (*path && !strstr(path, "..") && stat(site_path(s, ret, "http/%s", path), &st) == 0 &&
	    S_ISREG(st.st_mode))
		return 0;
	return is_ours ? -ENOENT : -EXDEV;
}

static int check_pinned(const struct image *image, const char *text, size_t size, const char *name,
			struct fail *f)
{
	const struct digest *wanted = &image->manifest.payload_digest;
	char digest[DIGEST_TEXT_MAX];
	struct manifest manifest;
	bool is;

	if (!image->has_manifest || !image->manifest.has_payload_digest)
		return 0;
	if (manifest_parse(text, size, &manifest) < 0)
		return fail_set(f, EBADMSG, name, todo_fit, "it cannot be read");
	is = manifest.has_payload_digest && digest_is_same(&manifest.payload_digest, wanted);
	manifest_free(&manifest);
	return is ? 0
		  : fail_set(f, EBADMSG, name, todo_fit,
			     "the boot part takes only the root with payload-digest=%s",
			     digest_format(digest, wanted));
}

/* file: the payload, in the site. */
static int check(const struct image *image, const char *file, struct fail *f)
{
	_cleanup_free_ char *text = NULL, *manifest = NULL, *signature = NULL;
	struct signature_about about;
	struct signature_trust keys;
	size_t size;
	int r = boot_keys_of_image(image, &keys, f);

	if (r < 0)
		return r;
	boot_keys_apply_line(&keys, image->uki->cmdline);
	if (asprintf(&manifest, "%s.manifest", file) < 0 ||
	    asprintf(&signature, "%s" SIGNATURE_SUFFIX, manifest) < 0)
		return fail_errno(f, ENOMEM, file, "cannot check it");
	r = read_file(manifest, &text, &size);
	if (r < 0)
		return fail_errno(f, r, manifest, "cannot read it");
	return keys.n ? signed_manifest_check(manifest, text, size, signature, &keys, &about, f)
		      : check_pinned(image, text, size, manifest, f);
}

/* url: the first of a list. */
static void judge(const struct site *s, const struct image *image, const char *path,
		  const char *url)
{
	char file[PATH_MAX];
	struct fail f;
	int r = find_file(s, url, file);

	print_line(stdout, "root     %s%s", url, r == -EXDEV ? ", on another server" : "");
	if (r == -ENOENT)
		print_warning("%s fetches %s, which this site does not have: machines that start "
			      "it do not boot. %s",
			      path, url, todo_fit);
	else if (r == 0 && check(image, file, &f) < 0)
		print_warning("%s does not take the root that it fetches: %s: %s. Machines that "
			      "start it do not boot. %s",
			      path, f.what, f.why, f.todo);
}

/* A whole image fetches nothing; a line that is not there is the firmware's, which has none. */
static void look(const struct site *s, const struct image *image, const char *path)
{
	struct params params;
	struct fail unused;

	if (!image->is_boot_part)
		return;
	if (image->uki->cmdline && params_parse(image->uki->cmdline, &params, &unused) == 0 &&
	    url_is_one(params.rootfs)) {
		params.rootfs[strcspn(params.rootfs, ",")] = '\0';
		judge(s, image, path, params.rootfs);
	} else
		print_warning("%s has no root in it, and no tarboot.rootfs=URL in its kernel "
			      "command line: machines that start it do not boot. %s",
			      path, todo_fit);
}

void site_uki_root_print(const struct site *s, const char *path)
{
	struct image image = { 0 };
	struct fail unused;

	if (image_open_any(path, &image, &unused) == 0 && image.uki)
		look(s, &image, path);
	image_close(&image);
}
