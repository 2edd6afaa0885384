/* Everything at once. */
#include "image_report.h"

#include <errno.h>

#include "inspect_json.h"
#include "out.h"
#include "util.h"

int image_report_open(const char *path, struct image_report *ret, struct fail *f)
{
	int r;

	*ret = (struct image_report){ 0 };
	r = image_open(path, &ret->image, f);
	if (r < 0)
		return r;
	r = block_list_read(&ret->image.payload, &ret->blocks, f);
	if (r == 0)
		needs_of(&ret->image, &ret->blocks, &ret->needs);
	else
		image_close(&ret->image);
	return r;
}

int image_report_decode(struct image_report *r, struct fail *f)
{
	int result = contents_read(&r->image, &r->blocks, &r->contents, f);

	if (result == 0 && usage_of(&r->contents, &r->usage) < 0)
		return fail_errno(f, ENOMEM, r->image.path, "cannot sum it up");
	return result;
}

void image_report_close(struct image_report *r)
{
	usage_free(&r->usage);
	contents_free(&r->contents);
	block_list_free(&r->blocks);
	image_close(&r->image);
}

bool image_report_can_write(const char *path)
{
	return ends_with(path, ".svg") || ends_with(path, ".json");
}

int image_report_write(const struct image_report *r, const char *path, struct fail *f)
{
	struct out out;
	FILE *file;
	int result = out_open(path, &out, f);

	if (result < 0)
		return result;
	file = fdopen(dup(out.fd), "w");
	if (!file)
		result = fail_errno(f, errno, path, "cannot write it");
	else if (ends_with(path, ".svg"))
		usage_draw(&r->usage, r->image.path, file);
	else
		inspect_json(r, file);
	if (file && (ferror(file) | fclose(file)) && result == 0)
		result = fail_errno(f, errno, path, "cannot write it");
	if (result == 0)
		return out_commit(&out, f);
	out_abandon(&out);
	return result;
}
