/* Written aside and renamed: a machine that is loading one gets all of it. */
#include "site/site_uki.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/out.h"
#include "base/size.h"
#include "image/image.h"
#include "image/image_verify.h"
#include "image/uki_verify.h"
#include "site/site_firmware.h"
#include "site/site_uki_root.h"

/* TFTP waits for an answer to every few KB; many firmwares count its blocks in 16 bits. */
#define TFTP_MAX (64ULL << 20)

static int check(const struct image *image, struct fail *f)
{
	struct uki_verdict verdict;
	int r;

	if (!*uki_machine_name(image->uki))
		return fail_set(f, ENOEXEC, image->path, "Publish one for x86-64 or aarch64.",
				"it is for another kind of machine");
	r = uki_verify(image, NULL, &verdict, f);
	return r == 0 ? image_verify_bytes(image, f) : r;
}

int site_uki_check(const char *path, struct fail *f)
{
	struct image image = { 0 };
	int r = image_open_uki(path, &image, f);

	if (r == 0)
		r = check(&image, f);
	image_close(&image);
	return r;
}

static int copy(const struct uki *uki, const char *from, const char *to, struct fail *f)
{
	struct out out = { 0 };
	int r = out_open(to, OUT_PUBLISHED, &out, f);

	if (r == 0)
		r = out_copy(&out, uki->fd, 0, uki->size, from, f);
	if (r == 0)
		r = out_commit(&out, f);
	out_abandon(&out);
	return r;
}

static const char *path_of(const struct site *s, const char *directory, const char *machine,
			   char ret[PATH_MAX])
{
	return site_path(s, ret, "%s/uki-%s.efi", directory, machine);
}

static int make_directory(const struct site *s, const char *name, struct fail *f)
{
	char path[PATH_MAX];

	return mkdir(site_path(s, path, "%s", name), 0755) < 0 && errno != EEXIST
		       ? fail_errno(f, errno, path, "cannot create this directory")
		       : 0;
}

static int remove_file(const char *path, struct fail *f)
{
	return unlink(path) < 0 && errno != ENOENT ? fail_errno(f, errno, path, "cannot remove it")
						   : 0;
}

static int publish(const struct site *s, const struct image *image, struct fail *f)
{
	const char *machine = uki_machine_name(image->uki);
	char http[PATH_MAX], tftp[PATH_MAX];
	int r = make_directory(s, "http", f);

	path_of(s, "http", machine, http);
	path_of(s, "tftp", machine, tftp);
	if (r == 0)
		r = copy(image->uki, image->path, http, f);
	if (r == 0)
		r = make_directory(s, "tftp", f);
	if (r < 0)
		return r;
	return image->uki->size <= TFTP_MAX ? copy(image->uki, image->path, tftp, f)
					    : remove_file(tftp, f);
}

int site_uki_publish(const struct site *s, const char *path, struct fail *f)
{
	struct image image = { 0 };
	int r = image_open_any(path, &image, f);

	if (r == 0)
		r = publish(s, &image, f);
	image_close(&image);
	return r;
}

int site_uki_remove(const struct site *s, struct fail *f)
{
	const struct firmware *all;
	size_t n = firmware_all(&all);
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (all[i].uki)
			r = remove_file(site_path(s, path, "%s/%s",
						  all[i].by_http ? "http" : "tftp", all[i].uki),
					f);
	return r;
}

/* ---- results ---- */

void site_uki_print(const struct site *s, const char *url)
{
	const struct firmware *all;
	size_t n = firmware_all(&all);
	char path[PATH_MAX], size[SIZE_TEXT_MAX];
	struct stat st;

	for (size_t i = 0; i < n; i++) {
		if (!all[i].by_http || !all[i].uki ||
		    stat(site_path(s, path, "http/%s", all[i].uki), &st) < 0)
			continue;
		printf("uki      %s/%s: %s, for UEFI HTTP boot%s\n", url, all[i].uki,
		       size_format(size, (uint64_t)st.st_size),
		       (uint64_t)st.st_size <= TFTP_MAX
			       ? " and PXE"
			       : "; it is too large for PXE, which loads iPXE");
		site_uki_root_print(s, path);
	}
}
