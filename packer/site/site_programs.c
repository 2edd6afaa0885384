/* Copies files that differ. */
#include "site/site_programs.h"

#include <errno.h>
#include <stdio.h>

#include "base/read_all.h"
#include "site/site_file.h"
#include "site/site_firmware.h"
#include "base/util.h"

/* -ENOENT, without setting *f: there is no such program. */
static int copy_program(const struct site *s, const char *from, const char *to, struct fail *f)
{
	_cleanup_free_ char *program = NULL;
	size_t size;
	int r = read_file(from, &program, &size);

	if (r == -ENOENT)
		return r;
	return r < 0 ? fail_errno(f, r, from, "cannot read it")
		     : site_replace(s, to, program, size, f);
}

/* Without iPXE on this machine the site keeps its copy: it may have been created on another machine. */
static int need_ipxe_program(const struct site *s, const char *name, const char *directory,
			     struct fail *f)
{
	char from[PATH_MAX], copy[PATH_MAX];

	snprintf(from, sizeof(from), "%s/%s", s->ipxe, name);
	if (access(from, F_OK) == 0 ||
	    access(site_path(s, copy, "%s/%s", directory, name), F_OK) == 0)
		return 0;
	return fail_set(
		f, ENOENT, from, "Install the package ipxe, or give --ipxe DIR.",
		"iPXE, which machines need to boot from the network, is not installed there");
}

static int copy_ipxe_program(const struct site *s, const char *name, const char *directory,
			     bool optional, struct fail *f)
{
	char from[PATH_MAX], to[PATH_MAX];
	int r;

	snprintf(from, sizeof(from), "%s/%s", s->ipxe, name);
	snprintf(to, sizeof(to), "%s/%s", directory, name);
	r = copy_program(s, from, to, f);
	if (r != -ENOENT || optional)
		return r == -ENOENT ? 0 : r;
	return need_ipxe_program(s, name, directory, f);
}

static const char other_program[] = "snponly.efi"; /* for no firmware by default */

static int copy_ipxe(const struct site *s, struct fail *f)
{
	const struct firmware *w;
	size_t n = firmware_all(&w);
	int r = 0;

	for (const struct firmware *end = w + n; r == 0 && w < end; w++)
		r = copy_ipxe_program(s, w->program, firmware_directory(w), w->optional, f);
	return r == 0 ? copy_ipxe_program(s, other_program, "tftp", false, f) : r;
}

int site_programs_check(const struct site *s, struct fail *f)
{
	const struct firmware *w;
	size_t n = firmware_all(&w);
	int r = 0;

	for (const struct firmware *end = w + n; r == 0 && w < end; w++)
		if (!w->optional)
			r = need_ipxe_program(s, w->program, firmware_directory(w), f);
	return r == 0 ? need_ipxe_program(s, other_program, "tftp", f) : r;
}

/* File names in Debian's packages: up to version 5 (BIOS only) and from 6. */
static const char *const memtest_bios[2] = { "/boot/memtest86+x64.bin", "/boot/memtest86+.bin" },
			 *const memtest_efi[2] = { "/boot/memtest86+x64.efi", "/boot/mt86+x64" };

bool site_programs_have_memtest(void)
{
	for (size_t i = 0; i < 2; i++)
		if (access(memtest_bios[i], R_OK) == 0 || access(memtest_efi[i], R_OK) == 0)
			return true;
	return false;
}

static int copy_memtest(const struct site *s, const char *const from[2], const char *to, bool *ret,
			struct fail *f)
{
	int r = copy_program(s, from[0], to, f);

	if (r == -ENOENT)
		r = copy_program(s, from[1], to, f);
	*ret = r == 0;
	return r == -ENOENT ? 0 : r;
}

int site_programs_copy(const struct site *s, bool *ret_memtest_bios, bool *ret_memtest_efi,
		       struct fail *f)
{
	int r = copy_ipxe(s, f);

	if (r == 0)
		r = copy_memtest(s, memtest_bios, "http/memtest.bin", ret_memtest_bios, f);
	return r == 0 ? copy_memtest(s, memtest_efi, "http/memtest.efi", ret_memtest_efi, f) : r;
}
