/* Versions are directories that are written under a temporary name and renamed; links to them are replaced. */
#include "site/site_publish.h"

#include <errno.h>
#include <lzma.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/elfinfo.h"
#include "base/read_all.h"
#include "base/settings.h"
#include "image/kernel_line_check.h"
#include "parameters/params.h"
#include "site/site_copy.h"
#include "site/site_file.h"
#include "site/site_images.h"
#include "site/site_layers.h"
#include "site/site_layers_check.h"
#include "site/site_line.h"
#include "site/site_stream.h"

#define COPY_SIZE (1 << 20)
#define VERSION_FORMAT "%Y%m%d-%H%M%S" /* UTC */

static int check_signed(const struct publishing *p, const struct signature_trust *keys,
			struct fail *f)
{
	if ((!p->stream && p->n_layers == 0) || p->sign || keys->n == 0)
		return 0;
	return fail_set(
		f, EPERM, p->image, "Give the secret key with --sign.",
		"its boot part has keys, so machines take its root, and layers, only with a "
		"signed manifest");
}

/* ---- what it is ---- */

static time_t next_second(const char *version)
{
	struct tm tm = { 0 };

	return strptime(version, VERSION_FORMAT, &tm) ? timegm(&tm) + 1 : 0;
}

/* Chooses the name of a new version, which must sort after all others, also where the clock was put back. The newest is the
 * current or the previous one. */
static void name_version(const struct site_image *image, char ret[VERSION_MAX])
{
	time_t now = time(NULL), current = next_second(image->current.version),
	       previous = next_second(image->previous.version);
	struct tm tm;

	if (now < current)
		now = current;
	if (now < previous)
		now = previous;
	gmtime_r(&now, &tm);
	strftime(ret, VERSION_MAX, VERSION_FORMAT, &tm);
}

static int add_check(int fd, const char *path, char *ret, size_t room, struct fail *f)
{
	_cleanup_free_ uint8_t *block = malloc(COPY_SIZE);
	uint64_t crc = 0;
	ssize_t n = block ? 1 : -1;

	for (off_t at = 0; n > 0; at += n) {
		n = pread(fd, block, COPY_SIZE, at);
		if (n > 0)
			crc = lzma_crc64(block, (size_t)n, crc);
	}
	snprintf(ret, room, "%016llx", (unsigned long long)crc);
	return n < 0 ? fail_errno(f, errno, path, "cannot read it") : 0;
}

static int check_files(const struct publishing *p, const struct image *image, char ret[36],
		       struct fail *f)
{
	int r = add_check(image_descriptor(image), image->path, ret, 36, f);

	ret[16] = '-';
	return r == 0 ? add_check(p->kernel->fd, p->kernel->path, ret + 17, 36 - 17, f) : r;
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

	*ret = (struct site_version){ .size = image->size + (uint64_t)p->kernel->seen.st_size,
				      .least_ram = p->stream ? n->fetching_machine : n->machine,
				      .split = p->split };
	ret->has_keys = report->keys.n > 0;
	ret->is_signed = p->sign && (p->stream || p->n_layers > 0);
	if (zram < ret->least_ram)
		ret->least_ram_with_zram = zram;
	if (!p->stream)
		return;
	snprintf(ret->payload, sizeof(ret->payload), "root.tar%s", report->blocks.codec->suffix);
	ret->fetched = image->payload.size;
	ret->size -= image->payload.size;
}

/* What a machine loads or fetches of them counts as the rest of the image does. */
static void describe_layers(const struct publishing *p, struct site_version *ret)
{
	for (size_t i = 0; i < p->n_layers; i++) {
		const struct layer *l = &p->layers[i];
		struct site_layer *s = &ret->layers[ret->n_layers++];

		site_layers_file(p, i, s->file);
		digest_format(s->digest, &l->manifest.payload_digest);
		*(p->stream ? &ret->fetched : &ret->size) += l->payload.size;
		ret->least_ram += layer_tree_bytes(&l->manifest);
		if (ret->least_ram_with_zram)
			ret->least_ram_with_zram += layer_tree_bytes(&l->manifest);
	}
}

static bool has_control(const char *text)
{
	for (; *text; text++)
		if ((unsigned char)*text < ' ' || *text == '\177')
			return true;
	return false;
}

static int check_quotes(const char *option, const char *text, struct fail *f)
{
	if (setting_can_hold(text))
		return 0;
	return fail_set(f, EINVAL, option, "Use one kind of quotes.",
			"it has quotes of both kinds, and begins with one or has a #");
}

/* Also what was given for the version before. */
static int check_append(const char *append, struct fail *f)
{
	struct params params;
	struct fail wrong;

	if (has_control(append))
		return fail_set(f, EINVAL, "--append", "Write it in one line, with blanks between.",
				"there is a tab, a line break or another control character in it");
	if (check_quotes("--append", append, f) < 0)
		return -f->error;
	if (strlen(append) >= APPEND_MAX)
		return fail_set(f, E2BIG, "--append", "Shorten it.",
				"it may have %d characters, this one has %zu", APPEND_MAX - 1,
				strlen(append));
	if (!site_line_is_plain(append))
		return fail_set(
			f, EINVAL, "--append",
			"Use ASCII characters only, without the words &&, || and ; and those "
			"that begin with #, and ${ only in tarboot.layer=, with the "
			"variables of layers.",
			"an iPXE script cannot have this kernel line");
	if (site_line_has_open_quote(append))
		return fail_set(f, EINVAL, "--append", "Write the double quote that ends it.",
				"a double quote is not closed, so words behind it would be part of "
				"its value");
	if (site_line_has_blanks_in_quotes(append))
		return fail_set(f, EINVAL, "--append", "Write one blank there.",
				"it has two blanks in quotes, of which iPXE makes one");
	if (params_parse(append, &params, &wrong) < 0 || params_check_known(&params, 0, &wrong) < 0)
		return fail_set(f, EINVAL, "--append",
				"Correct it with --append: without that, the line of the version "
				"before is kept.",
				"%s: %s", wrong.what, wrong.why);
	return 0;
}

static const char *choose_title(const struct publishing *p, const struct site_version *before)
{
	return p->title ? p->title : *before->version ? before->title : p->name;
}

static int check_title(const char *title, struct fail *f)
{
	if (!text_is_plain(title) || strlen(title) >= 70 || *title == '-' || !*title)
		return fail_set(
			f, EINVAL, "--title",
			"Use at most 69 ASCII characters, without ${, the words &&, || and ; "
			"and those that begin with #, and no - at the beginning.",
			"a menu cannot show \"%s\"", title);
	return check_quotes("--title", title, f);
}

/* Checks the title and the kernel line of a version that follows this one; n_keys: how many keys its boot part has. */
static int check_texts(const struct publishing *p, const struct site_version *before, size_t n_keys,
		       struct fail *f)
{
	const char *append = choose_append(p, before);
	int r = check_title(choose_title(p, before), f);

	if (r == 0)
		r = check_append(append, f);
	return r == 0 ? kernel_line_check("--append", append, n_keys, f) : r;
}

int site_draft_check(const struct site *s, const struct publishing *p,
		     const struct signature_trust *keys, struct fail *f)
{
	struct site_image image;
	int r = check_signed(p, keys, f);

	if (r == 0)
		r = site_read_image(s, p->name, &image, f);
	return r == 0 ? check_texts(p, &image.current, keys->n, f) : r;
}

/* Fills in how the menu describes the new version. */
static int describe(const struct publishing *p, const struct image_report *report,
		    const struct site_version *before, struct site_version *ret, struct fail *f)
{
	uint16_t machine = image_machine(&report->image);

	describe_sizes(p, report, ret);
	describe_layers(p, ret);
	if (check_texts(p, before, report->keys.n, f) < 0)
		return -f->error;
	strcpy(ret->title, choose_title(p, before));
	strcpy(ret->append, choose_append(p, before));
	snprintf(ret->file, sizeof(ret->file), "%s", site_file_of(p->image));
	if (machine)
		snprintf(ret->architecture, sizeof(ret->architecture), "%s",
			 program_machine_name(machine));
	return check_files(p, &report->image, ret->check, f);
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

/* ---- making it ---- */

static int add_to_sign(struct site_draft *d, struct signing *signing, struct fail *f)
{
	const struct signature_trust *keys = &d->keys;
	size_t n_keys = keys->n > 0;
	char file[SITE_LAYER_FILE_MAX];
	int r = 0;

	signing_tell(signing, d->p.name, d->version.version);
	if (*d->version.payload)
		r = signing_add(signing, d->aside, d->version.payload, &keys, n_keys, f);
	for (size_t i = 0; r == 0 && i < d->p.n_layers; i++)
		r = signing_add(signing, d->aside, site_layers_archive(&d->p, i, file), &keys,
				n_keys, f);
	return r;
}

static int make_new(const struct site *s, const struct image_report *report, struct site_draft *d,
		    struct fail *f)
{
	char current[PATH_MAX], previous[PATH_MAX];
	const char *const older[] = { site_path(s, current, SITE_IMAGES "%s/current", d->p.name),
				      site_path(s, previous, SITE_IMAGES "%s/previous",
						d->p.name) };
	int r = site_stream_check(s, d->p.name, &d->version, f);

	if (r == 0)
		r = site_write_entry(s, d->p.name, site_file_of(d->aside), &d->version, f);
	if (r == 0)
		r = site_copy(&d->p, &report->image, &d->version, d->aside, older, f);
	return r == 0 ? site_layers_write(&d->p, d->aside, f) : r;
}

/* What a machine fetches is signed by the manifest beside it. */
static int copy_manifest(const struct site *s, const struct site_draft *d, const char *file,
			 struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	char from[PATH_MAX], to[PATH_MAX];
	size_t size;
	int r = read_file(site_path(s, from, SITE_IMAGES "%s/current/%s.manifest", d->p.name, file),
			  &text, &size);

	if (r < 0)
		return fail_errno(f, r, from, "cannot read it");
	if (snprintf(to, sizeof(to), "%s/%s.manifest", d->aside, file) >= PATH_MAX)
		return fail_errno(f, ENAMETOOLONG, d->aside, "cannot create files in it");
	return out_replace(to, OUT_PUBLISHED, text, size, f);
}

/* Only manifests; those of a boot loader's layers, which the initrds have in them, are made again. */
static int make_again(const struct site *s, struct site_draft *d, struct fail *f)
{
	const struct site_version *v = &d->version;
	int r = mkdir(d->aside, 0755) < 0
			? fail_errno(f, errno, d->aside, "cannot create this directory")
			: 0;

	if (!*v->payload)
		return r == 0 ? site_layers_write(&d->p, d->aside, f) : r;
	if (r == 0)
		r = copy_manifest(s, d, v->payload, f);
	for (size_t i = 0; r == 0 && i < v->n_layers; i++)
		r = copy_manifest(s, d, v->layers[i].file, f);
	return r;
}

static int make(const struct site *s, const struct image_report *report, struct site_draft *d,
		struct signing *signing, struct fail *f)
{
	int r;

	if (d->is_new)
		name_version(&d->image, d->version.version);
	else
		strcpy(d->version.version, d->image.current.version);
	site_path(s, d->aside, SITE_IMAGES "%s/" SITE_NEW "%s", d->p.name, d->version.version);
	d->guard = (struct out_guard){ .path = d->aside };
	out_guard_add(&d->guard);
	r = d->is_new ? make_new(s, report, d, f) : make_again(s, d, f);
	return r == 0 && d->version.is_signed ? add_to_sign(d, signing, f) : r;
}

/* Is the current version, which is the same, still on the disk? */
static bool is_whole(const struct site *s, const struct image *image, const struct site_draft *d)
{
	const struct site_version *v = &d->image.current;
	char current[PATH_MAX];

	site_path(s, current, SITE_IMAGES "%s/current", d->p.name);
	return site_copy_is_whole(&d->p, image, v, current) &&
	       site_layers_are_whole(current, v->layers, v->n_layers);
}

int site_draft_make(const struct site *s, const struct publishing *p,
		    const struct image_report *report, struct signing *signing,
		    struct site_draft *d, struct fail *f)
{
	int r;

	*d = (struct site_draft){ .p = *p };
	r = site_read_image(s, d->p.name, &d->image, f);
	if (r == 0)
		r = describe(&d->p, report, &d->image.current, &d->version, f);
	if (r < 0)
		return r;
	d->keys = report->keys;
	boot_keys_apply_line(&d->keys, d->version.append);
	d->is_new = !is_same(&d->image.current, &d->version);
	d->was_damaged = !d->is_new && !is_whole(s, &report->image, d);
	d->is_new = d->is_new || d->was_damaged;
	d->is_signed_again = !d->is_new && d->version.is_signed;
	return d->is_new || d->is_signed_again ? make(s, report, d, signing, f) : 0;
}

int site_draft_seal(const struct site_draft *d, struct fail *f)
{
	return !*d->version.payload && (d->is_new || d->is_signed_again)
		       ? site_layers_seal(&d->p, d->aside, f)
		       : 0;
}

/* ---- publishing it ---- */

static int publish_new(const struct site *s, struct site_draft *d, struct fail *f)
{
	const char *name = d->p.name;
	char path[PATH_MAX];
	int r = 0;

	if (rename(d->aside, site_path(s, path, SITE_IMAGES "%s/%s", name, d->version.version)) < 0)
		r = fail_errno(f, errno, path, "cannot create this directory");
	if (r == 0 && *d->image.current.version && !d->was_damaged)
		r = site_link_to(s, name, "previous", d->image.current.version, f);
	if (r == 0)
		r = site_link_to(s, name, "current", d->version.version, f);
	return r == 0 ? site_read_image(s, name, &d->image, f) : r;
}

static int replace(const struct site *s, const struct site_draft *d, const char *file,
		   const char *suffix, struct fail *f)
{
	char from[PATH_MAX], to[PATH_MAX];

	site_path(s, to, SITE_IMAGES "%s/current/%s%s", d->p.name, file, suffix);
	if (snprintf(from, sizeof(from), "%s/%s%s", d->aside, file, suffix) >= PATH_MAX ||
	    rename(from, to) < 0)
		return fail_errno(f, errno, to, "cannot replace it");
	return 0;
}

/* Signatures of what machines fetch, or initrds. A server that is sending the old file to a machine goes on with the old file. */
static int publish_again(const struct site *s, const struct site_draft *d, struct fail *f)
{
	const struct site_version *v = &d->version;
	const char *suffix = *v->payload ? ".manifest" SIGNATURE_SUFFIX : "";
	int r = *v->payload ? replace(s, d, v->payload, suffix, f) : 0;

	for (size_t i = 0; r == 0 && i < v->n_layers; i++)
		r = replace(s, d, v->layers[i].file, suffix, f);
	return r == 0 ? site_remove_tree(d->aside, f) : r;
}

int site_draft_publish(const struct site *s, struct site_draft *d, struct fail *f)
{
	int r = d->is_new ? publish_new(s, d, f) : d->is_signed_again ? publish_again(s, d, f) : 0;

	out_guard_remove(&d->guard);
	return r;
}

void site_draft_free(struct site_draft *d)
{
	out_guard_remove(&d->guard);
	*d = (struct site_draft){ 0 };
}
