/* Versions are directories that are written under a temporary name and renamed; links to them are replaced. */
#include "site/site_images.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "base/host_files.h"
#include "base/elfinfo.h"
#include "image/image_kernel.h"
#include "image/image_report.h"
#include "kernel/kernel.h"
#include "parameters/params.h"
#include "base/out.h"
#include "base/settings.h"
#include "base/util.h"
#include "site/site_copy.h"
#include "site/site_layers.h"
#include "site/site_line.h"
#include "site/site_sign.h"
#include "site/site_stream.h"

#define IMAGES "http/images/"
#define NEW ".new-" /* prefix of versions that are not complete */
#define COPY_SIZE (1 << 20)

/* ---- entry.conf ---- */

static void print_entry(FILE *out, const void *version)
{
	const struct site_version *v = version;

	fputs("# " SITE_MARK "; the menu is made of it\n", out);
	setting_print(out, "title", v->title);
	setting_print(out, "append", v->append);
	setting_print(out, "check", v->check);
	fprintf(out, "size = %llu\nmachine = %llu\nsplit = %s\n", (unsigned long long)v->size,
		(unsigned long long)v->machine, v->split ? "yes" : "no");
	if (v->has_keys)
		fputs("keys = yes\n", out);
	if (v->zram_machine)
		fprintf(out, "zram-machine = %llu\n", (unsigned long long)v->zram_machine);
	if (*v->payload)
		fprintf(out, "payload = %s\nfetched = %llu\nsigned = %s\n", v->payload,
			(unsigned long long)v->fetched, v->is_signed ? "yes" : "no");
	for (size_t i = 0; i < v->n_layers; i++)
		fprintf(out, "layer = %s#%s\n", v->layers[i].file, v->layers[i].digest);
	setting_print(out, "architecture", v->architecture);
	setting_print(out, "file", v->file);
}

static const char *copy_text(char *ret, size_t room, const char *value)
{
	return (size_t)snprintf(ret, room, "%s", value) < room ? NULL : "the value is too long";
}

static const char *read_number(uint64_t *ret, const char *value)
{
	char *end;

	errno = 0;
	*ret = strtoull(value, &end, 10);
	return *value < '0' || *value > '9' || *end || errno ? "it must be a number" : NULL;
}

static const char *read_layer(struct site_version *v, const char *value)
{
	if (v->n_layers == SITE_LAYERS_MAX)
		return "there are too many";
	if (!site_layer_parse(value, &v->layers[v->n_layers]))
		return "it must be a file with its digest";
	v->n_layers++;
	return NULL;
}

/* Returns NULL, or what is wrong. Names that a later version may write are ignored. */
static const char *set_entry(struct site_version *v, const char *name, const char *value)
{
	if (strcmp(name, "title") == 0)
		return copy_text(v->title, sizeof(v->title), value);
	if (strcmp(name, "append") == 0)
		return copy_text(v->append, sizeof(v->append), value);
	if (strcmp(name, "check") == 0)
		return copy_text(v->check, sizeof(v->check), value);
	if (strcmp(name, "architecture") == 0)
		return copy_text(v->architecture, sizeof(v->architecture), value);
	if (strcmp(name, "file") == 0)
		return copy_text(v->file, sizeof(v->file), value);
	if (strcmp(name, "payload") == 0)
		return copy_text(v->payload, sizeof(v->payload), value);
	if (strcmp(name, "layer") == 0)
		return read_layer(v, value);
	if (strcmp(name, "fetched") == 0)
		return read_number(&v->fetched, value);
	if (strcmp(name, "size") == 0)
		return read_number(&v->size, value);
	if (strcmp(name, "machine") == 0)
		return read_number(&v->machine, value);
	if (strcmp(name, "keys") == 0)
		v->has_keys = strcmp(value, "yes") == 0;
	if (strcmp(name, "signed") == 0)
		v->is_signed = strcmp(value, "yes") == 0;
	if (strcmp(name, "zram-machine") == 0)
		return read_number(&v->zram_machine, value);
	if (strcmp(name, "split") == 0)
		v->split = strcmp(value, "yes") == 0;
	return NULL;
}

static int read_entry(const char *path, struct site_version *ret, struct fail *f)
{
	_cleanup_settings_ struct settings lines = { 0 };
	struct setting line;
	const char *wrong = NULL;
	int r = settings_open(path, &lines, f);

	while (r == 0 && settings_next(&lines, &line)) {
		wrong = line.wrong   ? line.wrong
			: line.value ? set_entry(ret, line.name, line.value)
				     : "there is no =";
		r = wrong ? setting_fail(f, path, &line, wrong) : 0;
	}
	return r;
}

/* Reads the version that a link points to. If there is no link, ret->version is "". */
static int read_version(const struct site *s, const char *name, const char *link,
			struct site_version *ret, struct fail *f)
{
	char path[PATH_MAX], target[VERSION_MAX];
	ssize_t n = readlink(site_path(s, path, IMAGES "%s/%s", name, link), target,
			     sizeof(target) - 1);
	int r;

	*ret = (struct site_version){ 0 };
	if (n < 0)
		return 0;
	target[n] = '\0';
	r = read_entry(site_path(s, path, IMAGES "%s/%s/entry.conf", name, target), ret, f);
	if (r < 0)
		return r;
	strcpy(ret->version, target);
	return 0;
}

/* ---- links and directories ---- */

static int link_to(const struct site *s, const char *name, const char *link, const char *target,
		   struct fail *f)
{
	char path[PATH_MAX], aside[PATH_MAX];

	site_path(s, aside, IMAGES "%s/" NEW "%s", name, link);
	site_path(s, path, IMAGES "%s/%s", name, link);
	unlink(aside);
	if (symlink(target, aside) < 0 || rename(aside, path) < 0)
		return fail_errno(f, errno, path, "cannot create this link");
	return 0;
}

static int remove_tree(const char *path, struct fail *f)
{
	int r = host_remove_tree(path);

	return r < 0 ? fail_errno(f, r, path, "cannot remove it") : 0;
}

/* A version's directory begins with a digit. */
static int is_version(const struct dirent *e)
{
	return *e->d_name >= '0' && *e->d_name <= '9' && strlen(e->d_name) < VERSION_MAX;
}

static int is_new(const struct dirent *e)
{
	return strncmp(e->d_name, NEW, strlen(NEW)) == 0;
}

/* Removes the oldest versions beyond those to keep. */
static int prune(const struct site *s, const struct site_image *image, struct fail *f)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	unsigned kept = 0;
	int n = scandir(site_path(s, path, IMAGES "%s", image->name), &entries, is_version,
			alphasort),
	    r = 0;

	for (int i = n - 1; i >= 0; i--) { /* the newest first */
		const char *name = entries[i]->d_name;
		bool linked = strcmp(name, image->current.version) == 0 ||
			      strcmp(name, image->previous.version) == 0;

		if (r == 0 && !linked && kept >= s->versions)
			r = remove_tree(site_path(s, path, IMAGES "%s/%s", image->name, name), f);
		kept++;
		free(entries[i]);
	}
	free(entries);
	return r;
}

int site_read_image(const struct site *s, const char *name, struct site_image *ret, struct fail *f)
{
	int r;

	*ret = (struct site_image){ 0 };
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	r = read_version(s, name, "current", &ret->current, f);
	return r == 0 ? read_version(s, name, "previous", &ret->previous, f) : r;
}

/* ---- publishing ---- */

/* Chooses the name of a new version, which must sort after all others. The newest is the current or the previous one. */
static void name_version(const struct site_image *image, char ret[VERSION_MAX])
{
	time_t now = time(NULL);
	struct tm tm;

	do {
		gmtime_r(&now, &tm);
		strftime(ret, VERSION_MAX, "%Y%m%d-%H%M%S", &tm);
		now++;
	} while (strcmp(ret, image->current.version) <= 0 ||
		 strcmp(ret, image->previous.version) <= 0);
}

static int add_check(const char *path, char *ret, size_t room, struct fail *f)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	_cleanup_free_ uint8_t *block = malloc(COPY_SIZE);
	uint64_t crc = 0;
	ssize_t n = block && fd >= 0 ? 1 : -1;

	while (n > 0) {
		n = read(fd, block, COPY_SIZE);
		if (n > 0)
			crc = lzma_crc64(block, (size_t)n, crc);
	}
	snprintf(ret, room, "%016llx", (unsigned long long)crc);
	return n < 0 ? fail_errno(f, errno, path, "cannot read it") : 0;
}

static int check_files(const struct publishing *p, char ret[36], struct fail *f)
{
	int r = add_check(p->image, ret, 36, f);

	ret[16] = '-';
	return r == 0 ? add_check(p->kernel, ret + 17, 36 - 17, f) : r;
}

/* The kernel command line of a new version. A machine that fetches its root gets an address from the menu; one that has a
 * default of either kind gets that of its kind. */
static const char *choose_append(const struct publishing *p, const struct site_version *before)
{
	bool is_default = !*before->version || strcmp(before->append, SITE_DEFAULT_APPEND) == 0 ||
			  strcmp(before->append, SITE_DEFAULT_APPEND_STREAM) == 0;

	if (p->append)
		return p->append;
	if (!is_default)
		return before->append;
	return p->stream ? SITE_DEFAULT_APPEND_STREAM : SITE_DEFAULT_APPEND;
}

static void describe_sizes(const struct publishing *p, const struct image_report *report,
			   struct site_version *ret)
{
	const struct image *image = &report->image;
	const struct needs *n = &report->needs;
	uint64_t zram = p->stream ? n->zram_fetching_machine : n->zram_machine;

	*ret = (struct site_version){ .size = image->size,
				      .machine = p->stream ? n->fetching_machine : n->machine,
				      .split = p->split };
	ret->has_keys = report->keys.n > 0;
	if (zram < ret->machine)
		ret->zram_machine = zram;
	if (!p->stream)
		return;
	snprintf(ret->payload, sizeof(ret->payload), "root.tar%s", report->blocks.codec->suffix);
	ret->fetched = image->payload.size;
	ret->is_signed = p->sign;
	ret->size = image->size - image->payload.size;
}

/* What a machine loads or fetches of them counts as the rest of the image does. */
static void describe_layers(const struct publishing *p, struct site_version *ret)
{
	for (size_t i = 0; i < p->n_layers; i++) {
		const struct layer *l = &p->layers[i];
		struct site_layer *s = &ret->layers[ret->n_layers++];

		if (p->stream)
			snprintf(s->file, sizeof(s->file), "layer-%zu.tar%s", i + 1, l->suffix);
		else
			snprintf(s->file, sizeof(s->file), "layer-%zu.img", i + 1);
		digest_format(s->digest, &l->manifest.payload_digest);
		*(p->stream ? &ret->fetched : &ret->size) += l->payload.size;
		ret->machine += manifest_tree_bytes(&l->manifest, 4096);
	}
}

/* Also what was given for the version before. */
static int check_append(const char *append, struct fail *f)
{
	struct params params;
	struct fail wrong;

	if (!setting_can_hold(append))
		return fail_set(f, EINVAL, "--append", "Use one kind of quotes.",
				"it has quotes of both kinds, and begins with one or has a #");
	if (strlen(append) >= APPEND_MAX)
		return fail_set(f, E2BIG, "--append", "Shorten it.",
				"it may have %d characters, this one has %zu", APPEND_MAX - 1,
				strlen(append));
	if (!site_line_is_plain(append))
		return fail_set(f, EINVAL, "--append",
				"Use ASCII characters only, without && and ||, and ${ only in "
				"tarboot.layer=.",
				"an iPXE script cannot have this kernel line");
	if (params_parse(append, &params, &wrong) < 0 || params_check_known(&params, &wrong) < 0)
		return fail_set(f, EINVAL, "--append",
				"Correct it with --append: without that, the line of the version "
				"before is kept.",
				"%s: %s", wrong.what, wrong.why);
	return 0;
}

/* Fills in how the menu describes the new version. */
static int describe(const struct publishing *p, const struct image_report *report,
		    const struct site_version *before, struct site_version *ret, struct fail *f)
{
	const char *title = p->title ? p->title : *before->version ? before->title : p->name;
	const char *append = choose_append(p, before);
	uint16_t machine = image_machine(&report->image);

	describe_sizes(p, report, ret);
	describe_layers(p, ret);
	if (!text_is_plain(title) || strlen(title) >= 70 || *title == '-' || !*title)
		return fail_set(f, EINVAL, "--title",
				"Use at most 69 ASCII characters, without ${, && and ||, and no - "
				"at the beginning.",
				"a menu cannot show \"%s\"", title);
	if (!setting_can_hold(title))
		return fail_set(f, EINVAL, "--title", "Use one kind of quotes.",
				"it has quotes of both kinds, and begins with one or has a #");
	if (check_append(append, f) < 0 ||
	    boot_keys_check_line("--append", append, report->keys.n, f) < 0)
		return -f->error;
	strcpy(ret->title, title);
	strcpy(ret->append, append);
	snprintf(ret->file, sizeof(ret->file), "%s", site_file_of(p->image));
	if (machine)
		snprintf(ret->architecture, sizeof(ret->architecture), "%s",
			 program_machine_name(machine));
	return check_files(p, ret->check, f);
}

static bool has_same_layers(const struct site_version *a, const struct site_version *b)
{
	if (a->n_layers != b->n_layers)
		return false;
	for (size_t i = 0; i < a->n_layers; i++)
		if (strcmp(a->layers[i].digest, b->layers[i].digest) != 0)
			return false;
	return true;
}

static bool is_same(const struct site_version *a, const struct site_version *b)
{
	return has_same_layers(a, b) && strcmp(a->check, b->check) == 0 && a->split == b->split &&
	       a->is_signed == b->is_signed && strcmp(a->payload, b->payload) == 0 &&
	       strcmp(a->title, b->title) == 0 && strcmp(a->append, b->append) == 0;
}

static int write_entry(const struct site *s, const char *name, const char *directory,
		       const struct site_version *v, struct fail *f)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), IMAGES "%s/%s/entry.conf", name, directory);
	return site_print(s, path, print_entry, v, f);
}

static int make_version(const struct site *s, const struct publishing *p,
			const struct image_report *report, struct site_version *v, struct fail *f)
{
	char aside[PATH_MAX], path[PATH_MAX], directory[VERSION_MAX + 8];
	char current[PATH_MAX], previous[PATH_MAX];
	const char *const older[] = { site_path(s, current, IMAGES "%s/current", p->name),
				      site_path(s, previous, IMAGES "%s/previous", p->name) };
	int r;

	snprintf(directory, sizeof(directory), NEW "%s", v->version);
	out_guard_directory(site_path(s, aside, IMAGES "%s/%s", p->name, directory),
			    site_copy_files);
	r = write_entry(s, p->name, directory, v, f);
	if (r == 0)
		r = site_copy(p, &report->image, v, aside, older, f);
	if (r == 0 && v->is_signed)
		r = site_sign(p, &report->keys, v, aside, f);
	if (r == 0)
		r = site_layers_write(p, &report->keys, v, aside, f);
	if (r == 0 && rename(aside, site_path(s, path, IMAGES "%s/%s", p->name, v->version)) < 0)
		r = fail_errno(f, errno, path, "cannot create this directory");
	out_guard_directory(NULL, NULL);
	return r;
}

/* What a machine fetches of it. */
static int sign_again(const struct publishing *p, const struct boot_keys *keys,
		      const struct site_version *v, const char *directory, struct fail *f)
{
	int r = site_sign(p, keys, v, directory, f);

	for (size_t i = 0; r == 0 && i < v->n_layers; i++)
		r = site_sign_file(p, keys, v->version, directory, v->layers[i].file, f);
	return r;
}

static int publish(const struct site *s, const struct publishing *p,
		   const struct image_report *report, bool *ret_published, struct fail *f)
{
	struct site_version new;
	struct site_image image;
	char current[PATH_MAX];
	int r = site_read_image(s, p->name, &image, f);

	if (r == 0)
		r = describe(p, report, &image.current, &new, f);
	*ret_published = r == 0 && !is_same(&image.current, &new);
	if (r == 0 && !*ret_published && p->sign && *image.current.payload)
		r = sign_again(p, &report->keys, &image.current,
			       site_path(s, current, IMAGES "%s/current", p->name), f);
	if (*ret_published) {
		name_version(&image, new.version);
		r = site_stream_check(s, p->name, &new, f);
		if (r == 0)
			r = make_version(s, p, report, &new, f);
		if (r == 0 && *image.current.version)
			r = link_to(s, p->name, "previous", image.current.version, f);
		if (r == 0)
			r = link_to(s, p->name, "current", new.version, f);
		if (r == 0)
			r = site_read_image(s, p->name, &image, f);
		if (r == 0)
			r = prune(s, &image, f);
	}
	return r;
}

int site_publish(const struct site *s, const struct publishing *p, bool *ret_published,
		 struct fail *f)
{
	_cleanup_free_ char *kernel = NULL;
	struct publishing with_kernel = *p;
	struct image_report report;
	int r = image_report_open(p->image, &report, f);

	if (r < 0)
		return r;
	r = image_kernel_find(&report.image, p->kernel, &kernel, f);
	with_kernel.kernel = kernel;
	if (r == 0)
		r = publish(s, &with_kernel, &report, ret_published, f);
	image_report_close(&report);
	return r;
}

/* ---- what else is done with images ---- */

static int find_image(const struct site *s, const char *name, struct site_image *ret,
		      struct fail *f)
{
	int r = site_read_image(s, name, ret, f);

	if (r == 0 && !*ret->current.version)
		return fail_set(f, ENOENT, s->directory,
				"Its images are the directories in http/images.",
				"it has no image %s", name);
	return r;
}

int site_roll_back(const struct site *s, const char *name, struct fail *f)
{
	struct site_image image;
	int r = find_image(s, name, &image, f);

	if (r < 0)
		return r;
	if (!*image.previous.version)
		return fail_set(f, ENOENT, name, "Publish another version first.",
				"there is no previous version to go back to");
	r = link_to(s, name, "current", image.previous.version, f);
	return r == 0 ? link_to(s, name, "previous", image.current.version, f) : r;
}

/* Is it the default of the menu or of a machine? */
static bool is_booted(const struct site *s, const char *name)
{
	for (size_t i = 0; i < s->n_machines; i++)
		if (strcmp(s->machines[i].boot, name) == 0)
			return true;
	return strcmp(s->boot, name) == 0;
}

int site_remove(const struct site *s, const char *name, struct fail *f)
{
	struct site_image image;
	char path[PATH_MAX];
	int r = find_image(s, name, &image, f);

	if (r == 0 && is_booted(s, name))
		return fail_set(f, EBUSY, name, "Set another with --default or --boot first.",
				"it is the default of the menu or of a machine");
	return r == 0 ? remove_tree(site_path(s, path, IMAGES "%s", name), f) : r;
}

static int is_image(const struct dirent *e)
{
	return name_is_plain(e->d_name);
}

/* Deletes incomplete versions of one name, and the directory if it is empty then. */
static int sweep_name(const struct site *s, const char *name, struct fail *f)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	int n = scandir(site_path(s, path, IMAGES "%s", name), &entries, is_new, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = remove_tree(site_path(s, path, IMAGES "%s/%s", name,
						  entries[i]->d_name),
					f);
		free(entries[i]);
	}
	free(entries);
	(void)rmdir(site_path(s, path, IMAGES "%s", name));
	return r;
}

int site_sweep(const struct site *s, struct fail *f)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	int n = scandir(site_path(s, path, IMAGES), &entries, is_image, alphasort), r = 0;

	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = sweep_name(s, entries[i]->d_name, f);
		free(entries[i]);
	}
	free(entries);
	return r;
}

int site_images(const struct site *s, struct site_image **ret, size_t *ret_n, struct fail *f)
{
	char path[PATH_MAX];
	struct dirent **entries = NULL;
	int n = scandir(site_path(s, path, IMAGES), &entries, is_image, alphasort), r = 0;

	*ret_n = 0;
	*ret = calloc(n > 0 ? (size_t)n : 1, sizeof(**ret));
	if (!*ret)
		r = fail_errno(f, ENOMEM, path, "cannot list the images");
	for (int i = 0; i < n; i++) {
		if (r == 0)
			r = site_read_image(s, entries[i]->d_name, &(*ret)[*ret_n], f);
		if (r == 0 && *(*ret)[*ret_n].current.version)
			++*ret_n;
		free(entries[i]);
	}
	free(entries);
	return r;
}
