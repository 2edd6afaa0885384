/* tarboot pack: a root file system becomes an image. */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "image/boot_keys.h"
#include "image/boot_modules.h"
#include "image/bootpart.h"
#include "command/command.h"
#include "root/decide.h"
#include "root/decide_report.h"
#include "root/decide_warn.h"
#include "root/overlay.h"
#include "base/elfinfo.h"
#include "base/host_files.h"
#include "image/image_report.h"
#include "image/inspect_json.h"
#include "image/image_write.h"
#include "image/initcheck.h"
#include "kernel/kernel_check.h"
#include "kernel/kernel_config.h"
#include "base/out.h"
#include "kernel/pack_kernel.h"
#include "command/pack_options.h"
#include "command/pack_uki.h"
#include "image/payload_digests.h"
#include "image/payload_write.h"
#include "root/root_inside.h"
#include "root/root_warnings.h"
#include "root/rootfs_load.h"
#include "image/rootfs_write.h"
#include "base/print.h"
#include "base/size.h"

struct pack {
	struct pack_options options;
	struct rootfs root;
	struct rootfs_files files; /* of it: what is packed */
	struct decisions decisions;
	struct pack_kernel kernel;
	struct pack_uki uki;
	struct payload_writer *writer;
	struct out image, payload, report_file;
	struct image_report report; /* what is read back of the image */
	struct manifest manifest;
	struct boot_modules modules;
	struct bootpart programs_part, modules_part; /* what the boot part will have of them */
	uint16_t machine;                            /* ELF machine of the root */
	char init[256], fetcher[256],
		checker[256]; /* what goes into the image, on the host; "" = nothing */
	struct signature_trust keys;
	const char *busybox;
	uint64_t start; /* microseconds */
	bool has_kernel;
	size_t boot_size;
};

/* ---- the root ---- */

/* Of what goes into the image beside the root. A root for i386 is booted by the /init for x86-64. */
static uint16_t machine_of_boot_part(uint16_t root)
{
	return root == EM_X86_64 || root == EM_386 ? EM_X86_64
	       : root == EM_AARCH64                ? EM_AARCH64
						   : program_own_machine();
}

static void tell_root_inside(const struct pack *p, struct fail *f)
{
	struct root_inside inside;

	if (f->error != ENOENT || p->options.init || !root_inside_find(&p->files.files, &inside))
		return;
	if (inside.is_directory)
		fail_set(f, ENOENT, p->options.root,
			 "Give that directory; of an archive, unpack it as root first.",
			 "it is no root, but has one in its directory %s", inside.name);
	else
		fail_set(f, ENOENT, p->options.root, "Unpack it and give that file.",
			 "it is no root, but may have one in its file %s", inside.name);
}

/* What init itself would ask. */
static int check_init(struct pack *p, struct fail *f)
{
	uint16_t machine = initcheck_machine(&p->files.files, p->options.init);
	const char *path;

	p->machine = machine_of_boot_part(machine);
	path = initcheck_find(&p->files.files, p->options.init, NULL, p->machine, f);
	snprintf(p->manifest.init, sizeof(p->manifest.init), "%s", path ? path : "");
	if (!path)
		tell_root_inside(p, f);
	if (path || !p->options.force)
		return path ? 0 : -f->error;
	print_warning("%s: %s", f->what, f->why);
	return 0;
}

/* Image, kernel and report, of the pack before, may lie inside the root or an overlay. */
static int load(struct pack *p, struct fail *f)
{
	const struct rootfs_filter filter = { .is_left_out = decide_leaves_out,
					      .is_data_left_out = decide_leaves_out_data,
					      .note_left_out = decide_note_left_out,
					      .arg = &p->decisions };
	const struct rootfs_input in = { .path = p->options.root,
					 .choice = &p->options.choice,
					 .filter = &filter };

	p->root.outputs[0] = p->options.out;
	p->root.outputs[1] = p->kernel.path;
	p->root.outputs[2] = p->options.report;
	p->root.outputs[3] = p->options.uki;
	return rootfs_load(&p->root, &in, f);
}

static int open_decisions(struct pack *p, const struct decide_settings *settings, struct fail *f)
{
	struct rules rules = { 0 };
	int r = pack_options_rules(&p->options, &rules);

	r = r < 0 ? fail_errno(f, r, p->options.root, "cannot choose what to pack")
		  : decide_open(&p->decisions, settings, &rules, &p->root, f);
	rules_free(&rules);
	return r;
}

/* Reads the root and decides what of it is packed. */
static int choose(struct pack *p, struct fail *f)
{
	struct decisions *d = &p->decisions;
	const struct decide_settings settings = {
		.explain = p->options.explain,
		.list = p->options.dry_run && !p->options.explain,
		.overlays = p->options.overlays.strings,
		.n_overlays = p->options.overlays.n,
	};
	int r = rootfs_open(&p->root, f);

	rootfs_files(&p->root, &p->files);
	if (r == 0)
		r = open_decisions(p, &settings, f);
	if (r == 0)
		r = pack_kernel_look(&p->kernel, f);
	if (r == 0)
		r = load(p, f);
	if (r == 0)
		r = decide_by_path(d, f);
	if (r == 0)
		r = decide_overlays(d, &settings, f);
	if (r == 0)
		r = pack_kernel_find(&p->kernel, &p->root, f);
	if (r == 0)
		r = decide_by_content(d, f);
	if (r == 0)
		r = decide_totals(d, f);
	if (r == 0)
		decide_warn(d);
	return r;
}

/* The payload's size stands in the boot part, which comes first, so it is written aside. */
static int write_payload(struct pack *p, struct fail *f)
{
	const struct rootfs_progress progress = { "packing", p->decisions.bytes };
	int r = payload_writer_open(p->payload.fd, p->options.out, p->options.compress,
				    &p->options.encode, &p->writer, f);

	if (r == 0)
		r = rootfs_write(&p->root, p->writer, p->options.newest, &progress, f);
	return r == 0 ? payload_writer_finish(p->writer, f) : r;
}

/* Reads what was written once more: only its Index tells where the Blocks are. */
static int fill_manifest(struct pack *p, struct fail *f)
{
	const struct payload_totals *t = payload_writer_totals(p->writer);
	struct payload payload = { .name = "the payload" };
	struct block_list blocks = { 0 };
	int copy = fcntl(p->payload.fd, F_DUPFD_CLOEXEC, 0), r;

	if (copy < 0 || payload_add(&payload, copy, 0, t->compressed) < 0)
		return fail_errno(f, copy < 0 ? errno : ENOMEM, payload.name, "cannot open it");
	r = block_list_read(&payload, &blocks, f);
	if (r == 0)
		r = payload_digests_read(&payload, &blocks, &p->manifest, f);
	treesize_tell(&t->tree, &p->manifest);
	p->manifest.has_vmlinuz_digest = out_is_open(&p->kernel.out);
	p->manifest.vmlinuz_digest = p->kernel.image.digest;
	snprintf(p->manifest.payload, sizeof(p->manifest.payload), "rootfs.tar%s",
		 p->options.compress->suffix);
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
static int read_modules(struct pack *p, struct fail *f)
{
	const char *asked = p->options.modules;
	_cleanup_free_ char *words = NULL;
	struct boot_modules_wish wish = { .words = asked,
					  .compress = p->options.stream && !p->options.dry_run };
	int r;

	if (!asked)
		return 0;
	if (p->options.stream) {
		if (asprintf(&words, "link,%s", *asked ? asked : "net") < 0)
			return fail_errno(f, ENOMEM, "the boot part", "cannot build it");
		wish.words = words;
	}
	r = boot_modules_add(&p->modules_part, &p->files.files, release_of_modules(p), &wish,
			     &p->modules, f);
	return r == -ENOENT && !*asked ? 0 : r;
}

/* The work may take minutes, in which the files of this machine may become others. */
static int read_programs(struct pack *p, struct fail *f)
{
	const struct bootpart_programs programs = { .init = p->init,
						    .busybox = p->busybox,
						    .fetcher = *p->fetcher ? p->fetcher : NULL,
						    .checker = *p->checker ? p->checker : NULL };

	return bootpart_add_programs(&p->programs_part, &programs, f);
}

/* Moves one part to the end of the other: it may be large. */
static int append(struct bootpart *b, struct bootpart *more, struct fail *f)
{
	int r = bootpart_append(b, more);

	bootpart_free(more);
	return r < 0 ? fail_errno(f, ENOMEM, "the boot part", "cannot build it") : 0;
}

static int write_boot_part(struct pack *p, struct fail *f)
{
	struct bootpart b = { 0 };
	int r = bootpart_start(&b, p->busybox && !p->options.shell, &p->manifest, f);

	if (r == 0)
		r = append(&b, &p->programs_part, f);
	if (r == 0)
		r = boot_keys_add(&p->keys, &b, f);
	if (r == 0)
		r = append(&b, &p->modules_part, f);
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
	const struct payload_totals *t = payload_writer_totals(p->writer);
	double seconds = (double)(now_usec() - p->start) / 1e6;
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX];

	decide_print(&p->decisions);
	printf("root     %s, %llu member%s, %s in RAM\n", size_format(a, t->tar),
	       (unsigned long long)t->tree.members, print_plural(t->tree.members),
	       size_format(b, t->tree.pages[0]));
	printf("payload  %s (%.1f %% of the root)\n", size_format(a, t->compressed),
	       t->tar ? 100.0 * (double)t->compressed / (double)t->tar : 0.0);
	print_line(stdout, "image    %s: %s, boot part %s", p->options.out,
		   size_format(a, t->compressed + p->boot_size), size_format(b, p->boot_size));
	if (p->has_kernel)
		print_line(stdout, "kernel   %s%s%s", p->kernel.path,
			   *p->kernel.image.release ? ": " : "", p->kernel.image.release);
	else if (p->kernel.was_there)
		print_line(stdout, "kernel   none; the one of the image before is %s.old now",
			   p->kernel.path);
	pack_uki_print(&p->uki, &p->options);
	if (p->modules.modules)
		printf("modules  %u, %s, and %u file%s of firmware, %s\n", p->modules.modules,
		       size_format(a, p->modules.size - p->modules.firmware_size),
		       p->modules.firmware, print_plural(p->modules.firmware),
		       size_format(b, p->modules.firmware_size));
	else if (!p->options.modules)
		puts("modules  none, not even for keyboards, consoles and zram");
	boot_keys_print(&p->keys);
	printf("time     %.1f s, %.1f MB/s\n", seconds,
	       seconds > 0 ? (double)t->tar / 1e6 / seconds : 0.0);
}

static void print_warnings(const struct pack *p)
{
	if (p->root.skipped)
		print_warning("%llu socket%s left out: no archive can hold them",
			      (unsigned long long)p->root.skipped, print_plural(p->root.skipped));
	if (p->modules.missing)
		print_warning(
			"%u modules that modules.dep names are not in the root: run depmod there",
			p->modules.missing);
	if (p->options.stream && p->modules.network == 0)
		print_warning("there is no network driver in the boot part: a machine can fetch "
			      "its root only with what the kernel has built in");
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
		r = kernel_config_of_root(&p->files.files, p->kernel.image.release, &config, &f);
	if (r < 0) {
		kernel_config_close(&config);
		r = kernel_config_open(is_path ? p->options.kernel : p->kernel.path, &config, &f);
		kernel_config_read_modules(&config, &p->files.files, p->kernel.image.release);
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

static void print_results(const struct pack *p)
{
	print_warnings(p);
	print_report(p);
	needs_print(&p->report.image, &p->report.needs);
	if (p->has_kernel)
		check_kernel(p, &p->report.image);
	if (p->options.json) {
		print_show_results();
		inspect_json(&p->report, stdout);
	}
}

/* What the image takes from this machine: programs of the root's kind. */
static int find_host_files(struct pack *p, struct fail *f)
{
	const char *shell = p->options.shell;
	int r = host_find_init(p->machine, p->init, f);

	if (r == 0 && p->keys.n)
		r = host_find_checker(p->machine, p->checker, f);
	if (r == 0 && !p->options.stream)
		return host_find_shell(shell, p->machine, &p->busybox, f);
	if (r == 0)
		r = host_find_fetcher(p->machine, p->fetcher, f);
	return r == 0 ? host_find_dhcp_client(shell, p->machine, &p->busybox, f) : r;
}

static int check_kernel_machine(const struct pack *p, struct fail *f)
{
	uint16_t kernel = p->kernel.image.machine;

	if (!kernel || kernel == p->machine)
		return 0;
	if (kernel == EM_386)
		return fail_set(f, ENOEXEC, "the kernel",
				"Install a 64-bit kernel in the root, or give one with --kernel: "
				"it runs 32-bit programs, too.",
				"it is for i386, the image's /init is for %s",
				program_machine_name(p->machine));
	return fail_set(f, ENOEXEC, "the kernel",
			"Give one of the root's kind with --kernel, or none.",
			"it is for %s, the root is for %s", program_machine_name(kernel),
			program_machine_name(p->machine));
}

/* All that can be known to fail before the root is compressed. */
static int prepare(struct pack *p, struct fail *f)
{
	int r = find_host_files(p, f);

	if (r == 0)
		r = read_programs(p, f);
	if (r == 0)
		r = check_kernel_machine(p, f);
	if (r == 0)
		r = pack_kernel_read(&p->kernel, &p->root, f);
	if (r == 0)
		r = pack_uki_open(&p->uki, &p->options, &p->files.files, p->machine, &p->kernel, f);
	if (r < 0)
		return r;
	kernel_find_modules(&p->files.files, &p->manifest);
	return read_modules(p, f);
}

static int write_uki(struct pack *p, struct fail *f)
{
	const struct pack_uki_parts parts = {
		.root = &p->files.files,
		.kernel = &p->kernel,
		.image = p->image.fd,
		.image_size = p->options.stream ? p->boot_size
						: (uint64_t)lseek(p->image.fd, 0, SEEK_CUR),
	};

	return pack_uki_write(&p->uki, &p->options, &parts, f);
}

/* What the image needs, and the report that was asked for, which is written aside. */
static int read_back(struct pack *p, struct fail *f)
{
	const struct pack_options *o = &p->options;
	int r = image_report_open_fd(p->image.fd, o->out, &p->report, f);

	if (r == 0 && (o->report || o->json))
		r = image_report_decode(&p->report, f);
	if (r < 0 || !o->report)
		return r;
	r = image_report_write(&p->report, o->report, &p->report_file, f);
	return r == 0 ? out_sync(&p->report_file, f) : r;
}

/* Each is complete, so that no failure but that of a rename leaves files of two roots. */
static int commit(struct pack *p, struct fail *f)
{
	int r;

	p->has_kernel = out_is_open(&p->kernel.out);
	r = out_commit_pair(&p->image, &p->kernel.out, p->kernel.path, f);
	if (r == 0)
		r = pack_uki_commit(&p->uki, f);
	return r == 0 && p->options.report ? out_commit(&p->report_file, f) : r;
}

static int pack_image(struct pack *p, struct fail *f)
{
	int r = prepare(p, f);

	if (r == 0)
		r = out_open(p->options.out, OUT_PRIVATE, &p->image, f);
	if (r == 0)
		r = out_open_unnamed(p->image.path, &p->payload, f);
	if (r < 0)
		return r;
	pack_kernel_warn(&p->kernel, &p->root);
	r = pack_kernel_copy(&p->kernel, f);
	if (r == 0)
		r = write_payload(p, f);
	if (r < 0)
		return r;
	root_warn_of_files(&p->files.files, p->manifest.init);
	r = fill_manifest(p, f);
	if (r == 0)
		r = write_boot_part(p, f);
	if (r == 0)
		r = image_write_payload(&p->image, p->payload.fd, p->manifest.payload,
					p->manifest.payload_bytes, f);
	if (r == 0)
		r = write_uki(p, f);
	if (r == 0)
		r = read_back(p, f);
	if (r == 0)
		r = commit(p, f);
	if (r == 0)
		print_results(p);
	return r;
}

static void tell_kernels(const struct pack *p)
{
	const struct kernel_list *found = &p->kernel.found;
	const char *booted = p->kernel.best ? p->kernel.best->path : NULL;
	struct root_name *n;

	for (const struct kernel_file *k = found->files; k < found->files + found->n; k++)
		if (root_tree_find(p->root.tree, k->path, false, &n) == 0)
			decide_tell_kernel(&p->decisions, k->path, rootfs_inode(&p->root, n)->size,
					   booted);
}

/* Says what would be packed, or why one path would be. */
static int pack_nothing(struct pack *p, struct fail *f)
{
	char size[SIZE_TEXT_MAX];
	int r;

	if (p->options.explain)
		return decide_explain(&p->decisions, p->kernel.best ? p->kernel.best->path : NULL,
				      f);
	tell_kernels(p);
	decide_print(&p->decisions);
	r = check_init(p, f);
	if (r < 0)
		return r;
	r = prepare(p, f);
	if (r < 0)
		return r;
	root_warn_of_files(&p->files.files, p->manifest.init);
	pack_kernel_warn(&p->kernel, &p->root);
	printf("root     %s, %llu member%s would be packed\n",
	       size_format(size, p->decisions.bytes), (unsigned long long)p->decisions.members,
	       print_plural(p->decisions.members));
	return 0;
}

static int check_output(const char *path, const char *const *others, size_t n, struct fail *f)
{
	int r = 0;

	for (size_t i = 0; r == 0 && i < n; i++)
		r = out_check(path, others[i], f);
	return r;
}

/* The copy of a kernel may replace that kernel: it is the same. */
static int check_inputs(const struct pack *p, const char *output, struct fail *f)
{
	const struct pack_options *o = &p->options;
	const bool is_copy = output == p->kernel.path;
	const bool has_kernel = strcmp(o->kernel, "auto") != 0 && strcmp(o->kernel, "none") != 0;
	const bool has_shell = o->shell && strcmp(o->shell, "auto") != 0;
	const char *const inputs[] = { o->root, o->secureboot_key, o->secureboot_cert,
				       has_kernel && !is_copy ? o->kernel : NULL,
				       has_shell ? o->shell : NULL };
	int r = check_output(output, inputs, ARRAY_SIZE(inputs), f);

	if (r == 0)
		r = check_output(output, (const char *const *)o->trust.strings, o->trust.n, f);
	return r == 0 ? check_output(output, (const char *const *)o->overlays.strings,
				     o->overlays.n, f)
		      : r;
}

/* What would fail only after the work. */
static int check_outputs(const struct pack *p, struct fail *f)
{
	const struct pack_options *o = &p->options;
	const bool has_kernel = o->out && strcmp(o->kernel, "none") != 0;
	const char *const outputs[] = { o->out, has_kernel ? p->kernel.path : NULL, o->report,
					o->uki };
	int r = 0;

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(outputs); i++) {
		if (!outputs[i])
			continue;
		r = check_inputs(p, outputs[i], f);
		if (r == 0)
			r = check_output(outputs[i], outputs, i, f);
	}
	return r;
}

static int read_keys(struct pack *p, struct fail *f)
{
	const struct pack_options *o = &p->options;
	int r = boot_keys_read(o->trust.strings, o->trust.n, &p->keys, f);

	if (o->manifest_min)
		strcpy(p->keys.not_before, o->manifest_min);
	return r;
}

/* To read a root may take minutes. */
static int check_given(const struct pack_options *o, struct fail *f)
{
	int r = host_check_shell(o->shell, f);

	for (size_t i = 0; r == 0 && i < o->overlays.n; i++)
		r = overlay_check_given(o->overlays.strings[i], o->root, f);
	return r;
}

static int pack(struct pack *p, struct fail *f)
{
	int r = check_outputs(p, f);

	if (r == 0)
		r = check_given(&p->options, f);
	if (r == 0)
		r = pack_uki_check(&p->options, f);
	if (r == 0)
		r = read_keys(p, f);
	if (r == 0)
		r = choose(p, f);
	if (r < 0 || p->options.dry_run)
		return r < 0 ? r : pack_nothing(p, f);
	r = check_init(p, f);
	return r == 0 ? pack_image(p, f) : r;
}

int command_pack(int argc, char **argv)
{
	struct pack p = { .start = now_usec() };
	struct fail f;
	int r = pack_options_parse(argc, argv, &p.options);

	if (r < 0)
		r = pack_kernel_open(&p.kernel, p.options.kernel, p.options.out, &f) < 0 ||
				    pack(&p, &f) < 0
			    ? print_failure(&f)
			    : EXIT_OK;
	payload_writer_free(p.writer);
	bootpart_free(&p.programs_part);
	bootpart_free(&p.modules_part);
	out_abandon(&p.payload);
	image_report_close(&p.report);
	out_abandon(&p.report_file);
	pack_uki_close(&p.uki);
	pack_kernel_close(&p.kernel);
	out_abandon(&p.image);
	decide_close(&p.decisions);
	rootfs_close(&p.root);
	manifest_free(&p.manifest);
	pack_options_free(&p.options);
	return r;
}
