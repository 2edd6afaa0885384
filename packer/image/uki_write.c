/* The kernel comes last, as ukify has it: some are unpacked over what follows them. */
#include "image/uki_write.h"

#include <errno.h>
#include <stdio.h>

#include "image/uki.h"
#include "base/read_range.h"
#include "base/size.h"

#define N_PARTS 5

struct part {
	const char *name;
	const char *text; /* NULL: it is in a file */
	int fd;
	const char *file; /* its name, for messages */
	uint64_t size;
	struct pe_section section; /* where it goes */
};

/* ---- what goes in ---- */

static size_t list_parts(const struct uki_parts *p, struct part ret[N_PARTS])
{
	const struct part all[N_PARTS] = {
		{ .name = UKI_OSREL, .text = p->os_release },
		{ .name = UKI_UNAME, .text = p->uname },
		{ .name = UKI_CMDLINE, .text = p->cmdline },
		{ .name = UKI_INITRD,
		  .fd = p->initrd,
		  .file = "the image",
		  .size = p->initrd_size },
		{ .name = UKI_LINUX,
		  .fd = p->kernel,
		  .file = p->kernel_name,
		  .size = p->kernel_size },
	};
	size_t n = 0;

	for (size_t i = 0; i < N_PARTS; i++) {
		if (!all[i].file && !all[i].text)
			continue;
		ret[n] = all[i];
		if (ret[n].text)
			ret[n].size = strlen(ret[n].text);
		n++;
	}
	return n;
}

/* Firmware starts programs of its own format: a kernel has to be one, too. */
int uki_check_kernel(const struct uki_stub *stub, const char *kernel, size_t size, const char *name,
		     struct fail *f)
{
	const char *why;
	struct pe pe;

	if (pe_parse(kernel, size < PE_HEAD_MAX ? size : PE_HEAD_MAX, size, &pe, &why) < 0)
		return fail_set(f, ENOEXEC, name,
				"Give one with CONFIG_EFI_STUB=y, not compressed as a whole.",
				"UEFI firmware cannot start this kernel: %s", why);
	return pe.machine == stub->pe.machine
		       ? 0
		       : fail_set(f, ENOEXEC, name,
				  "Give a kernel for the root's machine with --kernel.",
				  "UEFI firmware of the root's machine cannot start this kernel");
}

static int fail_add(int error, const struct uki_stub *stub, const struct uki_parts *p,
		    struct fail *f)
{
	char size[SIZE_TEXT_MAX];

	if (error == -ENOSPC)
		return fail_set(
			f, ENOSPC, stub->path,
			"Install its package again, or a newer one (Debian: systemd-boot-efi).",
			"its headers have no room for the sections of a unified kernel "
			"image");
	return fail_set(f, EFBIG, p->name,
			"Pack with --stream: then it has only the boot part, and the machine "
			"fetches the root.",
			"a unified kernel image can have 2 GiB, this one would have %s",
			size_format(size, p->initrd_size + p->kernel_size));
}

/* ---- bytes ---- */

static int pad(struct out *out, uint64_t size, struct fail *f)
{
	static const char zeros[4096];
	int r = 0;

	for (; r == 0 && size > 0; size -= min_u64(size, sizeof(zeros)))
		r = out_write(out, zeros, (size_t)min_u64(size, sizeof(zeros)), f);
	return r;
}

static int write_part(struct out *out, const struct part *p, struct fail *f)
{
	int r = p->text ? out_write(out, p->text, (size_t)p->size, f)
			: out_copy(out, p->fd, 0, p->size, p->file, f);

	return r == 0 ? pad(out, p->section.file_size - p->size, f) : r;
}

static int take_sum(void *arg, const void *data, size_t size)
{
	uint32_t *sum = arg;

	*sum = pe_sum_add(*sum, data, size);
	return 0;
}

/* Reads it back, for the checksum in its headers. */
static int write_sum(struct out *out, struct uki_stub *stub, struct fail *f)
{
	uint64_t size = pe_sections_end(&stub->pe);
	uint32_t sum = 0;
	int r = read_range(out->fd, 0, size, take_sum, &sum);

	if (r < 0)
		return fail_errno(f, r, out->path, "cannot read it back");
	pe_set_sum(stub->data, &stub->pe, pe_sum_end(sum, size));
	if (pwrite(out->fd, stub->data, stub->pe.headers_size, 0) != stub->pe.headers_size)
		return fail_errno(f, errno, out->path, "cannot write it");
	return 0;
}

int uki_write(struct uki_stub *stub, const struct uki_parts *p, struct out *out, struct fail *f)
{
	struct part parts[N_PARTS];
	size_t n = list_parts(p, parts);
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = pe_add(stub->data, &stub->pe, parts[i].name, parts[i].size, &parts[i].section);
	r = r < 0 ? fail_add(r, stub, p, f) : out_write(out, stub->data, stub->size, f);
	if (r == 0)
		r = pad(out, parts[0].section.offset - stub->size, f);
	for (size_t i = 0; r == 0 && i < n; i++)
		r = write_part(out, &parts[i], f);
	return r == 0 ? write_sum(out, stub, f) : r;
}
