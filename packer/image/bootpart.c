/* newc in memory. All times are 0 and all owners root: the same parts give the same bytes. */
#include "image/bootpart.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/members.h"
#include "tar/cpio.h"
#include "base/read_all.h"

static char *grow(struct bootpart *b, size_t size)
{
	size_t need = b->size + size;
	char *data;

	if (need > b->room) {
		data = realloc(b->data, need * 2);
		if (!data)
			return NULL;
		b->data = data;
		b->room = need * 2;
	}
	data = b->data + b->size;
	memset(data, 0, size);
	b->size = need;
	return data;
}

int bootpart_add(struct bootpart *b, const char *name, uint32_t mode, uint32_t rdev_major,
		 uint32_t rdev_minor, const void *data, size_t size)
{
	struct cpio_header h = {
		.ino = ++b->next_ino,
		.mode = mode,
		.nlink = S_ISDIR(mode) ? 2 : 1,
		.size = (uint32_t)size,
		.rdev_major = rdev_major,
		.rdev_minor = rdev_minor,
	};
	size_t head = cpio_head_size(strlen(name));
	char *at = grow(b, head + size + cpio_padding(size));

	if (!at)
		return -ENOMEM;
	cpio_header_write(&h, name, at);
	if (size)
		memcpy(at + head, data, size);
	return 0;
}

int bootpart_append(struct bootpart *b, const struct bootpart *more)
{
	struct cpio_header h;
	const char *name;
	size_t head;
	int r = 0;

	for (size_t at = 0; r == 0 && at < more->size; at += head + h.size + cpio_padding(h.size)) {
		r = cpio_header_parse(more->data + at, &h);
		name = more->data + at + CPIO_HEADER_SIZE;
		head = cpio_head_size(strlen(name));
		if (r == 0)
			r = bootpart_add(b, name, h.mode, h.rdev_major, h.rdev_minor,
					 more->data + at + head, h.size);
	}
	return r;
}

/* Adds a program of the host. */
static int add_program(struct bootpart *b, const char *name, const char *path, struct fail *f)
{
	_cleanup_free_ char *data = NULL;
	size_t size = 0;
	int r = read_file(path, &data, &size);

	if (r == 0)
		r = bootpart_add(b, name, S_IFREG | 0755, 0, 0, data, size);
	return r < 0 ? fail_errno(f, r, path, "cannot put it into the image") : 0;
}

static int add_skeleton(struct bootpart *b)
{
	static const char *const directories[] = { "bin", "dev", "etc",     "newroot", "proc",
						   "run", "sys", "tarboot", "tmp" };
	static const char release[] = "NAME=tarboot\nID=tarboot\nVERSION_ID=" TARBOOT_VERSION "\n"
				      "PRETTY_NAME=\"tarboot " TARBOOT_VERSION "\"\n";
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(directories); i++)
		r = bootpart_add(b, directories[i], S_IFDIR | 0755, 0, 0, NULL, 0);
	if (r == 0)
		r = bootpart_add(b, "dev/console", S_IFCHR | 0600, 5, 1, NULL, 0);
	if (r == 0)
		r = bootpart_add(b, "etc/initrd-release", S_IFREG | 0644, 0, 0, release,
				 sizeof(release) - 1);
	return r;
}

/* As cpio pads its archives. */
static int pad(struct bootpart *b)
{
	return b->size % 512 && !grow(b, 512 - b->size % 512) ? -ENOMEM : 0;
}

static int fail_manifest(int error, struct fail *f)
{
	if (error == -E2BIG)
		return fail_set(f, E2BIG, "the manifest", "Pack less, or make several images.",
				"the payload has more Blocks than a manifest of %u MiB can list",
				(unsigned)(MANIFEST_TEXT_MAX >> 20));
	return fail_errno(f, error, "the manifest", "cannot write it");
}

/* Its place and its size are final: a digest has the same length whatever it is. */
static int add_manifest(struct bootpart *b, struct manifest *m, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	int n;

	m->has_boot_digest = true;
	n = manifest_format(m, &text);
	if (n < 0)
		return fail_manifest(n, f);
	b->manifest = b->size;
	b->manifest_text = b->size + cpio_head_size(strlen(MANIFEST_MEMBER));
	if (bootpart_add(b, MANIFEST_MEMBER, S_IFREG | 0644, 0, 0, text, (size_t)n) < 0)
		return fail_errno(f, ENOMEM, "the boot part", "cannot build it");
	b->manifest_end = b->size;
	return 0;
}

int bootpart_start(struct bootpart *b, bool no_shell, struct manifest *m, struct fail *f)
{
	int r = add_skeleton(b);

	if (r == 0 && no_shell)
		r = bootpart_add(b, MEMBER_NO_SHELL, S_IFREG | 0644, 0, 0, NULL, 0);
	if (r < 0)
		return fail_errno(f, r, "the boot part", "cannot build it");
	return add_manifest(b, m, f);
}

int bootpart_add_programs(struct bootpart *b, const struct bootpart_programs *programs,
			  struct fail *f)
{
	int r = add_program(b, "init", programs->init, f);

	if (r == 0 && programs->busybox)
		r = add_program(b, MEMBER_BUSYBOX, programs->busybox, f);
	if (r == 0 && programs->fetcher)
		r = add_program(b, MEMBER_FETCHER, programs->fetcher, f);
	if (r == 0 && programs->checker)
		r = add_program(b, MEMBER_SIGNATURE, programs->checker, f);
	return r;
}

int bootpart_seal(struct bootpart *b, struct manifest *m, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	struct digest_state s;
	int n = bootpart_add(b, CPIO_TRAILER, 0, 0, 0, NULL, 0);

	if (n < 0)
		return fail_errno(f, n, "the boot part", "cannot build it");
	digest_begin(&s);
	digest_add(&s, b->data, b->manifest);
	digest_add(&s, b->data + b->manifest_end, b->size - b->manifest_end);
	m->boot_digest = digest_end(&s);
	n = manifest_format(m, &text);
	if (n < 0)
		return fail_manifest(n, f);
	memcpy(b->data + b->manifest_text, text, (size_t)n);
	return pad(b) < 0 ? fail_errno(f, ENOMEM, "the boot part", "cannot build it") : 0;
}

int bootpart_finish(struct bootpart *b)
{
	int r = bootpart_add(b, CPIO_TRAILER, 0, 0, 0, NULL, 0);

	return r == 0 ? pad(b) : r;
}

void bootpart_free(struct bootpart *b)
{
	free(b->data);
	*b = (struct bootpart){ 0 };
}
