#include "image/kernel_line_check.h"

#include <errno.h>

#include "parameters/layer_param.h"
#include "parameters/params.h"

/* A layer that is fetched, of which nothing says what it must be; NULL: there is none. */
static const char *find_unknown_layer(const struct params *p, struct layer_param *ret)
{
	const char *list = p->layers;

	while (p->verify_layers && layer_params_next(&list, ret))
		if (*ret->from != '/' && !ret->has_digest)
			return ret->from;
	return NULL;
}

static int check_signed_layers(const struct params *p, struct fail *f)
{
	const char *list = p->layers;
	struct layer_param layer;
	int r = 0;

	while (r == 0 && layer_params_next(&list, &layer))
		r = layer_param_check_signed(&layer, f);
	return r;
}

int kernel_line_check(const char *option, const char *line, size_t n_keys, struct fail *f)
{
	struct layer_param layer;
	struct params p;
	struct fail unused;

	(void)params_parse(line, &p, &unused);
	if (n_keys == 0 && find_unknown_layer(&p, &layer))
		return fail_set(f, EINVAL, option,
				"Write #DIGEST behind it (b2sum -l 256), use an image that was "
				"packed with --trust, or add tarboot.verify=root.",
				"the machines would refuse the layer %s, because it has no "
				"digest, and the boot part no keys",
				layer.from);
	if (n_keys > 0 && !p.verify)
		return fail_set(f, EINVAL, option, "Leave tarboot.verify=no out.",
				"the boot part has keys, so machines refuse to start with "
				"tarboot.verify=no");
	if (n_keys == 0 && *p.manifest_min)
		return fail_set(f, EINVAL, option,
				"Pack the image with `tarboot pack --trust FILE.pub`, or leave "
				"tarboot.manifest-min= out.",
				"tarboot.manifest-min= counts only where the boot part has keys, "
				"and this one has none");
	return n_keys > 0 ? check_signed_layers(&p, f) : 0;
}
