/* Everything at once. */
#include "image_report.h"

#include <errno.h>
#include <string.h>

#include "inspect_json.h"
#include "out.h"

int image_report_open(const char *path, struct image_report *ret, struct fail *f)
{
	int r;

	*ret = (struct image_report){ 0 };
	r = image_open(path, &ret->image, f);
	if (r < 0)
		return r;
	r = needs_of(&ret->image, &ret->needs, f);
	if (r == 0)
		r = contents_read(&ret->image, &ret->contents, f);
	if (r == 0 && usage_of(&ret->contents, &ret->usage) < 0)
		r = fail_errno(f, ENOMEM, path, "cannot sum it up");
	if (r < 0)
		image_report_close(ret);
	return r;
}

void image_report_close(struct image_report *r)
{
	usage_free(&r->usage);
	contents_free(&r->contents);
	image_close(&r->image);
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), k = strlen(end);

	return n >= k && strcmp(text + n - k, end) == 0;
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
		result = inspect_json(&r->image, &r->contents, &r->needs, file, f);
	if (file && (ferror(file) | fclose(file)) && result == 0)
		result = fail_errno(f, errno, path, "cannot write it");
	if (result == 0)
		return out_commit(&out, f);
	out_abandon(&out);
	return result;
}
