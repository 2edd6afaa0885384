#include "command/netboot_layers.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/options.h"
#include "base/print.h"
#include "base/read_all.h"
#include "site/hosts_file.h"
#include "site/site_file.h"
#include "site/site_images.h"

/* ---- what is given ---- */

/* The last one that is given for a machine counts. */
static void forget(struct netboot_layers *l, const char *mac)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++) {
		if (strcmp(l->given[i].mac, mac) == 0)
			free(l->given[i].from);
		else
			l->given[n++] = l->given[i];
	}
	l->n = n;
}

static int append(struct netboot_layers *l, const char *mac, const char *from, bool is_typed)
{
	struct netboot_layer *given = array_one_more(l->given, l->n, sizeof(*given));
	struct netboot_layer new = { .is_typed = is_typed };

	if (!given)
		return -ENOMEM;
	l->given = given;
	if (mac)
		forget(l, mac);
	if (mac)
		strcpy(new.mac, mac);
	if (!mac || strcmp(from, "none") != 0) {
		new.from = strdup(from);
		if (!new.from)
			return -ENOMEM;
	}
	given[l->n++] = new;
	l->n_common += !mac;
	return 0;
}

int netboot_layers_add(struct netboot_layers *l, const char *mac, const char *from)
{
	if (!mac && l->n_common == SITE_LAYERS_MAX)
		return print_usage_error("netboot", "--layer: there may be %d", SITE_LAYERS_MAX);
	return append(l, mac, from, true) < 0 ? print_usage_error("netboot", "out of memory")
					      : EXIT_OK;
}

int netboot_layers_add_machine(struct netboot_layers *l, const char *value)
{
	size_t length = strcspn(value, "=");
	char mac[MAC_TEXT_MAX];

	if (!mac_parse(value, length, ':', mac) || length != MAC_TEXT_MAX - 1 || !value[length] ||
	    !value[length + 1])
		return print_usage_error(
			"netboot",
			"--machine-layer %s: it must be a MAC address, = and a directory "
			"or archive, for example 52:54:00:12:34:56=layers/pc1",
			value);
	if (!mac_is_of_card(mac))
		return print_usage_error("netboot",
					 "--machine-layer %s: its MAC address is that of a group, "
					 "or all zeros, and no machine's",
					 value);
	return netboot_layers_add(l, mac, value + length + 1);
}

/* ---- --hosts ---- */

static int fail_line(struct fail *f, const char *path, unsigned line, const char *why)
{
	return fail_set(f, EINVAL, path, "Correct that line.", "line %u: %s", line, why);
}

static int add_layer(struct netboot_layers *l, const struct hosts_machine *m, const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t directory = slash && *m->layer != '/' ? (size_t)(slash - path) + 1 : 0;
	char *from = NULL;
	int r;

	if (strcmp(m->layer, "none") == 0)
		directory = 0;
	if (asprintf(&from, "%.*s%s", (int)directory, path, m->layer) < 0)
		return -ENOMEM;
	r = append(l, m->mac, from, false);
	free(from);
	return r;
}

/* What the file does not say stays as it was. -EINVAL: *ret_wrong says why. */
static int add_machine(struct netboot_layers *l, struct site *s, const struct hosts_machine *m,
		       const char *path, const char **ret_wrong)
{
	struct site_machine *machine = site_find_or_add_machine(s, m->mac);

	if (!machine)
		return -ENOMEM;
	*ret_wrong = !mac_is_of_card(m->mac) ? "its MAC address is that of a group, or all zeros, "
					       "and no machine's"
		     : machine->is_in_file   ? "this MAC address is in an earlier line, too"
					     : NULL;
	if (*ret_wrong)
		return -EINVAL;
	machine->is_in_file = true;
	if (m->address)
		machine->address = m->address;
	if (*m->name)
		strcpy(machine->name, m->name);
	if (*m->entry)
		strcpy(machine->boot, m->entry);
	return *m->layer ? add_layer(l, m, path) : 0;
}

static int read_machines(struct netboot_layers *l, struct site *s, const char *text,
			 const char *path, struct fail *f)
{
	struct hosts_machine *m = malloc(sizeof(*m));
	struct hosts_file h = { .at = text };
	const char *wrong;
	int r = m ? 0 : -ENOMEM;

	while (r == 0 && (r = hosts_next(&h, m, &wrong)) > 0)
		r = add_machine(l, s, m, path, &wrong);
	free(m);
	if (r == -EINVAL)
		return fail_line(f, path, h.line, wrong);
	return r < 0 ? fail_errno(f, r, path, "cannot read it") : 0;
}

int netboot_layers_read_hosts(struct netboot_layers *l, struct site *s, const char *path,
			      struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file(path, &text, &size);

	if (r < 0)
		return fail_set(f, -r, path,
				"Give the path of a file with a line for each machine, as "
				"tarboot-netboot(1) describes it.",
				"cannot read this file of machines: %s", strerror(-r));
	if (strlen(text) != size)
		return fail_set(f, EINVAL, path, "Save it as plain text or CSV.",
				"it is no text: there is a NUL in it");
	return read_machines(l, s, text, path, f);
}

/* ---- the work ---- */

int netboot_layers_check(const struct netboot_layers *l, struct fail *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++)
		if (l->given[i].from)
			r = layer_check(l->given[i].from, f);
	return r;
}

int netboot_layers_open(struct netboot_layers *l, const struct site *s, struct fail *f)
{
	char aside[PATH_MAX];
	size_t n = 0;
	int r = 0;

	l->common = calloc(l->n_common + 1, sizeof(*l->common));
	if (!l->common)
		return fail_errno(f, ENOMEM, s->directory, "cannot note the layers");
	for (size_t i = 0; r == 0 && i < l->n; i++) {
		struct netboot_layer *given = &l->given[i];

		if (given->from)
			r = layer_open(given->from, site_path(s, aside, "layer"), &given->layer, f);
		if (r == 0 && !*given->mac)
			l->common[n++] = given->layer;
	}
	return r;
}

int netboot_layers_note(struct netboot_layers *l, const struct site *s, struct fail *f)
{
	struct site *before = &l->before;

	before->machines = calloc(s->n_machines + 1, sizeof(*before->machines));
	if (!before->machines)
		return fail_errno(f, ENOMEM, s->directory, "cannot note its machines");
	for (; before->n_machines < s->n_machines; before->n_machines++)
		before->machines[before->n_machines] = s->machines[before->n_machines];
	return 0;
}

static struct site_layer layer_before(const struct netboot_layers *l, const char *mac)
{
	const struct site_machine *m = site_find_machine(&l->before, mac);

	return m ? m->layer : (struct site_layer){ 0 };
}

int netboot_layers_give(struct netboot_layers *l, struct site *s, struct fail *f)
{
	int r = 0;

	if (l->n > l->n_common)
		site_layers_guard(s, &l->aside);
	for (size_t i = 0; r == 0 && i < l->n; i++) {
		struct netboot_layer *given = &l->given[i];
		struct site_machine *m = *given->mac ? site_find_or_add_machine(s, given->mac)
						     : NULL;

		if (!*given->mac)
			continue;
		if (!m)
			return fail_errno(f, ENOMEM, given->mac, "cannot note it");
		given->before = layer_before(l, given->mac);
		if (given->from)
			r = site_layers_make(s, given->mac, &given->layer, f);
		else
			m->layer = (struct site_layer){ 0 };
	}
	return r;
}

/* Is it a new layer of one machine? */
static bool is_of_machine(const struct netboot_layer *given)
{
	return *given->mac && given->from;
}

bool netboot_layers_has_new(const struct netboot_layers *l)
{
	for (size_t i = 0; i < l->n; i++)
		if (is_of_machine(&l->given[i]))
			return true;
	return false;
}

/* A machine whose boot part has keys takes no layer without a signature. */
int netboot_layers_check_signed(const struct netboot_layers *l, const struct publishing *p,
				const struct site_trust *trust, struct fail *f)
{
	if (p->sign || trust->n == 0)
		return 0;
	for (size_t i = 0; i < l->n; i++)
		if (is_of_machine(&l->given[i]))
			return fail_set(f, EPERM, l->given[i].mac,
					"Give the secret key with --sign.",
					"its layer must be signed: %s, which it may boot, has keys "
					"or is signed",
					trust->images[0].name);
	return 0;
}

static int sign_one(const struct site *s, const char *mac, const struct site_trust *trust,
		    struct signing *signing, struct fail *f)
{
	const struct signature_trust **keys;
	size_t n;
	int r = site_trust_keys(trust, s, site_find_machine(s, mac), &keys, &n, f);

	if (r < 0)
		return r;
	r = site_layers_sign(s, mac, signing, keys, n, f);
	free(keys);
	return r;
}

int netboot_layers_sign(const struct netboot_layers *l, const struct site *s,
			const struct publishing *p, const struct site_trust *trust,
			struct signing *signing, struct fail *f)
{
	int r = netboot_layers_check_signed(l, p, trust, f);

	for (size_t i = 0; r == 0 && p->sign && i < l->n; i++)
		if (is_of_machine(&l->given[i]))
			r = sign_one(s, l->given[i].mac, trust, signing, f);
	return r;
}

int netboot_layers_seal(const struct netboot_layers *l, const struct site *s, struct fail *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++)
		if (is_of_machine(&l->given[i]))
			r = site_layers_make_initrd(s, l->given[i].mac, &l->given[i].layer, f);
	return r;
}

static void tell(const struct netboot_layer *given)
{
	if (given->from)
		print_line(stdout, "layer    %s: %s", given->mac, given->from);
	else if (*given->before.file)
		print_line(stdout, "layer    %s: none any more", given->mac);
	else if (given->is_typed)
		print_warning("--machine-layer %s=none: there was none; if another machine was "
			      "meant, whose layer stays: give its MAC address",
			      given->mac);
}

int netboot_layers_publish(struct netboot_layers *l, const struct site *s, struct fail *f)
{
	int r = site_layers_publish(s, f);

	site_layers_unguard(&l->aside);
	for (size_t i = 0; r == 0 && i < l->n; i++)
		if (*l->given[i].mac)
			tell(&l->given[i]);
	return r;
}

int netboot_layers_remove_old(const struct netboot_layers *l, const struct site *s, struct fail *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < l->n; i++)
		if (is_of_machine(&l->given[i]))
			r = site_layers_remove_old(s, l->given[i].mac, &l->given[i].before, f);
	return r;
}

void netboot_layers_free(struct netboot_layers *l)
{
	for (size_t i = 0; i < l->n; i++) {
		layer_close(&l->given[i].layer);
		free(l->given[i].from);
	}
	site_layers_unguard(&l->aside);
	free(l->given);
	free(l->common);
	site_free(&l->before);
	*l = (struct netboot_layers){ 0 };
}
