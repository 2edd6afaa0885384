/* Sections by their names, after systemd-stub(7). */
#include "image/uki.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/elfinfo.h"
#include "base/settings.h"

#define TEXT_MAX 65536

bool uki_may_be(const char *head, size_t size)
{
	return size >= 2 && memcmp(head, "MZ", 2) == 0;
}

uint16_t uki_elf_machine(const struct uki *uki)
{
	return uki->pe.machine == PE_MACHINE_X86_64    ? EM_X86_64
	       : uki->pe.machine == PE_MACHINE_AARCH64 ? EM_AARCH64
						       : 0;
}

const char *uki_machine_name(const struct uki *uki)
{
	uint16_t machine = uki_elf_machine(uki);

	return machine ? program_machine_name(machine) : "";
}

/* ---- texts ---- */

/* *ret is NULL when there is no such section. */
static int read_text(const struct uki *uki, const char *name, char **ret)
{
	const struct pe_section *s = pe_find(&uki->pe, name);
	size_t size = s ? pe_content_size(s) : 0;
	_cleanup_free_ char *text = NULL;
	ssize_t n;

	*ret = NULL;
	if (!s)
		return 0;
	if (size > TEXT_MAX)
		return -E2BIG;
	text = calloc(1, size + 1);
	if (!text)
		return -ENOMEM;
	n = pread(uki->fd, text, size, (off_t)s->offset);
	if (n != (ssize_t)size)
		return n < 0 ? -errno : -ENODATA;
	for (size = strlen(text); size > 0 && isspace((unsigned char)text[size - 1]);)
		text[--size] = '\0';
	*ret = text;
	text = NULL;
	return 0;
}

/* Of a text like os-release(5): the first of these names that is in it. */
static char *find_value(const char *text, const char *const names[2])
{
	char *found = NULL;

	for (size_t i = 0; !found && i < 2 && names[i]; i++) {
		_cleanup_free_ char *copy = strdup(text);
		struct settings lines = { .text = copy };
		struct setting line;

		while (copy && !found && settings_next(&lines, &line))
			if (!line.wrong && line.value && strcmp(line.name, names[i]) == 0)
				found = strdup(line.value);
	}
	return found;
}

/* "#### LoaderInfo: systemd-stub 252.39 ####" */
static void tidy_stub(char *text)
{
	char *name = text ? strstr(text, "systemd-stub") : NULL, *end;

	if (!name)
		return;
	memmove(text, name, strlen(name) + 1);
	end = strstr(text, " ####");
	if (end)
		*end = '\0';
}

static int read_texts(struct uki *uki, const char *path, struct fail *f)
{
	static const char *const names[] = { "PRETTY_NAME", "NAME" };
	int r = read_text(uki, UKI_OSREL, &uki->os_release);

	if (r == 0)
		r = read_text(uki, UKI_UNAME, &uki->uname);
	if (r == 0)
		r = read_text(uki, UKI_CMDLINE, &uki->cmdline);
	if (r == 0)
		r = read_text(uki, UKI_STUB, &uki->stub);
	if (r == -E2BIG)
		return fail_set(f, E2BIG, path, UKI_TODO_COPY,
				"the text of one of its sections has more than %u KiB",
				TEXT_MAX >> 10);
	if (r < 0)
		return fail_errno(f, r, path, "cannot read it");
	tidy_stub(uki->stub);
	if (uki->os_release)
		uki->os_name = find_value(uki->os_release, names);
	return 0;
}

/* ---- sections ---- */

/* Those that systemd's stub looks for, of all versions. */
static const char *const known[] = { UKI_LINUX, UKI_INITRD, UKI_CMDLINE, UKI_OSREL, UKI_UNAME,
				     ".ucode",  ".dtb",     ".dtbauto",  ".efifw",  ".profile",
				     ".sbat",   ".splash",  ".pcrsig",   ".pcrpkey" };

static bool is_known(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strcmp(name, known[i]) == 0)
			return true;
	return false;
}

/* The known name that it begins with; NULL: none. */
static const char *known_start(const char *name)
{
	for (size_t i = 0; i < ARRAY_SIZE(known); i++)
		if (strncmp(name, known[i], strlen(known[i])) == 0)
			return known[i];
	return NULL;
}

/* The stub of Debian 12 compares only as many characters as the name that it looks for has, and takes the last section. */
static int check_names(const struct pe *pe, const char *path, struct fail *f)
{
	for (unsigned i = 0; i < pe->n_sections; i++) {
		const char *name = pe->sections[i].name, *start = known_start(name);

		if (start && !is_known(name))
			return fail_set(f, EBADMSG, path, UKI_TODO_COPY,
					"systemd's stub may take its section %s for %s", name,
					start);
	}
	return 0;
}

/* ---- the whole ---- */

static int read_head(struct uki *uki, const char *path, struct fail *f)
{
	struct stat st;
	const char *why;
	ssize_t n;

	uki->head = malloc(PE_HEAD_MAX);
	n = uki->head ? pread(uki->fd, uki->head, PE_HEAD_MAX, 0) : -1;
	if (n < 0 || fstat(uki->fd, &st) < 0)
		return fail_errno(f, uki->head ? errno : ENOMEM, path, "cannot read it");
	uki->size = (uint64_t)st.st_size;
	if (pe_parse(uki->head, (size_t)n, uki->size, &uki->pe, &why) == 0)
		return 0;
	return fail_set(f, EBADMSG, path, UKI_TODO_COPY,
			"it is a program for UEFI or Windows, but no intact unified kernel image: "
			"%s",
			why);
}

static int find_sections(struct uki *uki, const char *path, struct fail *f)
{
	static const char *const names[] = { UKI_INITRD, UKI_LINUX, UKI_OSREL, UKI_UNAME,
					     UKI_CMDLINE };

	if (pe_count(&uki->pe, UKI_INITRD) == 0 || pe_count(&uki->pe, UKI_LINUX) == 0)
		return -ENOEXEC;
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (pe_count(&uki->pe, names[i]) > 1)
			return fail_set(f, EBADMSG, path, UKI_TODO_COPY,
					"it has several sections %s", names[i]);
	uki->initrd = pe_find(&uki->pe, UKI_INITRD);
	uki->kernel = pe_find(&uki->pe, UKI_LINUX);
	return check_names(&uki->pe, path, f);
}

int uki_read(int fd, const char *path, struct uki **ret, struct fail *f)
{
	struct uki *uki = calloc(1, sizeof(*uki));
	int r;

	if (!uki)
		return fail_errno(f, ENOMEM, path, "cannot read it");
	uki->fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	r = uki->fd < 0 ? fail_errno(f, errno, path, "cannot read it") : read_head(uki, path, f);
	if (r == 0)
		r = find_sections(uki, path, f);
	if (r == 0)
		r = read_texts(uki, path, f);
	if (r == 0)
		*ret = uki;
	else
		uki_free(uki);
	return r;
}

void uki_free(struct uki *uki)
{
	if (!uki)
		return;
	cleanup_close(&uki->fd);
	free(uki->head);
	free(uki->os_release);
	free(uki->uname);
	free(uki->cmdline);
	free(uki->stub);
	free(uki->os_name);
	free(uki);
}
