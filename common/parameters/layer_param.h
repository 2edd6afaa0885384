/*
 * The values of tarboot.layer=: FROM[#DIGEST][?]. FROM is a path in the initramfs, or URLs with commas between, and may have
 * variables, ${mac}. Pure: text in, text out.
 */
#pragma once

#include <stdbool.h>

#include "base/digest.h"
#include "base/fail.h"
#include "fetch/url.h"

#define LAYER_FROM_MAX URL_LIST_MAX /* bytes, variables filled in or not */
#define LAYER_VALUE_MAX 72          /* bytes of what a variable stands for, its NUL included */

struct layer_param {
	char from[LAYER_FROM_MAX];
	bool has_digest;
	struct digest digest; /* of the whole file */
	bool may_be_missing;  /* there was a "?" */
};

enum layer_variable {
	LAYER_MAC,      /* 52:54:00:12:34:56, as iPXE writes it */
	LAYER_IP,       /* address of the network card, without prefix */
	LAYER_HOSTNAME, /* by ip= or DHCP */
	LAYER_UUID,     /* of SMBIOS, in lower case */
	LAYER_SERIAL,   /* of SMBIOS */
	LAYER_VARIABLES
};

/* What each stands for; "" = not known. */
struct layer_values {
	char is[LAYER_VARIABLES][LAYER_VALUE_MAX];
};

/* 0, or -EINVAL with *f, whose what is the value. */
int layer_param_parse(const char *text, struct layer_param *ret, struct fail *f);

/* Takes the next one from a list with a newline behind each, all of which can be read. False: there is none. */
bool layer_params_next(const char **list, struct layer_param *ret);

/* Where the boot part has keys: is it one and the same layer, by its digest, or do its variables stand only where a signature counts, in
 * the name of the file? Else a server could give a machine the layer of another. 0, or -EINVAL with *f set. */
int layer_param_check_signed(const struct layer_param *p, struct fail *f);

/* Of URLs: the servers, whatever the variables are. As url_list_parse(). */
int layer_param_servers(const struct layer_param *p, struct url ret[URLS_MAX], size_t *ret_n,
			struct fail *f);

/* Its path, or URLs, for this machine. 0; -ENOENT: a variable is not known; -EINVAL: one has a value that could lead elsewhere, for it
 * may have letters, digits, ".", "_", ":" and "-", with no "." first; -E2BIG: it gets too long. *f says which. */
int layer_param_fill(const struct layer_param *p, const struct layer_values *values,
		     char ret[LAYER_FROM_MAX], struct fail *f);
