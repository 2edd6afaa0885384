/* Written aside and renamed: a machine that is loading one gets all of it. */
#include "site/site_uki.h"

#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/size.h"
#include "base/unchanged.h"
#include "image/image_verify.h"
#include "image/uki_verify.h"
#include "site/site_file.h"
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

int site_uki_open(struct site_uki *u, const char *path, struct fail *f)
{
	int r = image_open_uki(path, &u->image, f);

	if (r == 0 && fstat(u->image.uki->fd, &u->seen) < 0)
		r = fail_errno(f, errno, path, "cannot read it");
	return r == 0 ? check(&u->image, f) : r;
}

static int copy(const struct image *image, const char *to, struct out *ret, struct fail *f)
{
	int r = out_open(to, OUT_PUBLISHED, ret, f);

	return r == 0 ? out_copy(ret, image->uki->fd, 0, image->uki->size, image->path, f) : r;
}

static const char *path_of(const struct site *s, const char *directory, const char *machine,
			   char ret[PATH_MAX])
{
	return site_path(s, ret, "%s/uki-%s.efi", directory, machine);
}

int site_uki_copy(struct site_uki *u, const struct site *s, struct fail *f)
{
	const char *machine = uki_machine_name(u->image.uki);
	char path[PATH_MAX];
	int r = site_add_directory(s, "http", f);

	if (r == 0)
		r = copy(&u->image, path_of(s, "http", machine, path), &u->http, f);
	if (r == 0)
		r = site_add_directory(s, "tftp", f);
	if (r == 0 && u->image.uki->size <= TFTP_MAX)
		r = copy(&u->image, path_of(s, "tftp", machine, path), &u->tftp, f);
	return r == 0 ? unchanged_open(u->image.uki->fd, u->image.path, &u->seen, f) : r;
}

int site_uki_publish(struct site_uki *u, const struct site *s, struct fail *f)
{
	char path[PATH_MAX];
	int r = out_commit(&u->http, f);

	if (r < 0)
		return r;
	return out_is_open(&u->tftp)
		       ? out_commit(&u->tftp, f)
		       : site_remove_file(path_of(s, "tftp", uki_machine_name(u->image.uki), path),
					  f);
}

void site_uki_close(struct site_uki *u)
{
	out_abandon(&u->http);
	out_abandon(&u->tftp);
	image_close(&u->image);
}

int site_uki_remove(const struct site *s, struct fail *f)
{
	const struct firmware *all;
	size_t n = firmware_all(&all);
	char path[PATH_MAX];
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		if (all[i].uki)
			r = site_remove_file(site_path(s, path, "%s/%s",
						       firmware_directory(&all[i]), all[i].uki),
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
