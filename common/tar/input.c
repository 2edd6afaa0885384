/* Pieces of an archive; see input.h. */
#include "tar/input.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/util.h"

static const char todo_cut[] = "It was cut short: copy it again, or make it again.";

int input_fill(struct input *in, struct fail *f)
{
	const void *data;
	size_t size;
	int r = 1;

	while (in->left == 0 && r > 0) {
		r = in->source(in->arg, &data, &size, f);
		if (r > 0) {
			in->at = data;
			in->left = size;
			in->taken += size;
		}
	}
	return r;
}

static int fail_cut(const struct input *in, struct fail *f)
{
	if (in->in_member)
		return fail_set(f, EBADMSG, in->name, todo_cut, "it ends in the middle of %s",
				in->path);
	if (in->members > 0)
		return fail_set(f, EBADMSG, in->name, todo_cut,
				"it ends in the middle of the header that follows %s", in->path);
	return fail_set(f, EBADMSG, in->name, todo_cut,
			"it ends in the middle of its first header");
}

int input_take_piece(struct input *in, uint64_t size, const uint8_t **ret_data, size_t *ret_size,
		     struct fail *f)
{
	int r = input_fill(in, f);

	if (r <= 0)
		return r < 0 ? r : fail_cut(in, f);
	*ret_data = in->at;
	*ret_size = (size_t)min_u64(size, in->left);
	in->at += *ret_size;
	in->left -= *ret_size;
	return 1;
}

int input_take(struct input *in, void *ret, size_t size, struct fail *f)
{
	const uint8_t *data = NULL;
	size_t n = 0;
	int r;

	for (uint8_t *to = ret; size > 0; to += n, size -= n) {
		r = input_take_piece(in, size, &data, &n, f);
		if (r < 0)
			return r;
		memcpy(to, data, n);
	}
	return 0;
}

int input_skip(struct input *in, uint64_t size, struct fail *f)
{
	const uint8_t *data;
	size_t n = 0;
	int r;

	for (; size > 0; size -= n) {
		r = input_take_piece(in, size, &data, &n, f);
		if (r < 0)
			return r;
	}
	return 0;
}

int input_check_end(struct input *in, struct fail *f)
{
	int r;

	while ((r = input_fill(in, f)) > 0) {
		if (!is_zero(in->at, in->left))
			return fail_set(
				f, EBADMSG, in->name,
				"Two archives were concatenated: make a single one instead.",
				"more data follows its end marker");
		in->left = 0;
	}
	return r;
}

int input_fail_no_end(const struct input *in, struct fail *f)
{
	return fail_set(f, EBADMSG, in->name, todo_cut, "it has no end marker (members read: %llu)",
			(unsigned long long)in->members);
}

void input_add_member(struct input *in, uint64_t position, const char *path)
{
	in->members++;
	in->in_member = true;
	in->position = position;
	snprintf(in->path, sizeof(in->path), "%.*s", (int)sizeof(in->path) - 1, path);
}
