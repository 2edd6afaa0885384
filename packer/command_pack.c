/* tarboot pack: a root file system becomes an image. */
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "bootpart.h"
#include "command.h"
#include "cpio.h"
#include "elfinfo.h"
#include "initcheck.h"
#include "kernel.h"
#include "out.h"
#include "payload_write.h"
#include "say.h"
#include "size.h"
#include "source.h"

#define COPY_SIZE (1 << 20)

/* Bytes of payload in one newc member; a multiple of 4, so that no padding comes between parts. */
#define PART_MAX (CPIO_FILE_MAX & ~(uint64_t)0xfff)

static const char *arg_root, *arg_out, *arg_kernel = "auto", *arg_shell = "auto";
static bool arg_force;
static struct payload_settings arg_payload = { .block_size = PAYLOAD_BLOCK_SIZE,
					       .preset = PAYLOAD_PRESET };

struct pack {
	struct source *source;
	struct out image, payload;
	struct payload_writer *writer;
	struct kernel_choice kernel;
	struct manifest manifest;
	char init[256]; /* the /init that goes into the image, on the host */
	uint64_t start; /* microseconds */
	bool has_kernel;
	size_t boot_size;
};

static int print_help(void)
{
	puts("Usage: tarboot pack ROOT -o IMAGE [OPTION]...\n\n"
	     "Packs a root file system into an initramfs image that boots it from RAM.\n"
	     "ROOT is a directory, a tar archive (plain or compressed) or - for a tar on stdin.\n\n"
	     "  -o, --output IMAGE    the image to write; an old one stays until the new one is "
	     "whole\n"
	     "  -k, --kernel WHICH    auto: the newest vmlinuz of the root goes to IMAGE.vmlinuz "
	     "and\n"
	     "                        not into the image (default); none; or a kernel file to "
	     "copy\n"
	     "      --shell PATH      the static busybox for the debug shell (default: find one)\n"
	     "      --no-shell        no debug shell in the image\n"
	     "  -l, --level LEVEL     normal (default), or fast: a tenth of the time, a third "
	     "larger\n"
	     "  -T, --threads N       compress with N threads (default: all CPUs)\n"
	     "      --force           pack a root that cannot boot, too\n"
	     "      --help            show this help");
	return EXIT_OK;
}

/* ---- options ---- */

static int parse_level(const char *text)
{
	if (strcmp(text, "fast") == 0)
		arg_payload.preset = PAYLOAD_PRESET_FAST;
	else if (strcmp(text, "normal") == 0)
		arg_payload.preset = PAYLOAD_PRESET;
	else
		return say_usage("pack", "--level %s: it must be fast or normal", text);
	return EXIT_OK;
}

/* Returns -1 to go on, else an exit code. */
static int parse_options(int argc, char **argv)
{
	enum { OPT_SHELL = 256, OPT_NO_SHELL, OPT_FORCE, OPT_HELP };
	static const struct option options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "kernel", required_argument, NULL, 'k' },
		{ "level", required_argument, NULL, 'l' },
		{ "threads", required_argument, NULL, 'T' },
		{ "shell", required_argument, NULL, OPT_SHELL },
		{ "no-shell", no_argument, NULL, OPT_NO_SHELL },
		{ "force", no_argument, NULL, OPT_FORCE },
		{ "help", no_argument, NULL, OPT_HELP },
		{ NULL, 0, NULL, 0 },
	};
	int c, r = EXIT_OK;
	long number = 0;

	while (r == EXIT_OK && (c = getopt_long(argc, argv, ":o:k:l:T:", options, NULL)) != -1) {
		switch (c) {
		case 'o':
			arg_out = optarg;
			break;
		case 'k':
			arg_kernel = optarg;
			break;
		case 'l':
			r = parse_level(optarg);
			break;
		case 'T':
			r = say_number("pack", "--threads", optarg, 1, 1024, &number);
			break;
		case OPT_SHELL:
			arg_shell = optarg;
			break;
		case OPT_NO_SHELL:
			arg_shell = NULL;
			break;
		case OPT_FORCE:
			arg_force = true;
			break;
		case OPT_HELP:
			exit(print_help());
		default:
			r = say_bad_option("pack", c, argv[optind - 1]);
		}
	}
	if (r != EXIT_OK)
		return r;
	arg_payload.threads = (unsigned)number;
	if (optind != argc - 1)
		return say_usage("pack", "it takes one ROOT, not %d", argc - optind);
	if (!arg_out)
		return say_usage("pack", "-o IMAGE is missing");
	arg_root = argv[optind];
	return -1;
}

/* ---- what goes into the boot part ---- */

/* Beside the command in a build tree, else where it was installed. */
static int find_init(struct pack *p, struct fail *f)
{
	char self[sizeof(p->init)], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 8);

	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash) {
			strcpy(slash, "/init");
			if (access(self, R_OK) == 0) {
				strcpy(p->init, self);
				return 0;
			}
		}
	}
	snprintf(p->init, sizeof(p->init), "%s", TARBOOT_LIBDIR "/init");
	if (access(p->init, R_OK) == 0)
		return 0;
	return fail_errno(f, errno, p->init,
			  "the /init that belongs into the image is not installed");
}

static bool is_static_program(const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char head[PROGRAM_HEAD_SIZE];
	struct program program;
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	return n > 0 && program_parse(head, (size_t)n, &program) == 0 &&
	       program.kind == PROGRAM_ELF && program.machine == program_own_machine() &&
	       !*program.interpreter;
}

/* NULL: no shell. */
static const char *find_shell(void)
{
	static const char *const places[] = { "/bin/busybox", "/usr/bin/busybox",
					      "/usr/lib/initramfs-tools/bin/busybox" };

	if (!arg_shell || strcmp(arg_shell, "auto") != 0)
		return arg_shell;
	for (size_t i = 0; i < ARRAY_SIZE(places); i++)
		if (is_static_program(places[i]))
			return places[i];
	say_warning(
		"no static busybox here (Debian: busybox-static): the image has no debug shell");
	return NULL;
}

static int check_shell(struct fail *f)
{
	if (!arg_shell || strcmp(arg_shell, "auto") == 0 || is_static_program(arg_shell))
		return 0;
	return fail_set(f, ENOEXEC, arg_shell, "Give a static busybox (Debian: busybox-static).",
			"it is not a static program of this machine's kind");
}

/* ---- the root ---- */

/* A root that is a directory is asked what init itself would ask; a tar only as it goes by. */
static int check_root(struct pack *p, struct fail *f)
{
	int fd = source_directory(p->source);
	const char *path;

	if (fd < 0)
		return 0;
	path = initcheck_find(fd, NULL, NULL, program_own_machine(), f);
	if (path)
		snprintf(p->manifest.init, sizeof(p->manifest.init), "%s", path);
	else if (arg_force)
		say_warning("%s: %s", f->what, f->why);
	else
		return -f->error;
	return 0;
}

static int pack_data(struct pack *p, struct fail *f)
{
	const void *data;
	uint64_t offset;
	size_t size;
	int r;

	while ((r = source_read(p->source, &data, &size, &offset, f)) > 0) {
		r = payload_writer_data(p->writer, data, size, offset, f);
		if (r < 0)
			return r;
		say_progress("packing", source_position(p->source), source_total(p->source));
	}
	return r;
}

static int pack_members(struct pack *p, struct fail *f)
{
	struct source_member m;
	int r;

	while ((r = source_next(p->source, &m, f)) > 0) {
		if (m.m.type == MEMBER_DIRECTORY)
			kernel_note_modules(m.m.path, &p->manifest);
		r = kernel_take(&p->kernel, p->source, &m, f);
		if (r > 0)
			continue;
		if (r == 0)
			r = payload_writer_add(p->writer, &m, f);
		if (r == 0 && m.m.type == MEMBER_FILE)
			r = pack_data(p, f);
		if (r < 0)
			return r;
	}
	return r;
}

/* The payload's size stands in the boot part, which comes first, so it is written aside. */
static int write_payload(struct pack *p, struct fail *f)
{
	int r = payload_writer_open(p->payload.fd, &arg_payload, &p->writer, f);

	if (r == 0)
		r = pack_members(p, f);
	if (r == 0)
		r = payload_writer_finish(p->writer, f);
	say_progress_end();
	return r;
}

static void fill_manifest(struct pack *p)
{
	const struct payload_totals *t = payload_writer_totals(p->writer);

	p->manifest.payload_bytes = t->compressed;
	p->manifest.unpacked_bytes = t->pages;
	p->manifest.inodes = t->inodes;
	p->manifest.members = t->members;
	snprintf(p->manifest.build_id, sizeof(p->manifest.build_id), "%016llx",
		 (unsigned long long)t->crc64);
}

/* ---- the image ---- */

static int write_boot_part(struct pack *p, struct fail *f)
{
	struct bootpart b = { 0 };
	int r = bootpart_fill(&b, p->init, find_shell(), &p->manifest, f);

	if (r == 0 && bootpart_finish(&b) < 0)
		r = fail_errno(f, ENOMEM, "the boot part", "cannot build it");
	if (r == 0)
		r = out_write(&p->image, b.data, b.size, f);
	p->boot_size = b.size;
	bootpart_free(&b);
	return r;
}

static int copy_payload(struct pack *p, uint64_t from, uint64_t size, struct fail *f)
{
	_cleanup_free_ char *block = malloc(COPY_SIZE);
	ssize_t n;
	int r = block ? 0 : fail_errno(f, ENOMEM, arg_out, "cannot copy the payload");

	while (r == 0 && size > 0) {
		n = pread(p->payload.fd, block, size < COPY_SIZE ? (size_t)size : COPY_SIZE,
			  (off_t)from);
		if (n <= 0)
			return fail_errno(f, n < 0 ? errno : EIO, arg_out,
					  "cannot read the payload back");
		r = out_write(&p->image, block, (size_t)n, f);
		from += (uint64_t)n;
		size -= (uint64_t)n;
	}
	return r;
}

/* One newc member of the payload archive: header, data, padding. */
static int write_part(struct pack *p, const char *name, uint64_t from, uint64_t size,
		      struct fail *f)
{
	static const char padding[4];
	char head[160];
	struct cpio_header h = { .ino = 1, .mode = S_IFREG | 0644, .nlink = 1 };
	int r;

	h.size = (uint32_t)size;
	cpio_header_write(&h, name, head);
	r = out_write(&p->image, head, cpio_head_size(strlen(name)), f);
	if (r == 0)
		r = copy_payload(p, from, size, f);
	return r == 0 ? out_write(&p->image, padding, cpio_padding(size), f) : r;
}

static int write_parts(struct pack *p, struct fail *f)
{
	uint64_t total = p->manifest.payload_bytes, size;
	struct bootpart trailer = { 0 };
	char name[32] = "rootfs.tar.xz";
	int r = 0;

	for (uint64_t at = 0, i = 0; r == 0 && at < total; at += size, i++) {
		size = total - at < PART_MAX ? total - at : PART_MAX;
		if (total > PART_MAX)
			snprintf(name, sizeof(name), "rootfs.tar.xz.%03u", (unsigned)i);
		r = write_part(p, name, at, size, f);
	}
	if (r == 0 && bootpart_finish(&trailer) < 0)
		r = fail_errno(f, ENOMEM, arg_out, "cannot end the image");
	if (r == 0)
		r = out_write(&p->image, trailer.data, trailer.size, f);
	bootpart_free(&trailer);
	return r;
}

/* ---- the whole ---- */

static void print_report(const struct pack *p)
{
	const struct payload_totals *t = payload_writer_totals(p->writer);
	double seconds = (double)(now_usec() - p->start) / 1e6;
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

	printf("root     %s, %llu members, %s in RAM\n", size_format(a, t->tar),
	       (unsigned long long)t->members, size_format(b, t->pages));
	printf("payload  %s (%.1f %% of the root)\n", size_format(a, t->compressed),
	       t->tar ? 100.0 * (double)t->compressed / (double)t->tar : 0.0);
	printf("image    %s: %s, boot part %s\n", arg_out,
	       size_format(a, t->compressed + p->boot_size), size_format(b, p->boot_size));
	if (p->has_kernel)
		printf("kernel   %s%s%s\n", p->kernel.out_path, *p->kernel.release ? ": " : "",
		       p->kernel.release);
	printf("time     %.1f s, %.1f MB/s\n", seconds,
	       seconds > 0 ? (double)t->tar / 1e6 / seconds : 0.0);
}

static void print_warnings(const struct pack *p)
{
	bool found = false;

	if (source_skipped(p->source))
		say_warning("%llu sockets left out: no archive can hold them",
			    (unsigned long long)source_skipped(p->source));
	if (strcmp(arg_kernel, "auto") == 0 && !p->has_kernel)
		say_warning("no vmlinuz in the root: take one with --kernel PATH");
	for (unsigned i = 0; i < p->manifest.n_kernels; i++)
		found = found || strcmp(p->manifest.kernels[i], p->kernel.release) == 0;
	if (*p->kernel.release && !found)
		say_warning("the root has no modules for its kernel %s", p->kernel.release);
}

/* The images, new and old, may lie inside the root. */
static void leave_out_images(struct pack *p)
{
	_cleanup_close_ int old_image = open(arg_out, O_RDONLY | O_CLOEXEC);
	_cleanup_close_ int old_kernel = open(p->kernel.out_path, O_RDONLY | O_CLOEXEC);

	if (!p->source)
		return;
	source_leave_out(p->source, p->image.temporary ? p->image.fd : -1);
	source_leave_out(p->source, p->payload.temporary ? p->payload.fd : -1);
	source_leave_out(p->source, old_image);
	source_leave_out(p->source, old_kernel);
}

static int pack_image(struct pack *p, struct fail *f)
{
	int r = source_open(arg_root, &p->source, f);

	if (r == 0)
		r = check_root(p, f);
	if (r == 0)
		r = out_open(arg_out, &p->image, f);
	if (r == 0)
		r = out_open(arg_out, &p->payload, f);
	leave_out_images(p);
	if (r == 0)
		r = write_payload(p, f);
	if (r < 0)
		return r;
	fill_manifest(p);
	r = write_boot_part(p, f);
	if (r == 0)
		r = write_parts(p, f);
	if (r == 0)
		r = kernel_finish(&p->kernel, &p->has_kernel, f);
	return r == 0 ? out_commit(&p->image, f) : r;
}

int command_pack(int argc, char **argv)
{
	struct pack p = { .start = now_usec() };
	_cleanup_free_ char *kernel_path = NULL;
	struct fail f;
	int r = parse_options(argc, argv);

	if (r >= 0)
		return r;
	if (asprintf(&kernel_path, "%s.vmlinuz", arg_out) < 0)
		return EXIT_FAILED;
	p.kernel = (struct kernel_choice){ .setting = arg_kernel, .out_path = kernel_path };
	r = check_shell(&f);
	if (r == 0)
		r = find_init(&p, &f);
	if (r == 0)
		r = pack_image(&p, &f);
	if (r == 0) {
		print_warnings(&p);
		print_report(&p);
	} else {
		say_fail(&f);
	}
	payload_writer_free(p.writer);
	out_abandon(&p.payload);
	out_abandon(&p.kernel.out);
	out_abandon(&p.image);
	source_close(p.source);
	return r < 0 ? EXIT_FAILED : EXIT_OK;
}
