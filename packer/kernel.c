/* Kernel images and module directories in a root. */
#include "kernel.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "path.h"

/* Copies what stands behind prefix and before suffix, when that is one path component. */
static bool match_component(const char *path, const char *prefix, const char *suffix, char *ret,
			    size_t room)
{
	size_t n = path_length(path), before = strlen(prefix), after = strlen(suffix);

	if (path[strcspn(path, "\n")] || n <= before + after ||
	    strncmp(path, prefix, before) != 0 || strncmp(path + n - after, suffix, after) != 0)
		return false;
	n -= before + after;
	if (n >= room || memchr(path + before, '/', n))
		return false;
	memcpy(ret, path + before, n);
	ret[n] = '\0';
	return true;
}

bool kernel_release_of_image(const char *path, char release[64])
{
	path = path_in_root(path);
	return match_component(path, "boot/vmlinuz-", "", release, 64) ||
	       match_component(path, "lib/modules/", "/vmlinuz", release, 64) ||
	       match_component(path, "usr/lib/modules/", "/vmlinuz", release, 64);
}

void kernel_note_modules(const char *path, struct manifest *m)
{
	char *release = m->kernels[m->n_kernels < MANIFEST_KERNELS_MAX ? m->n_kernels : 0];

	path = path_in_root(path);
	if (m->n_kernels < MANIFEST_KERNELS_MAX &&
	    (match_component(path, "lib/modules/", "", release, sizeof(m->kernels[0])) ||
	     match_component(path, "usr/lib/modules/", "", release, sizeof(m->kernels[0]))))
		m->n_kernels++;
}

/* Copies the member's data to a new output; an older kernel taken before is dropped. */
static int copy_member(struct kernel_choice *k, struct source *s, struct fail *f)
{
	uint64_t offset;
	const void *data;
	size_t size;
	int r;

	out_abandon(&k->out);
	r = out_open(k->out_path, OUT_SHARED, &k->out, f);
	source_leave_out(s, k->out.fd);
	while (r >= 0 && (r = source_read(s, &data, &size, &offset, f)) > 0)
		r = out_write(&k->out, data, size, f);
	return r < 0 ? r : 1;
}

int kernel_take(struct kernel_choice *k, struct source *s, const struct source_member *member,
		struct fail *f)
{
	char release[64];

	if (strcmp(k->setting, "auto") != 0)
		return 0;
	if (member->m.type == MEMBER_HARDLINK)
		return *k->release && kernel_release_of_image(member->m.target, release);
	if (member->m.type != MEMBER_FILE || !kernel_release_of_image(member->m.path, release))
		return 0;
	if (*k->release && strverscmp(release, k->release) <= 0)
		return 1;
	strcpy(k->release, release);
	return copy_member(k, s, f);
}

/* Reads the release from the head of a kernel image for x86 (Documentation/arch/x86/boot.rst); "" = it is none. */
static void release_of_file(int fd, char release[64])
{
	unsigned char head[0x210];
	unsigned text;
	ssize_t n;

	*release = '\0';
	if (pread(fd, head, sizeof(head), 0) != sizeof(head) ||
	    memcmp(head + 0x202, "HdrS", 4) != 0)
		return;
	text = (unsigned)(head[0x20e] | head[0x20f] << 8);
	n = text ? pread(fd, release, 63, 0x200 + text) : 0;
	release[n > 0 ? n : 0] = '\0';
	release[strcspn(release, " ")] = '\0';
}

/* For x86 the mark of its boot protocol; else that of arm64's (Documentation/arch/arm64/booting.rst) or the machine of a
 * UEFI program. */
uint16_t kernel_machine_of_file(int fd)
{
	unsigned char head[4096] = { 0 };
	ssize_t n = pread(fd, head, sizeof(head), 0);
	unsigned pe = (unsigned)(head[0x3c] | head[0x3d] << 8);

	if (n > 0x206 && memcmp(head + 0x202, "HdrS", 4) == 0)
		return EM_X86_64;
	if (n > 0x3c && memcmp(head + 0x38, "ARM\x64", 4) == 0)
		return EM_AARCH64;
	if (n < 6 || memcmp(head, "MZ", 2) != 0 || pe > (unsigned)n - 6 ||
	    memcmp(head + pe, "PE\0", 4) != 0)
		return 0;
	return memcmp(head + pe + 4, "\x64\xaa", 2) == 0   ? EM_AARCH64
	       : memcmp(head + pe + 4, "\x64\x86", 2) == 0 ? EM_X86_64
							   : 0;
}

int kernel_copy_from_host(struct kernel_choice *k, struct fail *f)
{
	bool is_path = strcmp(k->setting, "auto") != 0 && strcmp(k->setting, "none") != 0;
	_cleanup_close_ int fd = is_path ? open(k->setting, O_RDONLY | O_CLOEXEC) : -1;
	char block[65536];
	ssize_t n = -1;
	int r;

	if (!is_path)
		return 0;
	if (fd < 0)
		return fail_errno(f, errno, k->setting, "cannot open this kernel");
	release_of_file(fd, k->release);
	r = out_open(k->out_path, OUT_SHARED, &k->out, f);
	while (r == 0 && (n = read(fd, block, sizeof(block))) > 0)
		r = out_write(&k->out, block, (size_t)n, f);
	if (r == 0 && n < 0)
		r = fail_errno(f, errno, k->setting, "cannot read this kernel");
	return r;
}

int kernel_finish(struct kernel_choice *k, bool *ret_written, struct fail *f)
{
	*ret_written = out_is_open(&k->out);
	return *ret_written ? out_commit(&k->out, f) : 0;
}
