/* tarboot pack: a root file system becomes an image. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "boot_modules.h"
#include "bootpart.h"
#include "command.h"
#include "elfinfo.h"
#include "host_files.h"
#include "image_report.h"
#include "image_write.h"
#include "initcheck.h"
#include "inroot.h"
#include "kernel_check.h"
#include "kernel_config.h"
#include "member_pack.h"
#include "out.h"
#include "pack_kernel.h"
#include "pack_options.h"
#include "path.h"
#include "payload_digests.h"
#include "payload_write.h"
#include "read_all.h"
#include "root_warnings.h"
#include "say.h"
#include "selection.h"
#include "size.h"
#include "sketch.h"
#include "source.h"

struct pack {
	struct pack_options options;
	struct selection selection;
	struct source *source; /* of the current layer */
	uint64_t skipped;      /* sockets, of all layers */
	struct out image, payload;
	struct member_pack members; /* in a dry run without writer */
	struct pack_kernel kernel;
	struct manifest manifest;
	struct boot_modules modules;
	uint16_t machine; /* ELF machine of the root */
	char init[256];   /* the /init that goes into the image, on the host */
	const char *shell;
	uint64_t start; /* microseconds */
	bool has_kernel;
	size_t boot_size;
};

/* ---- the root ---- */

/* What init itself would ask, of the root open at fd. */
static int check_init(struct pack *p, int fd, struct fail *f)
{
	uint16_t machine = initcheck_machine(fd);
	const char *path;

	p->machine = machine == EM_X86_64 || machine == EM_AARCH64 ? machine
								   : program_own_machine();
	path = initcheck_find(fd, NULL, NULL, p->machine, f);
	snprintf(p->manifest.init, sizeof(p->manifest.init), "%s", path ? path : "");
	return path ? 0 : -f->error;
}

/* A directory as it is can be asked before the work is done. What is left out of it or laid over it may still change
 * the answer. */
static int check_init_early(struct pack *p, struct fail *f)
{
	int r;

	if (source_directory(p->source) < 0 || p->options.overlays.n > 0)
		return 0;
	r = check_init(p, source_directory(p->source), f);
	return p->options.force ? 0 : r;
}

/* What is packed has the last word. */
static int check_packed_init(struct pack *p, struct fail *f)
{
	int r = check_init(p, sketch_root(p->members.sketch), f);

	if (r == 0 || !p->options.force)
		return r;
	say_warning("%s: %s", f->what, f->why);
	return 0;
}

/* SELinux in the root is strict, and nobody has labelled what the boot makes. */
static void check_selinux(int fd)
{
	_cleanup_close_ int config = inroot_open(fd, "/etc/selinux/config", O_RDONLY);
	char text[4096];
	ssize_t n = config < 0 ? -1 : read(config, text, sizeof(text) - 1);

	if (n <= 0)
		return;
	text[n] = '\0';
	if (strncmp(text, "SELINUX=enforcing", 17) == 0 || strstr(text, "\nSELINUX=enforcing"))
		say_warning("SELinux is enforcing in the root: boot with selinux=0, or set "
			    "SELINUX=permissive in etc/selinux/config");
}

/* A kernel stays out of the payload, where it would only take memory. */
static int pack_candidate(struct pack *p, struct source_member *m, struct fail *f)
{
	int fd, r = pack_kernel_take(&p->kernel, p->source, p->members.sketch, m, f);

	if (r != -ENOEXEC)
		return r;
	fd = inroot_open(sketch_root(p->members.sketch), m->m.path, O_RDONLY);
	r = fd < 0 ? fail_errno(f, fd, m->m.path, "cannot read it")
		   : member_pack_file(&p->members, m, fd, f);
	cleanup_close(&fd);
	return r;
}

static int pack_changed(struct pack *p, struct source_member *m, struct fail *f)
{
	selection_adopt(&p->selection, &m->m);
	if (m->m.mtime.tv_sec >= p->options.newest)
		m->m.mtime = (struct timespec){ .tv_sec = p->options.newest };
	if (!pack_kernel_is_candidate(&p->kernel, &m->m))
		return member_pack(&p->members, p->source, m, f);
	return pack_candidate(p, m, f);
}

static int pack_members(struct pack *p, struct fail *f)
{
	struct source_member m;
	int r;

	source_filter(p->source, selection_wants, &p->selection);
	while ((r = source_next(p->source, &m, f)) > 0) {
		if (p->selection.broken.error) {
			*f = p->selection.broken;
			return -f->error;
		}
		if (p->selection.layer == 0 && m.m.type == MEMBER_DIRECTORY &&
		    path_is_root(path_in_root(m.m.path)))
			root_warn_of_directory(&m.m);
		if (!pack_kernel_is_name(&p->kernel, &m.m))
			r = pack_changed(p, &m, f);
		if (r < 0)
			return r;
	}
	p->skipped += source_skipped(p->source);
	if (r == 0) {
		selection_warn_of_mounts(&p->selection, p->source);
		r = member_pack_additions(&p->members, f);
	}
	return r;
}

/* What the pack before has written. NULL: nothing. */
static void leave_out_old(struct pack *p, const char *path)
{
	_cleanup_close_ int fd = path ? open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC) : -1;

	source_leave_out(p->source, fd);
}

/* Image, kernel and report, new and old, may lie inside the root. */
static void leave_out_outputs(struct pack *p)
{
	source_leave_out(p->source, out_is_open(&p->image) ? p->image.fd : -1);
	source_leave_out(p->source, out_is_open(&p->payload) ? p->payload.fd : -1);
	source_leave_out(p->source, out_is_open(&p->kernel.out) ? p->kernel.out.fd : -1);
	leave_out_old(p, p->options.out);
	leave_out_old(p, p->kernel.path);
	leave_out_old(p, p->options.report);
}

/* The root, whose source is open, and the overlays, one after the other. */
static int pack_layers(struct pack *p, struct fail *f)
{
	struct selection *s = &p->selection;
	int r;

	leave_out_outputs(p);
	r = pack_members(p, f);
	for (s->layer = 1; r == 0 && s->layer <= s->n_overlays; s->layer++) {
		source_close(p->source);
		p->source = NULL;
		r = source_open(s->overlays[s->layer - 1].path, &p->source, f);
		if (r < 0)
			break;
		leave_out_outputs(p);
		r = pack_members(p, f);
	}
	say_progress_end();
	return r;
}

/* The files that the boot part takes from the root. */
static bool is_wanted_whole(const char *path, void *pack)
{
	const struct pack *p = pack;

	return kernel_config_is(path) || pack_kernel_is_place(&p->kernel, path) ||
	       (p->options.modules && boot_modules_reads(path, *p->options.modules));
}

static int open_sketch(struct pack *p, bool (*whole)(const char *path, void *pack), struct fail *f)
{
	int r = sketch_open(whole, p, &p->members.sketch, f);

	if (r == 0)
		p->selection.drawn_fd = sketch_root(p->members.sketch);
	return r;
}

/* The payload's size stands in the boot part, which comes first, so it is written aside. */
static int write_payload(struct pack *p, struct fail *f)
{
	int r = open_sketch(p, is_wanted_whole, f);

	if (r == 0)
		r = payload_writer_open(p->payload.fd, &p->options.payload, &p->members.writer, f);
	if (r == 0)
		r = pack_layers(p, f);
	if (r == 0)
		r = check_packed_init(p, f);
	if (r == 0)
		check_selinux(sketch_root(p->members.sketch));
	return r == 0 ? payload_writer_finish(p->members.writer, f) : r;
}

/* Reads what was written once more: only its Index tells where the Blocks are. */
static int fill_manifest(struct pack *p, struct fail *f)
{
	const struct payload_totals *t = payload_writer_totals(p->members.writer);
	struct payload payload = { .name = "the payload" };
	struct block_list blocks = { 0 };
	int copy = fcntl(p->payload.fd, F_DUPFD_CLOEXEC, 0), r;

	if (copy < 0 || payload_add(&payload, copy, 0, t->compressed) < 0)
		return fail_errno(f, copy < 0 ? errno : ENOMEM, payload.name, "cannot open it");
	r = block_list_read(&payload, &blocks, f);
	if (r == 0)
		r = payload_digests_read(&payload, &blocks, &p->manifest, f);
	treesize_tell(&t->tree, &p->manifest);
	kernel_find_modules(sketch_root(p->members.sketch), &p->manifest);
	p->manifest.has_vmlinuz_digest = out_is_open(&p->kernel.out);
	p->manifest.vmlinuz_digest = p->kernel.image.digest;
	strcpy(p->manifest.payload, MANIFEST_PAYLOAD);
	block_list_free(&blocks);
	payload_close(&payload);
	return r;
}

/* ---- the image ---- */

/* The release whose modules the image needs: the kernel's, or the newest of the root. */
static const char *release_of_modules(const struct pack *p)
{
	return *p->kernel.image.release ? p->kernel.image.release
	       : p->manifest.n_kernels  ? p->manifest.kernels[0]
					: "";
}

/* What was not asked for may be missing: many kernels need no modules. */
static int add_modules(struct pack *p, struct bootpart *b, struct fail *f)
{
	const char *words = p->options.modules;
	int r;

	if (!words)
		return 0;
	r = boot_modules_add(b, sketch_root(p->members.sketch), release_of_modules(p), words,
			     &p->modules, f);
	return r == -ENOENT && !*words ? 0 : r;
}

static int write_boot_part(struct pack *p, struct fail *f)
{
	struct bootpart b = { 0 };
	int r = bootpart_fill(&b, p->init, p->shell, &p->manifest, f);

	if (r == 0)
		r = add_modules(p, &b, f);
	if (r == 0)
		r = bootpart_seal(&b, &p->manifest, f);
	if (r == 0)
		r = out_write(&p->image, b.data, b.size, f);
	p->boot_size = b.size;
	bootpart_free(&b);
	return r;
}

/* ---- the whole ---- */

static void print_report(const struct pack *p)
{
	const struct payload_totals *t = payload_writer_totals(p->members.writer);
	double seconds = (double)(now_usec() - p->start) / 1e6;
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

	selection_print(&p->selection);
	printf("root     %s, %llu members, %s in RAM\n", size_format(a, t->tar),
	       (unsigned long long)t->tree.members, size_format(b, t->tree.pages[0]));
	printf("payload  %s (%.1f %% of the root)\n", size_format(a, t->compressed),
	       t->tar ? 100.0 * (double)t->compressed / (double)t->tar : 0.0);
	say(stdout, "image    %s: %s, boot part %s", p->options.out,
	    size_format(a, t->compressed + p->boot_size), size_format(b, p->boot_size));
	if (p->has_kernel)
		say(stdout, "kernel   %s%s%s", p->kernel.path, *p->kernel.image.release ? ": " : "",
		    p->kernel.image.release);
	else if (p->kernel.was_there)
		say(stdout, "kernel   none; the one of the image before is %s.old now",
		    p->kernel.path);
	if (p->modules.modules)
		printf("modules  %u, and %u files of firmware, %s\n", p->modules.modules,
		       p->modules.firmware, size_format(a, p->modules.size));
	printf("time     %.1f s, %.1f MB/s\n", seconds,
	       seconds > 0 ? (double)t->tar / 1e6 / seconds : 0.0);
}

static void print_warnings(const struct pack *p)
{
	if (p->skipped)
		say_warning("%llu sockets left out: no archive can hold them",
			    (unsigned long long)p->skipped);
	if (p->modules.missing)
		say_warning(
			"%u modules that modules.dep names are not in the root: run depmod there",
			p->modules.missing);
}

/* What the kernel of this image lacks, as far as its configuration can be found. */
static void check_kernel(const struct pack *p, const struct image *image)
{
	bool is_path = strcmp(p->options.kernel, "auto") != 0;
	_cleanup_free_ char *index = NULL;
	struct kernel_config config = { 0 };
	struct kernel_check check = { 0 };
	struct kernel_modules modules;
	struct fail f;
	int r = -ENOENT;

	if (*p->kernel.image.release)
		r = kernel_config_of_root(sketch_root(p->members.sketch), p->kernel.image.release,
					  &config, &f);
	if (r < 0) {
		kernel_config_close(&config);
		r = kernel_config_open(is_path ? p->options.kernel : p->kernel.path, &config, &f);
	}
	if (r == 0)
		r = image_read_module_index(image, &index, &f);
	modules = (struct kernel_modules){ index, config.modules };
	if (r == 0)
		r = kernel_check(config.text, &modules, KERNEL_CHECK_BOOT, &check);
	if (r == 0)
		kernel_check_warn(&check, config.path);
	else
		puts("config   not known: `tarboot kernel-check` tells whether the kernel fits");
	kernel_check_free(&check);
	kernel_config_close(&config);
}

/* What the image needs, read back from it, and the report that was asked for. */
static int report_image(const struct pack *p, struct fail *f)
{
	struct image_report report;
	int r = image_report_open(p->options.out, &report, f);

	if (r < 0)
		return r;
	needs_print(&report.image, &report.needs);
	if (p->has_kernel)
		check_kernel(p, &report.image);
	r = image_report_deliver(&report, p->options.report, p->options.json, f);
	image_report_close(&report);
	return r;
}

/* What the image takes from this machine: /init and busybox, of the root's kind. */
static int find_host_files(struct pack *p, struct fail *f)
{
	int r = host_find_shell(p->options.shell, p->machine, &p->shell, f);

	return r == 0 ? host_find_init(p->machine, p->init, f) : r;
}

static int check_kernel_machine(const struct pack *p, struct fail *f)
{
	uint16_t kernel = p->kernel.image.machine;

	if (!kernel || kernel == p->machine)
		return 0;
	return fail_set(f, ENOEXEC, "the kernel",
			"Give one of the root's kind with --kernel, or none.",
			"it is for %s, the root is for %s", program_machine_name(kernel),
			program_machine_name(p->machine));
}

static int pack_image(struct pack *p, struct fail *f)
{
	bool is_known = p->machine; /* a directory can be asked before the work is done */
	int r = pack_kernel_copy(&p->kernel, f);

	if (r == 0 && is_known)
		r = find_host_files(p, f);
	if (r == 0 && is_known)
		r = check_kernel_machine(p, f);
	if (r == 0)
		r = out_open(p->options.out, OUT_PRIVATE, &p->image, f);
	if (r == 0)
		r = out_open_unnamed(p->options.out, &p->payload, f);
	if (r == 0)
		r = write_payload(p, f);
	if (r == 0)
		r = find_host_files(p, f);
	if (r == 0)
		r = pack_kernel_choose(&p->kernel, sketch_root(p->members.sketch), f);
	if (r == 0)
		r = check_kernel_machine(p, f);
	if (r < 0)
		return r;
	r = fill_manifest(p, f);
	if (r == 0)
		r = write_boot_part(p, f);
	if (r == 0)
		r = image_write_payload(&p->image, p->payload.fd, p->manifest.payload_bytes, f);
	p->has_kernel = out_is_open(&p->kernel.out);
	if (r == 0)
		r = out_commit_pair(&p->image, &p->kernel.out, p->kernel.path, f);
	if (r < 0)
		return r;
	print_warnings(p);
	print_report(p);
	return report_image(p, f);
}

static bool is_kernel_place(const char *path, void *pack)
{
	const struct pack *p = pack;

	return pack_kernel_is_place(&p->kernel, path);
}

/* When all are known, as is the one to boot with. */
static void tell_kernels(struct pack *p)
{
	const struct kernel_list *found = &p->kernel.found;
	int root = sketch_root(p->members.sketch);
	const struct kernel_file *passed, *best = kernel_list_choose(found, root, &passed);

	for (const struct kernel_file *k = found->files; k < found->files + found->n; k++) {
		_cleanup_close_ int fd = inroot_open(root, k->path, O_RDONLY);
		struct member m = { .type = MEMBER_FILE, .path = k->path };
		struct stat st;

		if (fd >= 0 && fstat(fd, &st) == 0)
			m.size = (uint64_t)st.st_size;
		selection_tell_kernel(&p->selection, &m, best ? best->path : NULL);
	}
}

/* Says what would be packed, or why one path would be. */
static int pack_nothing(struct pack *p, struct fail *f)
{
	char size[SIZE_TEXT_MAX];
	int r = open_sketch(p, is_kernel_place, f);

	if (r == 0)
		r = pack_layers(p, f);
	if (r < 0)
		return r;
	tell_kernels(p);
	if (p->options.explain)
		return p->selection.explained
			       ? 0
			       : fail_set(f, ENOENT, p->options.explain,
					  "Give the path as it is in the root.",
					  "it is neither in the root nor in an overlay");
	selection_print(&p->selection);
	r = check_packed_init(p, f);
	if (r < 0)
		return r;
	printf("root     %s, %llu members would be packed\n", size_format(size, p->members.bytes),
	       (unsigned long long)p->members.members);
	return 0;
}

/* A directory can be asked before they go by. */
static int note_tables(struct pack *p, struct fail *f)
{
	static const struct {
		const char *path;
		enum sieve_action table;
	} tables[] = { { "/etc/fstab", SIEVE_FSTAB },
		       { "/etc/crypttab", SIEVE_CRYPTTAB },
		       { "/etc/integritytab", SIEVE_CRYPTTAB },
		       { "/etc/veritytab", SIEVE_VERITYTAB } };
	int root = source_directory(p->source), r = 0;

	p->selection.knows_swap = root >= 0;
	for (size_t i = 0; r == 0 && root >= 0 && i < ARRAY_SIZE(tables); i++) {
		_cleanup_close_ int fd = inroot_open_file(root, tables[i].path);
		_cleanup_free_ char *text = NULL;
		size_t size;

		if (fd >= 0 && read_all(fd, &text, &size) == 0)
			r = selection_note_table(&p->selection, tables[i].table, text, size);
	}
	return r < 0 ? fail_errno(f, r, "the root", "cannot look at its tables of file systems")
		     : 0;
}

/* What would fail only after the work. */
static int check_outputs(const struct pack *p, struct fail *f)
{
	const struct pack_options *o = &p->options;
	int r = out_check(o->out, o->root, f);

	if (r == 0 && strcmp(o->kernel, "none") != 0)
		r = out_check(p->kernel.path, o->root, f);
	if (r == 0 && o->report)
		r = out_check(o->report, o->root, f);
	if (r == 0 && o->report)
		r = out_check(o->report, o->out, f);
	return r;
}

static int pack(struct pack *p, struct fail *f)
{
	int r = p->options.dry_run ? 0 : check_outputs(p, f);

	if (r == 0)
		r = source_open(p->options.root, &p->source, f);
	if (r == 0)
		r = check_init_early(p, f);
	if (r == 0)
		r = selection_open(&p->selection, &p->options, f);
	if (r == 0)
		r = note_tables(p, f);
	if (r == 0)
		r = names_new(&p->members.names, f);
	if (r < 0)
		return r;
	p->members.selection = &p->selection;
	p->selection.kernel = &p->kernel;
	return p->options.dry_run ? pack_nothing(p, f) : pack_image(p, f);
}

int command_pack(int argc, char **argv)
{
	struct pack p = { .start = now_usec() };
	struct fail f;
	int r = pack_options_parse(argc, argv, &p.options);

	if (r < 0)
		r = pack_kernel_open(&p.kernel, p.options.kernel, p.options.out, &f) < 0 ||
				    pack(&p, &f) < 0
			    ? say_fail(&f)
			    : EXIT_OK;
	payload_writer_free(p.members.writer);
	sketch_close(p.members.sketch);
	root_tree_free(p.members.names);
	out_abandon(&p.payload);
	pack_kernel_close(&p.kernel);
	out_abandon(&p.image);
	source_close(p.source);
	selection_close(&p.selection);
	manifest_free(&p.manifest);
	pack_options_free(&p.options);
	return r;
}
