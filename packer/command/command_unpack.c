/* tarboot unpack and tarboot verify: run the engine of the boot on the host. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libgen.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "command/command.h"
#include "command/option_values.h"
#include "command/unpack_input.h"
#include "image/embedded_layers.h"
#include "image/image_unpack.h"
#include "image/image.h"
#include "image/image_verify.h"
#include "image/layered_root.h"
#include "image/members.h"
#include "image/uki_verify.h"
#include "base/memory.h"
#include "base/options.h"
#include "base/print.h"
#include "base/size.h"

static long arg_threads;                    /* 0 = all CPUs */
static const char *arg_manifest;            /* NULL = that beside the payload */
static char *arg_trust[SIGNATURE_KEYS_MAX]; /* files with keys */
static size_t n_trust;                      /* 0 = signed or not */
static struct signature_trust trusted;      /* these keys */
static const char *arg_cert;                /* NULL = nobody's */
static bool arg_quiet;

#define OPTION_THREADS                                                                  \
	{                                                                               \
		.name = "threads", .letter = 'T', .value = "N", .number = &arg_threads, \
		.least = 1, .most = 1024, .help = "use N threads (default: all CPUs)"   \
	}

/* value: of argv. */
static int add_trust(const char *command, const char *value, const char *typed)
{
	if (n_trust == SIGNATURE_KEYS_MAX)
		return print_usage_error(command, "%s: it may stand %d times", typed,
					 SIGNATURE_KEYS_MAX);
	arg_trust[n_trust++] = (char *)(uintptr_t)value;
	return EXIT_OK;
}

static int set_manifest_min(const char *command, const char *value, const char *typed)
{
	int r = option_date(command, typed, value);

	if (r == EXIT_OK)
		strcpy(trusted.not_before, value);
	return r;
}

#define OPTION_MANIFEST_MIN                                                       \
	{                                                                         \
		.name = "manifest-min", .value = "DATE", .set = set_manifest_min, \
		.help = "with --trust: refuse what was signed before DATE, as "   \
			"2026-11-29 or 2026-11-29T21:15:00Z"                      \
	}

static const struct option_spec unpack_options[] = {
	OPTION_THREADS,
	{ .name = "trust",
	  .value = "FILE.pub",
	  .set = add_trust,
	  .help = "take a manifest only if this minisign key, or another given so, has signed it "
		  "(TAR.manifest.minisig, URL.manifest.minisig); may stand several times" },
	OPTION_MANIFEST_MIN,
	OPTION_QUIET(.flag = &arg_quiet),
	OPTION_HELP,
	OPTIONS_END,
};

static const struct option_spec verify_options[] = {
	OPTION_THREADS,
	{ .name = "manifest",
	  .value = "FILE",
	  .text = &arg_manifest,
	  .help = "check TAR or URL against this manifest (default: TAR.manifest, URL.manifest)" },
	{ .name = "trust",
	  .value = "FILE.pub",
	  .set = add_trust,
	  .help = "take a manifest only if this minisign key, or another given so, has signed it "
		  "(TAR.manifest.minisig, URL.manifest.minisig); of an image: check that its boot "
		  "part takes only what these have signed; may stand several times" },
	OPTION_MANIFEST_MIN,
	{ .name = "secureboot-cert",
	  .value = "FILE",
	  .text = &arg_cert,
	  .help = "check that a unified kernel image is signed with the key of this certificate "
		  "(PEM), by sbverify" },
	OPTION_QUIET(.flag = &arg_quiet),
	OPTION_HELP,
	OPTIONS_END,
};

#define ABOUT_STDIN                                                                              \
	"If IMAGE is -, it is read from standard input; a pipe is first copied to a file in "    \
	"TMPDIR.\n\n"                                                                            \
	"If IMAGE is a URL, http://SERVER/PATH, it is fetched; several with commas between are " \
	"the same file on several servers. With URL.manifest beside it, as tarboot-netboot "     \
	"publishes it, each Block is checked and unpacked as soon as it is there; without, the " \
	"whole file is fetched into TMPDIR first. The environment's http_proxy, all_proxy and "  \
	"no_proxy are respected, as by curl."

const struct command_usage usage_unpack = {
	.command = "unpack",
	.synopsis = "unpack IMAGE|TAR|UKI|URL DIR [OPTION]...",
	.about = "Unpacks the root of an image into DIR, with the same code as at boot. DIR is "
		 "created if it does not exist. Only root can restore owners, devices "
		 "and capabilities: for others, what the archive gives to another owner becomes "
		 "theirs, without setuid and setgid bits, and a warning says so.\n\n" ABOUT_STDIN,
	.options = unpack_options,
};

const struct command_usage usage_verify = {
	.command = "verify",
	.synopsis = "verify IMAGE|TAR|UKI|URL [OPTION]...",
	.about = "Checks every byte of an image: the digests of boot part and payload, every Block "
		 "by decoding it, and the numbers in the manifest. Writes nothing.\n\n"
		 "If TAR.manifest lies beside TAR, as tarboot-netboot publishes it, TAR is checked "
		 "against it.\n\nOf a unified kernel image its kernel is checked, too, and that "
		 "its signature is of all of its bytes.\n\n" ABOUT_STDIN,
	.options = verify_options,
};

static void warn_of_owners(const struct tree_losses *l)
{
	char set_id[80] = "";

	if (l->owners == 0)
		return;
	if (l->set_id)
		snprintf(set_id, sizeof(set_id), ", nor the setuid and setgid bits of %llu of them",
			 (unsigned long long)l->set_id);
	print_warning("owner and group of %llu file%s were not kept%s: run it as root to keep them",
		      (unsigned long long)l->owners, print_plural(l->owners), set_id);
}

static void warn_of_losses(const struct tree_losses *l)
{
	warn_of_owners(l);
	if (l->count)
		print_warning(
			"%llu extended attribute%s could not be stored here, the first was %s",
			(unsigned long long)l->count, print_plural(l->count), l->first);
	if (l->unknown)
		print_warning("%llu ACL%s lost, the first of %s: etc/passwd and etc/group there do "
			      "not have the users or groups that are named (archive with tar "
			      "--numeric-owner)",
			      (unsigned long long)l->unknown, print_plural(l->unknown),
			      l->first_unknown);
}

static void print_result(const struct unpack_result *r, uint64_t usec, const char *done)
{
	char size[SIZE_TEXT_MAX], peak[SIZE_TEXT_MAX];
	char decoder[SIZE_TEXT_MAX], pool[SIZE_TEXT_MAX], names[SIZE_TEXT_MAX];

	warn_of_losses(&r->losses);
	printf("%s: %s, %llu member%s, %llu block%s, %u thread%s, %.2f s, %.0f MB/s\n", done,
	       size_format(size, r->bytes), (unsigned long long)r->members,
	       print_plural(r->members), (unsigned long long)r->blocks, print_plural(r->blocks),
	       r->threads, print_plural(r->threads), (double)usec / 1e6,
	       usec ? (double)r->bytes / (double)usec : 0.0);
	printf("memory: %s of at most %s (%u decoder%s of %s, pool of %s%s%s)\n",
	       size_format(peak, memory_own_peak()), size_format(size, r->plan.memory + r->names),
	       r->plan.decoders, print_plural(r->plan.decoders),
	       size_format(decoder, r->plan.decoder), size_format(pool, r->plan.pool),
	       r->names ? ", names " : "", r->names ? size_format(names, r->names) : "");
	if (r->unchecked && r->unchecked == r->blocks)
		puts("not checked: the payload has no integrity check: damage may go unnoticed");
	else if (r->unchecked)
		printf("not checked: %llu of %llu Blocks, which have no integrity check\n",
		       (unsigned long long)r->unchecked, (unsigned long long)r->blocks);
}

static int unpack_into(const struct image *image, int root_fd, struct fail *f)
{
	struct unpack_options how = { .root_fd = root_fd,
				      .threads = (unsigned)arg_threads,
				      .discard = image->payload.arrival,
				      .hold = true };
	struct unpack_result result;
	struct embedded_layers layers;
	uint64_t start = now_usec();
	int r = embedded_layers_open(image, NULL, &layers, f);

	if (r < 0)
		return r;
	how.layers = layers.layers;
	how.n_layers = layers.n;
	r = image_unpack(image, &how, "unpacking", &result, f);
	if (r == 0)
		print_result(&result, now_usec() - start, "unpacked");
	if (r == 0)
		embedded_layers_print(&layers);
	embedded_layers_close(&layers);
	return r;
}

static int is_other(const struct dirent *e)
{
	return strcmp(e->d_name, ".") != 0 && strcmp(e->d_name, "..") != 0 &&
	       strcmp(e->d_name, "lost+found") != 0;
}

static bool is_empty(const char *directory)
{
	struct dirent **entries = NULL;
	int n = scandir(directory, &entries, is_other, NULL), left = n;

	while (left > 0)
		free(entries[--left]);
	free(entries);
	return n <= 0;
}

/* Where the root goes. */
struct target {
	const char *directory;
	int fd;
	bool made, was_empty, is_touched;
};

/* After what failed was said: what stays of the attempt. */
static void tell_rest(const struct target *t)
{
	if (t->made && rmdir(t->directory) == 0)
		return;
	if (t->is_touched && !t->was_empty)
		print_warning("%s may have files that were unpacked before the error",
			      t->directory);
	else if (t->is_touched && !is_empty(t->directory))
		print_warning("%s keeps what was unpacked before the error: delete it",
			      t->directory);
}

/* Opens DIR, which must not be the root of the running system. */
static int open_directory(const char *directory, int *ret, struct fail *f)
{
	_cleanup_close_ int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	struct stat st, root;

	if (fd < 0)
		return fail_errno(f, errno, directory, "cannot open this directory");
	if (fstat(fd, &st) == 0 && stat("/", &root) == 0 && st.st_dev == root.st_dev &&
	    st.st_ino == root.st_ino)
		return fail_set(f, EINVAL, directory, "Give another directory.",
				"it is the root of the running system, whose files would be "
				"replaced");
	*ret = take_fd(&fd);
	return 0;
}

static int fail_make(const struct target *t, int error, struct fail *f)
{
	return fail_set(f, error, t->directory,
			error == ENOENT ? "Create the directory above it first." : NULL,
			"cannot create this directory: %s", strerror(error));
}

static int make_directory(struct target *t, struct fail *f)
{
	t->made = mkdir(t->directory, 0755) == 0;
	return t->made || errno == EEXIST ? 0 : fail_make(t, errno, f);
}

static int open_target(struct target *t, struct fail *f)
{
	int r = make_directory(t, f);

	return r == 0 ? open_directory(t->directory, &t->fd, f) : r;
}

/* Before the image, which may have to be fetched: can DIR be opened, or else made? */
static int check_target(const struct target *t, struct fail *f)
{
	_cleanup_free_ char *copy = strdup(t->directory);
	_cleanup_close_ int fd = -1;

	if (!copy)
		return fail_errno(f, ENOMEM, t->directory, "cannot create this directory");
	if (access(t->directory, F_OK) == 0 || errno != ENOENT)
		return open_directory(t->directory, &fd, f);
	return access(dirname(copy), W_OK | X_OK) < 0 ? fail_make(t, errno, f) : 0;
}

static int unpack(const struct image *image, struct target *t, struct fail *f)
{
	t->was_empty = t->made || is_empty(t->directory);
	if (!t->was_empty && image_has_layers(image))
		return fail_set(f, ENOTEMPTY, t->directory, "Give an empty directory.",
				"it is not empty, and the layers of the image may delete what is "
				"there");
	if (!t->was_empty)
		print_warning("%s is not empty: files of the same names are replaced",
			      t->directory);
	t->is_touched = true;
	return unpack_into(image, t->fd, f);
}

static int decode(const struct image *image, const struct embedded_layers *layers,
		  struct unpack_result *ret, struct fail *f)
{
	struct treesize size = { 0 };
	const struct unpack_options how = { .root_fd = -1,
					    .hold = true,
					    .discard = image->payload.arrival,
					    .threads = (unsigned)arg_threads,
					    .layers = layers->layers,
					    .n_layers = layers->n,
					    .member = treesize_take_member,
					    .data = treesize_take_data,
					    .member_arg = &size };
	int r = layered_root_verify(image, &how, "verifying", ret, f);

	return r == 0 ? image_verify_numbers(image, &size, f) : r;
}

/* Digests first, because they tell which Block is damaged, and nothing else checks the boot part. Of what arrives each Block is
 * checked before it is decoded. */
static int verify_image(const struct image *image, struct embedded_layers *layers,
			struct unpack_result *ret, struct fail *f)
{
	int r = image->payload.arrival || image->is_layers ? 0 : image_verify_bytes(image, f);

	if (r == 0)
		r = embedded_layers_open(image, image->is_layers && n_trust ? &trusted : NULL,
					 layers, f);
	if (r < 0)
		return r;
	return image_has_root(image) ? decode(image, layers, ret, f)
				     : embedded_layers_verify(layers, (unsigned)arg_threads, f);
}

static void print_digests(const struct image *image)
{
	const char *lacks = image_verify_lacks(image);
	size_t others = image_verify_others(image);

	if (image->payload.arrival) {
		puts("digests: right: manifest, each Block");
		return;
	}
	if (lacks) {
		printf("digests: none checked: %s\n", lacks);
		return;
	}
	printf("digests: right: manifest%s%s\n",
	       image_verify_has_boot_part(image) ? ", boot part" : "",
	       image->is_boot_part ? "" : ", each Block and the whole payload");
	if (image->is_boot_part)
		printf("not checked: the root, which is not in it: the machine fetches it%s, and "
		       "checks each Block\n",
		       image_find_member(image, MEMBER_SIGNATURE)
			       ? ", or another that a key in it has signed"
			       : "");
	if (others)
		printf("not checked: %zu other cpio archive%s in this file, for which the "
		       "manifest has no digest\n",
		       others, print_plural(others));
}

static void print_verdict(const struct uki_verdict *v)
{
	if (v->has_kernel)
		puts("kernel: right: the one of the manifest");
	if (v->has_cert)
		puts("signature: right: of every byte, with the key of that certificate");
	else if (v->has_signature)
		puts("signature: of every byte; --secureboot-cert tells whether it is yours");
	else
		puts("not checked: stub, kernel command line and os-release: it is not signed");
}

static void print_verified(const struct image *image, const struct embedded_layers *layers,
			   struct unpack_result *result, uint64_t usec)
{
	if (!image->payload.arrival && !image_verify_lacks(image) && layers->n == 0)
		result->unchecked = 0; /* each Block had its digest */
	if (image_has_root(image))
		print_result(result, usec, "whole");
	embedded_layers_print(layers);
	if (!image->is_layers)
		print_digests(image);
}

/* The archive is in the image, and the image in the unified kernel image. */
static int verify(const struct image *image, struct fail *f)
{
	struct embedded_layers layers = { 0 };
	struct unpack_result result;
	struct uki_verdict verdict;
	uint64_t start = now_usec();
	int r = image->uki ? uki_verify(image, arg_cert, &verdict, f) : 0;

	if (!image->uki && arg_cert)
		return fail_set(f, EINVAL, image->path, "Leave out --secureboot-cert.",
				"it is no unified kernel image, and only these are signed");
	if (r == 0)
		r = verify_image(image, &layers, &result, f);
	if (r == 0)
		print_verified(image, &layers, &result, now_usec() - start);
	if (r == 0 && image->uki)
		print_verdict(&verdict);
	embedded_layers_close(&layers);
	return r;
}

static int check_trust(const char *command)
{
	return *trusted.not_before && n_trust == 0
		       ? print_usage_error(command, "--manifest-min counts only with --trust")
		       : EXIT_OK;
}

/* Returns -1 to go on, else an exit code. */
static int parse_options(const struct command_usage *u, int argc, char **argv, const char *wanted,
			 size_t n_wanted, struct command_line *ret)
{
	int r = options_parse(u, argc, argv, ret);

	if (r >= 0)
		return r;
	r = options_expect(u->command, wanted, n_wanted, ret->n_arguments);
	if (r == EXIT_OK)
		r = check_trust(u->command);
	if (r == EXIT_OK && arg_quiet)
		r = print_quietly();
	return r == EXIT_OK ? -1 : r;
}

static int read_trusted(struct fail *f)
{
	char not_before[SIGNATURE_DATE_MAX];
	int r;

	strcpy(not_before, trusted.not_before);
	r = boot_keys_read(arg_trust, n_trust, &trusted, f);
	strcpy(trusted.not_before, not_before);
	return r;
}

/* Of the comment of its signature, which may have none of it. */
static void print_about(const struct signature_about *a)
{
	char id[SIGNATURE_ID_TEXT_MAX];

	signature_id_format(id, a->key);
	if (!*a->name && !*a->version && !*a->date)
		print_line(
			stdout,
			"manifest: signed with key %s, whose comment has neither a name nor a date",
			id);
	else
		print_line(stdout, "manifest: signed with key %s:%s%s%s%s%s%s", id,
			   *a->name ? " " : "", a->name, *a->version ? " " : "", a->version,
			   *a->date ? " of " : ", without a date", a->date);
}

static void print_signer(const struct input *in)
{
	if (in->is_signed)
		print_about(&in->signer);
	else if (n_trust && !in->image->is_layers)
		puts("keys: right: its boot part takes only a root that is signed with one of "
		     "these");
}

int command_unpack(int argc, char **argv)
{
	struct command_line line;
	struct target target = { .fd = -1 };
	struct input in = { 0 };
	struct fail f;
	int r = parse_options(&usage_unpack, argc, argv, "an IMAGE and a DIR", 2, &line);

	if (r >= 0)
		return r;
	target.directory = line.arguments[1];
	r = read_trusted(&f);
	if (r == 0)
		r = check_target(&target, &f);
	if (r == 0)
		r = input_open(&in, line.arguments[0], n_trust ? &trusted : NULL, &f);
	if (r == 0)
		r = open_target(&target, &f);
	if (r == 0)
		r = unpack(in.image, &target, &f);
	if (r == 0)
		print_signer(&in);
	input_close(&in);
	cleanup_close(&target.fd);
	if (r == 0)
		return EXIT_OK;
	print_failure(&f);
	tell_rest(&target);
	return EXIT_FAILED;
}

int command_verify(int argc, char **argv)
{
	struct command_line line;
	struct input in = { .for_check = true };
	struct fail f;
	int r = parse_options(&usage_verify, argc, argv, "one IMAGE", 1, &line);

	if (r >= 0)
		return r;
	in.manifest = arg_manifest;
	r = read_trusted(&f);
	if (r == 0)
		r = input_open(&in, line.arguments[0], n_trust ? &trusted : NULL, &f);
	if (r == 0)
		r = verify(in.image, &f);
	if (r == 0)
		print_signer(&in);
	input_close(&in);
	return r < 0 ? print_failure(&f) : EXIT_OK;
}
