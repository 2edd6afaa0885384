/* One file for each key, which has the key's id for a name: the same key twice is one. */
#include "image/boot_keys.h"

#include <errno.h>
#include <sodium/utils.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/read_all.h"
#include "parameters/params.h"

#define KEY_BYTES (2 + SIGNATURE_ID_SIZE + 32) /* as a file of minisign's has it in base64 */
#define NAME_SIZE (sizeof(SIGNATURE_KEYS_DIR "/" SIGNATURE_KEY_SUFFIX) + SIGNATURE_ID_TEXT_MAX)

/* ---- files ---- */

/* The one with that id, or NULL. */
static const struct signature_key *find(const struct signature_trust *trust,
					const struct signature_key *key)
{
	for (size_t i = 0; i < trust->n; i++)
		if (memcmp(trust->keys[i].id, key->id, sizeof(key->id)) == 0)
			return &trust->keys[i];
	return NULL;
}

static int add_key(struct signature_trust *trust, const struct signature_key *key, const char *what,
		   struct fail *f)
{
	const struct signature_key *same = find(trust, key);

	if (same && memcmp(same, key, sizeof(*key)) == 0)
		return 0;
	if (same)
		return fail_set(f, EEXIST, what, "Make another key.",
				"another key with the same id is there already");
	if (trust->n == SIGNATURE_KEYS_MAX)
		return fail_set(f, E2BIG, what, "Leave some out.", "there may be %d keys",
				SIGNATURE_KEYS_MAX);
	trust->keys[trust->n++] = *key;
	return 0;
}

static const char todo_key[] = "Give the file that `minisign -G -p` writes.";

static int read_key(const char *path, struct signature_key *ret, struct fail *f)
{
	_cleanup_free_ char *text = NULL;
	size_t size;
	int r = read_file(path, &text, &size);

	if (r < 0)
		return fail_set(f, -r, path, todo_key, "cannot read this key: %s", strerror(-r));
	if (signature_key_parse(text, size, ret) == 0)
		return 0;
	return fail_set(f, EINVAL, path, todo_key,
			"it is no public key of minisign's, or more than one");
}

int boot_keys_read(char *const *paths, size_t n, struct signature_trust *ret, struct fail *f)
{
	struct signature_key key;
	int r = 0;

	*ret = (struct signature_trust){ 0 };
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = read_key(paths[i], &key, f);
		if (r == 0)
			r = add_key(ret, &key, paths[i], f);
	}
	return r;
}

/* ---- the boot part ---- */

static int add_file(struct bootpart *b, const struct signature_key *key)
{
	uint8_t bytes[KEY_BYTES] = { 'E', 'd' };
	char name[NAME_SIZE], id[SIGNATURE_ID_TEXT_MAX];
	char text[sodium_base64_ENCODED_LEN(KEY_BYTES, sodium_base64_VARIANT_ORIGINAL) + 1];

	memcpy(bytes + 2, key->id, sizeof(key->id));
	memcpy(bytes + 2 + sizeof(key->id), key->key, sizeof(key->key));
	sodium_bin2base64(text, sizeof(text) - 1, bytes, sizeof(bytes),
			  sodium_base64_VARIANT_ORIGINAL);
	strcat(text, "\n");
	snprintf(name, sizeof(name), SIGNATURE_KEYS_DIR "/%s" SIGNATURE_KEY_SUFFIX,
		 signature_id_format(id, key->id));
	return bootpart_add(b, name, S_IFREG | 0644, 0, 0, text, strlen(text));
}

int boot_keys_add(const struct signature_trust *trust, struct bootpart *b, struct fail *f)
{
	char not_before[SIGNATURE_DATE_MAX + 1];
	int r = 0;

	if (trust->n)
		r = bootpart_add(b, SIGNATURE_KEYS_DIR, S_IFDIR | 0755, 0, 0, NULL, 0);
	for (size_t i = 0; r == 0 && i < trust->n; i++)
		r = add_file(b, &trust->keys[i]);
	snprintf(not_before, sizeof(not_before), "%s\n", trust->not_before);
	if (r == 0 && *trust->not_before)
		r = bootpart_add(b, SIGNATURE_LEAST_FILE, S_IFREG | 0644, 0, 0, not_before,
				 strlen(not_before));
	return r < 0 ? fail_errno(f, r, "the boot part", "cannot build it") : 0;
}

void boot_keys_apply_line(struct signature_trust *trust, const char *line)
{
	struct params p;
	struct fail unused;

	(void)params_parse(line, &p, &unused);
	if (strcmp(p.manifest_min, trust->not_before) > 0)
		strcpy(trust->not_before, p.manifest_min);
}

/* ---- an image ---- */

static bool is_key(const char *name)
{
	return strncmp(name, SIGNATURE_KEYS_DIR "/", sizeof(SIGNATURE_KEYS_DIR)) == 0 &&
	       ends_with(name, SIGNATURE_KEY_SUFFIX);
}

/* Of a member with a small text, NUL-terminated. */
static int read_text(const struct image *image, const struct image_member *m,
		     char ret[SIGNATURE_TEXT_MAX + 1], struct fail *f)
{
	int r = m->size > SIGNATURE_TEXT_MAX ? -E2BIG
					     : image_read(image, m->offset, ret, (size_t)m->size);

	if (r < 0)
		return fail_errno(f, r, m->name, "cannot read it");
	ret[m->size] = '\0';
	return 0;
}

static int read_member(const struct image *image, const struct image_member *m,
		       struct signature_trust *ret, struct fail *f)
{
	char text[SIGNATURE_TEXT_MAX + 1];
	struct signature_key key;
	int r = read_text(image, m, text, f);

	if (r < 0)
		return r;
	if (signature_key_parse(text, (size_t)m->size, &key) < 0)
		return fail_set(f, EINVAL, m->name, "Pack the image again.",
				"it is no public key of minisign's");
	return add_key(ret, &key, m->name, f);
}

static int read_not_before(const struct image *image, struct signature_trust *ret, struct fail *f)
{
	const struct image_member *m = image_find_member(image, SIGNATURE_LEAST_FILE);
	char text[SIGNATURE_TEXT_MAX + 1];
	int r = m ? read_text(image, m, text, f) : 0;

	if (!m || r < 0)
		return r;
	text[strcspn(text, "\n")] = '\0';
	if (!signature_is_date(text))
		return fail_set(f, EINVAL, m->name, "Pack the image again.",
				"there is no date in it");
	strcpy(ret->not_before, text);
	return 0;
}

int boot_keys_of_image(const struct image *image, struct signature_trust *ret, struct fail *f)
{
	int r = 0;

	*ret = (struct signature_trust){ 0 };
	for (size_t i = 0; r == 0 && i < image->n_members; i++)
		if (is_key(image->members[i].name))
			r = read_member(image, &image->members[i], ret, f);
	return r == 0 ? read_not_before(image, ret, f) : r;
}

static const char todo_other[] =
	"Pack it with these keys (`tarboot pack --trust FILE.pub`), or give all that it trusts.";

int boot_keys_check_image(const struct image *image, const struct signature_trust *wanted,
			  struct fail *f)
{
	char id[SIGNATURE_ID_TEXT_MAX];
	struct signature_trust has;
	int r = boot_keys_of_image(image, &has, f);

	if (r < 0)
		return r;
	if (has.n == 0)
		return fail_set(f, EKEYREJECTED, image->path, todo_other,
				"its boot part trusts no key: it takes only the root that it was "
				"packed with");
	for (size_t i = 0; i < has.n; i++)
		if (!find(wanted, &has.keys[i]) ||
		    memcmp(find(wanted, &has.keys[i]), &has.keys[i], sizeof(*has.keys)) != 0)
			return fail_set(f, EKEYREJECTED, image->path, todo_other,
					"its boot part trusts key %s, which is none of --trust",
					signature_id_format(id, has.keys[i].id));
	if (strcmp(has.not_before, wanted->not_before) < 0)
		return fail_set(f, EKEYREJECTED, image->path,
				"Pack it with `tarboot pack --manifest-min DATE`.",
				"its boot part takes what was signed before %s, too",
				wanted->not_before);
	return 0;
}

void boot_keys_print(const struct signature_trust *trust)
{
	char id[SIGNATURE_ID_TEXT_MAX];

	for (size_t i = 0; i < trust->n; i++)
		printf("trusts   key %s: manifests that it signed%s%s\n",
		       signature_id_format(id, trust->keys[i].id),
		       *trust->not_before ? " since " : "", trust->not_before);
}
