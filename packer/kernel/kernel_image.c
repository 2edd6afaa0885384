/* Heads of kernels by Documentation/arch/x86/boot.rst, Documentation/arch/arm64/booting.rst and
 * drivers/firmware/efi/libstub/zboot-header.S of Linux. */
#include "kernel/kernel_image.h"

#include <ctype.h>
#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/decompress.h"
#include "base/read_all.h"
#include "base/util.h"

#define FILE_MAX (256 << 20)
#define UNPACKED_MAX (512 << 20)

static uint32_t le(struct span s, size_t at, unsigned bytes)
{
	uint32_t value = 0;

	for (unsigned i = 0; i < bytes && at + i < s.size; i++)
		value |= (uint32_t)(unsigned char)s.data[at + i] << 8 * i;
	return value;
}

static bool is_bzimage(struct span s)
{
	return has_bytes(s.data, s.size, 0x202, "HdrS", 4);
}

static bool is_zboot(struct span s)
{
	return has_bytes(s.data, s.size, 0, "MZ", 2) && has_bytes(s.data, s.size, 4, "zimg", 4);
}

/* Copies up to a blank or the end; a text that no release can be is none. */
static void copy_release(struct span s, size_t at, char ret[64])
{
	size_t n = 0;

	*ret = '\0';
	while (at + n < s.size && n < 64 && isgraph((unsigned char)s.data[at + n]) &&
	       s.data[at + n] != '/')
		n++;
	if (n == 0 || n == 64 || at + n == s.size || !isdigit((unsigned char)s.data[at]))
		return;
	memcpy(ret, s.data + at, n);
	ret[n] = '\0';
}

/* The banner, as the kernel prints it; the same words stand in other texts, but no number behind them. */
static bool find_banner(struct span s, char ret[64])
{
	static const char banner[] = "Linux version ";
	const char *at = s.data, *end = s.data + s.size;

	*ret = '\0';
	while (!*ret && (at = memmem(at, (size_t)(end - at), banner, strlen(banner)))) {
		at += strlen(banner);
		copy_release(s, (size_t)(at - s.data), ret);
	}
	return *ret;
}

/* Whether a bzImage is for 64 bits, old ones do not say: their protocol is before 2.12. */
static void parse_bzimage(struct span s, struct kernel_image *ret)
{
	size_t text = le(s, 0x20e, 2);

	ret->machine = le(s, 0x206, 2) >= 0x20c && !(le(s, 0x236, 2) & 1) ? EM_386 : EM_X86_64;
	if (text)
		copy_release(s, 0x200 + text, ret->release);
}

static uint16_t machine_of_pe(struct span s)
{
	size_t pe = le(s, 0x3c, 4);

	if (!has_bytes(s.data, s.size, pe, "PE\0", 4))
		return 0;
	switch (le(s, pe + 4, 2)) {
	case 0xaa64:
		return EM_AARCH64;
	case 0x8664:
		return EM_X86_64;
	default:
		return 0;
	}
}

bool kernel_image_parse(struct span file, struct kernel_image *ret)
{
	*ret = (struct kernel_image){ 0 };
	if (is_bzimage(file)) {
		parse_bzimage(file, ret);
		return true;
	}
	if (is_zboot(file)) {
		ret->machine = machine_of_pe(file);
		return true;
	}
	if (has_bytes(file.data, file.size, 0x38, "ARM\x64", 4)) {
		ret->machine = EM_AARCH64;
		(void)find_banner(file, ret->release);
		return true;
	}
	ret->machine = (uint16_t)le(file, 18, 2);
	return has_bytes(file.data, file.size, 0, ELFMAG, SELFMAG) &&
	       find_banner(file, ret->release);
}

struct span kernel_image_compressed(struct span file)
{
	size_t offset = 0, size = file.size;

	if (file.size > 0x250 && is_bzimage(file)) {
		offset = (le(file, 0x1f1, 1) + 1) * 512 + (size_t)le(file, 0x248, 4);
		size = le(file, 0x24c, 4);
		/* The build appends the unpacked size where the format has none. */
		if (size > 4 && !has_bytes(file.data, file.size, offset, "\x1f\x8b", 2))
			size -= 4;
	} else if (file.size > 0x40 && is_zboot(file)) {
		offset = le(file, 8, 4);
		size = le(file, 12, 4);
	}
	if (offset > file.size || size > file.size - offset)
		return file;
	return (struct span){ file.data + offset, size };
}

/* Of what is compressed: the kernel itself, or its text in a file that says only what it is. */
static bool parse_unpacked(struct span file, bool is_kernel, struct kernel_image *ret)
{
	struct span part = kernel_image_compressed(file);
	_cleanup_free_ char *data = NULL;
	struct kernel_image inside;
	size_t size = 0;

	if (decompress(part.data, part.size, UNPACKED_MAX, &data, &size) < 0 || size == 0)
		return is_kernel;
	if (kernel_image_parse((struct span){ data, size }, &inside)) {
		*ret = inside;
		ret->is_compressed = !is_kernel;
		return true;
	}
	if (is_kernel)
		(void)find_banner((struct span){ data, size }, ret->release);
	return is_kernel;
}

/* A PE program with a section of that name, as systemd's ukify makes it. */
static bool is_unified(struct span file)
{
	return has_bytes(file.data, file.size, 0, "MZ", 2) && machine_of_pe(file) != 0 &&
	       memmem(file.data, file.size < 4096 ? file.size : 4096, ".linux\0", 8);
}

static int fail_kind(const char *path, bool is_unified, struct fail *f)
{
	if (is_unified)
		return fail_set(f, ENOEXEC, path,
				"Take the kernel out of it: objcopy --dump-section "
				".linux=vmlinuz FILE /dev/null.",
				"it is a unified kernel image, which has an initramfs of its own");
	return fail_set(f, ENOEXEC, path,
			"Give the file that a boot loader loads: vmlinuz, bzImage or Image.",
			"it is not a Linux kernel");
}

static bool parse_whole(struct span file, struct kernel_image *ret)
{
	bool is_kernel = kernel_image_parse(file, ret);

	return (is_kernel && *ret->release) || parse_unpacked(file, is_kernel, ret);
}

int kernel_image_read(int fd, const char *path, struct kernel_image *ret, struct fail *f)
{
	_cleanup_free_ char *data = NULL;
	struct kernel_image image;
	bool is_kernel = false, is_uki = false;
	struct stat st;
	size_t size;
	int r = fstat(fd, &st) < 0 || lseek(fd, 0, SEEK_SET) < 0 ? -errno : 0;

	if (r == 0 && S_ISREG(st.st_mode) && st.st_size <= FILE_MAX) {
		r = read_all(fd, &data, &size);
		if (r == 0)
			is_kernel = parse_whole((struct span){ data, size }, &image);
		if (is_kernel)
			image.digest = digest_of(data, size);
		else if (r == 0)
			is_uki = is_unified((struct span){ data, size });
	}
	if (r < 0 && r != -ESPIPE)
		return fail_errno(f, r, path, "cannot read this kernel");
	if (!is_kernel)
		return fail_kind(path, is_uki, f);
	*ret = image;
	return 0;
}

/* *ret is the caller's, also on failure. */
static int read_same(int fd, const char *path, const struct digest *wanted, char **ret,
		     size_t *ret_size, struct fail *f)
{
	int r = lseek(fd, 0, SEEK_SET) < 0 ? -errno : read_all(fd, ret, ret_size);
	struct digest is;

	if (r < 0)
		return fail_errno(f, r, path, "cannot read this kernel");
	is = digest_of(*ret, *ret_size);
	return digest_is_same(&is, wanted)
		       ? 0
		       : fail_set(f, EBUSY, path, "Do it again when nobody writes it.",
				  "this kernel has changed while it was read");
}

int kernel_image_load(int fd, const char *path, const struct kernel_image *is, char **ret,
		      size_t *ret_size, struct fail *f)
{
	_cleanup_free_ char *file = NULL, *data = NULL;
	size_t size = 0;
	int r = read_same(fd, path, &is->digest, &file, &size, f);

	if (r < 0)
		return r;
	if (is->is_compressed)
		r = decompress(file, size, UNPACKED_MAX, &data, &size);
	if (r < 0)
		return fail_errno(f, r, path, "cannot decompress this kernel");
	*ret = data ? data : file;
	*ret_size = size;
	*(data ? &data : &file) = NULL;
	return 0;
}

/* ---- releases ---- */

/* "-rc3" and the like make a release older than one that ends, or goes on, without. */
static bool is_candidate(const char *at)
{
	at += strspn(at, "-.~_");
	return strncmp(at, "rc", 2) == 0 && isdigit((unsigned char)at[2]);
}

static int compare_numbers(const char **a, const char **b)
{
	size_t n, k;
	int order;

	*a += strspn(*a, "0");
	*b += strspn(*b, "0");
	n = strspn(*a, "0123456789");
	k = strspn(*b, "0123456789");
	order = n != k ? (n < k ? -1 : 1) : strncmp(*a, *b, n);
	*a += n;
	*b += k;
	return order;
}

/* The three numbers that a release begins with; those that are missing are zeros. Moves *at behind them. */
static void read_version(const char **at, unsigned long ret[3])
{
	ret[0] = ret[1] = ret[2] = 0;
	for (int i = 0; i < 3 && (i == 0 || **at == '.'); i++) {
		const char *number = *at + (i > 0);

		if (!isdigit((unsigned char)*number))
			return;
		ret[i] = strtoul(number, (char **)at, 10);
	}
}

static int compare_versions(const char **a, const char **b)
{
	unsigned long x[3], y[3];
	int order = 0;

	read_version(a, x);
	read_version(b, y);
	for (int i = 0; order == 0 && i < 3; i++)
		order = x[i] < y[i] ? -1 : x[i] > y[i];
	return order;
}

int kernel_release_compare(const char *a, const char *b)
{
	int order = compare_versions(&a, &b);

	while (order == 0 && (*a || *b)) {
		if (is_candidate(a) != is_candidate(b))
			return is_candidate(a) ? -1 : 1;
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			order = compare_numbers(&a, &b);
		} else {
			order = (unsigned char)*a - (unsigned char)*b;
			a += *a != '\0';
			b += *b != '\0';
		}
	}
	return order;
}
