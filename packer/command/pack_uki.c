/* Everything that can be wrong is asked before the root is compressed. */
#include "command/pack_uki.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "base/print.h"
#include "base/read_all.h"
#include "base/size.h"
#include "base/spool.h"
#include "base/tool.h"
#include "image/boot_keys.h"
#include "image/kernel_line_check.h"
#include "image/uki_sign.h"
#include "image/uki_write.h"
#include "parameters/params.h"

#define OS_RELEASE_MAX 65536

static const char todo_key[] =
	"Give the private key of --secureboot-cert: docs/security.md says how to make both.";

/* Whoever asks for a passphrase asks a terminal, which may not be there. */
static int check_key(const char *path, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file(path, &text, &size);

	if (r < 0)
		return fail_set(f, -r, path, todo_key, "cannot read this key: %s", strerror(-r));
	if (!memmem(text, size, "PRIVATE KEY-----", 16))
		return fail_set(f, EINVAL, path, todo_key, "it is no private key in PEM");
	if (!memmem(text, size, "ENCRYPTED", 9))
		return 0;
	return fail_set(f, EINVAL, path,
			"Give a key without one: `openssl pkey -in KEY -out NEW` writes it.",
			"this key has a passphrase, and must have none");
}

int pack_uki_check(const struct pack_options *o, struct fail *f)
{
	int r = 0;

	if (!o->uki)
		return 0;
	if (strcmp(o->kernel, "none") == 0)
		return fail_set(f, EINVAL, "--uki", "Leave out --kernel none, or --uki.",
				"a unified kernel image holds a kernel, and --kernel none asks "
				"for none");
	if (o->cmdline)
		r = kernel_line_check("--cmdline", o->cmdline, o->trust.n, f);
	if (r == 0 && o->secureboot_key)
		r = check_key(o->secureboot_key, f);
	if (r == 0 && o->secureboot_cert)
		r = uki_check_is_cert(o->secureboot_cert, f);
	if (r == 0 && o->secureboot_key && !tool_is_there("sbsign"))
		return fail_set(f, ENOENT, "--secureboot-key", "Install it (Debian: sbsigntool).",
				"this takes the program sbsign, which is not here");
	return r;
}

/* Do key and certificate belong together? Signs the stub with them. */
static int check_pair(const struct uki_stub *stub, const struct pack_options *o, struct fail *f)
{
	struct spool plain = { .fd = -1 }, to = { .fd = -1 };
	int r = spool_new(&plain, f);

	if (r == 0)
		r = spool_new(&to, f);
	if (r == 0)
		r = spool_write(&plain, stub->data, stub->size, NULL, f);
	if (r == 0)
		r = uki_sign(&plain.file, o->secureboot_key, o->secureboot_cert, o->secureboot_key,
			     &to.file, f);
	spool_close(&plain);
	spool_close(&to);
	return r;
}

int pack_uki_open(struct pack_uki *u, const struct pack_options *o, const struct root_files *root,
		  uint16_t machine, const struct pack_kernel *kernel, struct fail *f)
{
	if (!o->uki)
		return 0;
	if (!kernel->data)
		return fail_set(f, ENOENT, "--uki", "Give one with --kernel PATH.",
				"a unified kernel image holds a kernel, and the root has none");
	u->is_wanted = true;
	if (uki_stub_find(root, machine, &u->stub, f) < 0 ||
	    uki_check_kernel(&u->stub, kernel->data, kernel->size, pack_kernel_name(kernel), f) < 0)
		return -f->error;
	return o->secureboot_key ? check_pair(&u->stub, o, f) : 0;
}

/* ---- writing ---- */

/* NULL: it has none, and then systemd-boot does not list the file. */
static char *read_os_release(const struct root_files *root)
{
	static const char *const places[] = { "etc/os-release", "usr/lib/os-release" };
	char *text = NULL;
	size_t size;

	for (size_t i = 0; !text && i < ARRAY_SIZE(places); i++) {
		_cleanup_close_ int fd = root->open(root, places[i], OS_RELEASE_MAX);

		if (fd >= 0 && read_all(fd, &text, &size) < 0)
			text = NULL;
	}
	if (!text)
		print_warning("the root has no etc/os-release: systemd-boot will not list the "
			      "unified kernel image in its menu");
	return text;
}

/* An empty section would not count, and leave the kernel line open. */
static const char *command_line(const struct pack_options *o)
{
	return o->cmdline && !*o->cmdline ? " " : o->cmdline;
}

static int write_parts(struct pack_uki *u, const struct pack_options *o,
		       const struct pack_uki_parts *p, struct out *out, struct fail *f)
{
	_cleanup_free_ char *os_release = read_os_release(p->root);
	const struct kernel_image *kernel = &p->kernel->image;
	struct uki_parts parts = { .name = o->uki,
				   .os_release = os_release,
				   .uname = *kernel->release ? kernel->release : NULL,
				   .cmdline = command_line(o),
				   .initrd = p->image,
				   .initrd_size = p->image_size,
				   .kernel = p->kernel->out.fd,
				   .kernel_name = pack_kernel_name(p->kernel) };
	struct stat st;

	if (fstat(parts.kernel, &st) < 0)
		return fail_errno(f, errno, parts.kernel_name, "cannot read this kernel");
	parts.kernel_size = (uint64_t)st.st_size;
	return uki_write(&u->stub, &parts, out, f);
}

static int write_signed(struct pack_uki *u, const struct pack_options *o,
			const struct pack_uki_parts *p, struct fail *f)
{
	struct out plain = { .fd = -1 };
	int r = out_open_unnamed(u->out.path, &plain, f);

	if (r == 0)
		r = write_parts(u, o, p, &plain, f);
	if (r == 0)
		r = uki_sign(&plain, o->secureboot_key, o->secureboot_cert, o->uki, &u->out, f);
	out_abandon(&plain);
	return r;
}

int pack_uki_write(struct pack_uki *u, const struct pack_options *o, const struct pack_uki_parts *p,
		   struct fail *f)
{
	struct stat st;
	int r;

	if (!u->is_wanted)
		return 0;
	r = out_open(o->uki, o->stream ? OUT_SHARED : OUT_SECRET, &u->out, f);
	if (r == 0)
		r = o->secureboot_key ? write_signed(u, o, p, f) : write_parts(u, o, p, &u->out, f);
	if (r == 0 && fstat(u->out.fd, &st) == 0)
		u->size = (uint64_t)st.st_size;
	return r == 0 ? out_sync(&u->out, f) : r;
}

int pack_uki_commit(struct pack_uki *u, struct fail *f)
{
	return u->is_wanted ? out_commit(&u->out, f) : 0;
}

/* ---- results ---- */

/* Does the kernel command line in it say where the root is fetched from? */
static bool has_url(const struct pack_options *o)
{
	struct params params;
	struct fail unused;

	return o->cmdline && params_parse(o->cmdline, &params, &unused) == 0 &&
	       url_is_one(params.rootfs);
}

void pack_uki_print(const struct pack_uki *u, const struct pack_options *o)
{
	char size[SIZE_TEXT_MAX];

	if (!u->is_wanted)
		return;
	print_line(stdout, "uki      %s: %s, kernel and %s, %s", o->uki, size_format(size, u->size),
		   o->stream ? "boot part" : "image",
		   o->secureboot_key ? "signed" : "not signed: Secure Boot refuses it");
	if (o->stream && !has_url(o))
		print_warning(
			"there is no tarboot.rootfs=URL in --cmdline: the unified kernel image "
			"has only the boot part, which then looks for the root in vain");
	if (o->secureboot_key && !o->cmdline)
		print_warning("without --cmdline whoever starts the unified kernel image chooses "
			      "the kernel command line, with Secure Boot, too");
}

void pack_uki_close(struct pack_uki *u)
{
	out_abandon(&u->out);
	uki_stub_free(&u->stub);
}
