/* Collects everything about an image. */
#include "image/image_report.h"

#include <errno.h>
#include <fcntl.h>

#include "image/disk_usage_svg.h"
#include "image/inspect_json.h"
#include "base/util.h"

/* All but the image itself, which is open. */
static int open_rest(struct image_report *ret, struct fail *f)
{
	int r;

	if (ret->image.is_layers)
		return 0;
	r = boot_keys_of_image(&ret->image, &ret->keys, f);
	if (r == 0)
		r = image_read_blocks(&ret->image, &ret->blocks, f);
	if (r == 0)
		needs_of(&ret->image, &ret->blocks, NULL, &ret->needs);
	else
		image_close(&ret->image);
	return r;
}

int image_report_open(const char *path, struct image_report *ret, struct fail *f)
{
	int r;

	*ret = (struct image_report){ 0 };
	r = image_open_any(path, &ret->image, f);
	return r == 0 ? open_rest(ret, f) : r;
}

int image_report_open_fd(int fd, const char *path, struct image_report *ret, struct fail *f)
{
	int copy = fcntl(fd, F_DUPFD_CLOEXEC, 0), r;

	*ret = (struct image_report){ 0 };
	if (copy < 0)
		return fail_errno(f, errno, path, "cannot open it");
	r = image_open_fd(copy, path, &ret->image, f);
	return r == 0 ? open_rest(ret, f) : r;
}

int image_report_decode(struct image_report *r, struct fail *f)
{
	int result = image_need_root(&r->image, f);

	if (result == 0)
		result = contents_read(&r->image, &r->blocks, &r->contents, f);
	if (result == 0 && disk_usage_of(&r->contents, &r->usage) < 0)
		return fail_errno(f, ENOMEM, r->image.path, "cannot add up its sizes");
	if (result == 0)
		needs_of(&r->image, &r->blocks, &r->contents.size, &r->needs);
	return result;
}

void image_report_close(struct image_report *r)
{
	disk_usage_free(&r->usage);
	contents_free(&r->contents);
	block_list_free(&r->blocks);
	image_close(&r->image);
}

bool image_report_can_write(const char *path)
{
	return ends_with(path, ".svg") || ends_with(path, ".json");
}

static int print_report(FILE *out, const void *report)
{
	inspect_json(report, out);
	return 0;
}

static int draw_report(FILE *out, const void *report)
{
	const struct image_report *r = report;

	disk_usage_draw(&r->usage, r->image.path, out);
	return 0;
}

int image_report_write(const struct image_report *r, const char *path, struct out *ret,
		       struct fail *f)
{
	return out_print_aside(path, ends_with(path, ".svg") ? draw_report : print_report, r, ret,
			       f);
}
