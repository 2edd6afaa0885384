/* Where Debian's systemd-boot-efi, and the packages of others, put it. */
#include "image/uki_stub.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>

#include "base/elfinfo.h"
#include "base/read_all.h"

#define DIRECTORY "usr/lib/systemd/boot/efi/"
#define STUB_MAX (4 << 20)

static const char *name_of(uint16_t machine)
{
	return machine == EM_AARCH64 ? DIRECTORY "linuxaa64.efi.stub"
				     : DIRECTORY "linuxx64.efi.stub";
}

static int fail_missing(const char *name, uint16_t machine, struct fail *f)
{
	char todo[128], path[80];

	snprintf(path, sizeof(path), "/%s", name);
	snprintf(todo, sizeof(todo),
		 "Install it here or in the root (Debian: systemd-boot-efi%s), and pack again.",
		 machine == program_own_machine() ? ""
		 : machine == EM_AARCH64          ? ":arm64"
						  : ":amd64");
	return fail_set(f, ENOENT, path, todo,
			"a unified kernel image begins with systemd's stub, and neither the root "
			"nor this machine has it for %s",
			program_machine_name(machine));
}

static int read_stub(const struct root_files *root, const char *name, struct uki_stub *ret)
{
	_cleanup_close_ int fd = root->open(root, name, STUB_MAX);

	if (fd < 0)
		return fd;
	snprintf(ret->path, sizeof(ret->path), "/%s in the root", name);
	return read_all(fd, &ret->data, &ret->size);
}

static int check(struct uki_stub *s, uint16_t machine, struct fail *f)
{
	const char *why = NULL;
	bool fits;

	(void)pe_parse(s->data, s->size < PE_HEAD_MAX ? s->size : PE_HEAD_MAX, s->size, &s->pe,
		       &why);
	fits = !why &&
	       s->pe.machine == (machine == EM_AARCH64 ? PE_MACHINE_AARCH64 : PE_MACHINE_X86_64);
	if (!fits)
		return fail_set(f, EBADMSG, s->path,
				"Install its package again (Debian: systemd-boot-efi).",
				"it is not systemd's stub for %s%s%s",
				program_machine_name(machine), why ? ": " : "", why ? why : "");
	pe_forget(s->data, &s->pe);
	s->size = pe_sections_end(&s->pe);
	return 0;
}

int uki_stub_find(const struct root_files *root, uint16_t machine, struct uki_stub *ret,
		  struct fail *f)
{
	const char *name = name_of(machine);
	struct uki_stub stub = { 0 };
	int r = read_stub(root, name, &stub);

	if (r == -ENOENT) {
		snprintf(stub.path, sizeof(stub.path), "/%s", name);
		r = read_file(stub.path, &stub.data, &stub.size);
	}
	if (r == -ENOENT)
		return fail_missing(name, machine, f);
	r = r < 0 ? fail_errno(f, r, stub.path, "cannot read it") : check(&stub, machine, f);
	if (r == 0)
		*ret = stub;
	else
		uki_stub_free(&stub);
	return r;
}

void uki_stub_free(struct uki_stub *s)
{
	free(s->data);
	s->data = NULL;
}
