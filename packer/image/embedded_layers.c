#include "image/embedded_layers.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static bool is_layer(const struct image_member *m)
{
	return S_ISREG(m->mode) &&
	       strncmp(m->name, EMBEDDED_LAYERS_DIR, strlen(EMBEDDED_LAYERS_DIR)) == 0 &&
	       !ends_with(m->name, ".manifest") && !ends_with(m->name, ".minisig");
}

bool embedded_layers_are_there(const struct image *image)
{
	for (size_t i = 0; i < image->n_members; i++)
		if (is_layer(&image->members[i]))
			return true;
	return false;
}

/* Does a later archive have another file of that name, which then takes its place? */
static bool is_replaced(const struct image *image, size_t member)
{
	for (size_t i = member + 1; i < image->n_members; i++)
		if (strcmp(image->members[i].name, image->members[member].name) == 0)
			return true;
	return false;
}

static int open_one(const struct image *image, const struct image_member *m, struct payload *ret)
{
	int fd = fcntl(image->payload.parts[0].fd, F_DUPFD_CLOEXEC, 0);

	*ret = (struct payload){ 0 };
	snprintf(ret->name, sizeof(ret->name), "/%.126s", m->name);
	return fd < 0 ? -errno : payload_add(ret, fd, image->start + m->offset, m->size);
}

static int compare(const void *a, const void *b)
{
	return strcmp(((const struct payload *)a)->name, ((const struct payload *)b)->name);
}

static int open_all(const struct image *image, struct embedded_layers *l)
{
	int r = 0;

	l->payloads = calloc(image->n_members + 1, sizeof(*l->payloads));
	l->layers = calloc(image->n_members + 1, sizeof(*l->layers));
	if (!l->payloads || !l->layers)
		return -ENOMEM;
	for (size_t i = 0; r == 0 && i < image->n_members; i++)
		if (is_layer(&image->members[i]) && !is_replaced(image, i))
			r = open_one(image, &image->members[i], &l->payloads[l->n++]);
	qsort(l->payloads, l->n, sizeof(*l->payloads), compare);
	for (size_t i = 0; i < l->n; i++)
		l->layers[i].payload = &l->payloads[i];
	return r;
}

int embedded_layers_open(const struct image *image, struct embedded_layers *ret, struct fail *f)
{
	int r;

	*ret = (struct embedded_layers){ 0 };
	if (image->payload.n_parts == 0)
		return 0;
	r = open_all(image, ret);
	if (r < 0)
		embedded_layers_close(ret);
	return r < 0 ? fail_errno(f, r, image->path, "cannot open its layers") : 0;
}

int embedded_layers_verify(const struct embedded_layers *l, unsigned threads, struct fail *f)
{
	const struct unpack_options how = { .root_fd = -1, .threads = threads };
	struct unpack_result unused;
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++)
		r = unpack_run(&l->payloads[i], &how, &unused, f);
	return r;
}

void embedded_layers_close(struct embedded_layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		payload_close(&l->payloads[i]);
	free(l->payloads);
	free(l->layers);
	*l = (struct embedded_layers){ 0 };
}
