/* Modules that init can unpack stay as they are; the others are unpacked here, and compressed where the boot part is to be
 * small. */
#include "image/boot_modules.h"

#include <errno.h>
#include <lzma.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/decompress.h"
#include "base/inroot.h"
#include "modules/modconfig.h"
#include "kernel/module_choice.h"
#include "base/path.h"
#include "base/read_all.h"
#include "base/util.h"

struct text {
	char *data; /* owned, NUL-terminated */
	size_t size;
};

/* A file of the root. */
struct module_file {
	char path[PATH_MAX];
	struct text file, unpacked; /* owned; unpacked is empty where the file is not compressed */
	const struct text *plain;   /* the one that has the module's own bytes */
};

struct adding {
	struct bootpart *b;
	struct boot_modules *count;
	struct path_map there; /* what the image has of it by now */
	const struct root_files *root;
	char directory[96]; /* lib/modules/RELEASE */
	struct text dep, alias, softdep, weakdep, builtin;
	struct text config; /* softdep, weakdep and the root's modprobe.d together */
	struct module_choice choice;
	bool compress;
	struct fail *f;
};

/* ---- into the image ---- */

static int failed(const struct adding *a, int error, const char *path)
{
	if (error == -EBADMSG)
		return fail_set(
			a->f, EBADMSG, path,
			"Copy or build it again, or install the program that decompresses it.",
			"cannot put it into the image: it cannot be decompressed");
	return fail_errno(a->f, error, path, "cannot put it into the image");
}

static int read_in_root(const struct adding *a, const char *path, struct text *ret)
{
	_cleanup_close_ int fd = a->root->open(a->root, path, UINT64_MAX);

	*ret = (struct text){ 0 };
	return fd < 0 ? fd : read_all(fd, &ret->data, &ret->size);
}

/* A directory and those above it, once. */
static int add_directories(struct adding *a, const char *path, size_t length)
{
	const char *slash = memrchr(path, '/', length);
	char name[PATH_MAX];
	int r = slash ? add_directories(a, path, (size_t)(slash - path)) : 0;

	if (r < 0 || path_map_find(&a->there, path, length))
		return r;
	snprintf(name, sizeof(name), "%.*s", (int)length, path);
	if (!path_map_add(&a->there, path, length))
		return -ENOMEM;
	return bootpart_add(a->b, name, S_IFDIR | 0755, 0, 0, NULL, 0);
}

static int add_file(struct adding *a, const char *path, const struct text *t)
{
	const char *slash = strrchr(path, '/');
	int r = add_directories(a, path, (size_t)(slash - path));

	if (r == 0 && !path_map_add(&a->there, path, strlen(path)))
		r = -ENOMEM;
	if (r == 0)
		r = bootpart_add(a->b, path, S_IFREG | 0644, 0, 0, t->data, t->size);
	return r < 0 ? failed(a, r, path) : 0;
}

/* ---- the index ---- */

static int add_index_file(struct adding *a, const char *name, const struct text *t)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", a->directory, name);
	return add_file(a, path, t);
}

/* The lines of modules.alias, modules.softdep or modules.weakdep that are about a wanted module. word: which one of a line is
 * its name, from 0. */
static int add_lines_about(struct adding *a, const char *file, const struct text *all, int word)
{
	_cleanup_free_ char *kept = malloc(all->size + 1);
	struct text t = { .data = kept };
	char name[MODULE_NAME_MAX];
	const char *at;
	size_t n;

	if (!kept)
		return failed(a, -ENOMEM, file);
	for (const char *line = all->data; line && *line; line += n) {
		n = strcspn(line, "\n");
		n += line[n] == '\n';
		at = line;
		for (int i = 0; i < word; i++) {
			at += strcspn(at, " \n");
			at += *at == ' ';
		}
		if (*line == '#' || !modindex_name(at, name) ||
		    !module_choice_has(&a->choice, name))
			continue;
		memcpy(kept + t.size, line, n);
		t.size += n;
	}
	return add_index_file(a, file, &t);
}

/* A module's path in modules.dep, as the image has it: unpacked, if init cannot, and then compressed by xz, if wanted. Returns
 * its length; at most 3 more than it has there. */
static size_t name_in_image(const struct adding *a, const char *path, char *ret)
{
	size_t n = strcspn(path, ": \n");

	if (n > 3 && memcmp(path + n - 3, ".gz", 3) == 0)
		n -= 3;
	memcpy(ret, path, n);
	if (a->compress && n > 3 && memcmp(path + n - 3, ".ko", 3) == 0) {
		memcpy(ret + n, ".xz", 3);
		n += 3;
	}
	return n;
}

static int add_dep(struct adding *a)
{
	_cleanup_free_ char *kept = malloc(2 * a->dep.size + 1);
	struct text t = { .data = kept };
	size_t n;

	if (!kept)
		return failed(a, -ENOMEM, "modules.dep");
	for (size_t i = 0; i < a->choice.n; i++) {
		const char *at = a->choice.modules[i].line;

		while (a->choice.modules[i].wanted && *at && *at != '\n') {
			t.size += name_in_image(a, at, kept + t.size);
			at += strcspn(at, ": \n");
			n = strspn(at, ": ");
			memcpy(kept + t.size, at, n);
			t.size += n;
			at += n;
		}
		if (a->choice.modules[i].wanted)
			kept[t.size++] = '\n';
	}
	return add_index_file(a, "modules.dep", &t);
}

/* ---- modprobe.d ---- */

static int add_to_config(struct adding *a, const char *text, size_t size)
{
	char *longer = realloc(a->config.data, a->config.size + size + 2);

	if (!longer)
		return -ENOMEM;
	memcpy(longer + a->config.size, text, size);
	a->config.size += size;
	longer[a->config.size++] = '\n';
	longer[a->config.size] = '\0';
	a->config.data = longer;
	return 0;
}

/* A file of the root's modprobe.d counts for the choice of modules. */
static int choose_by_file(const char *path, char *text, size_t size, void *arg)
{
	int r = add_to_config(arg, text, modindex_join_lines(text, size));

	(void)path;
	free(text);
	return r;
}

/* And it goes into the image as it is, below a name that init looks for. */
static int add_configuration_file(const char *path, char *text, size_t size, void *arg)
{
	const struct text t = { text, size };
	char to[PATH_MAX];
	int r;

	snprintf(to, sizeof(to), "%s/modprobe.d/%s", strncmp(path, "etc/", 4) == 0 ? "etc" : "lib",
		 strrchr(path, '/') + 1);
	r = add_file(arg, to, &t);
	free(text);
	return r;
}

/* ---- modules of the root ---- */

/* ret is the caller's to free, also after a failure. */
static int read_module(const struct adding *a, const char *line, struct module_file *ret)
{
	int r;

	*ret = (struct module_file){ .plain = &ret->file };
	snprintf(ret->path, sizeof(ret->path), "%s/%.*s", a->directory, (int)strcspn(line, ":"),
		 line);
	r = read_in_root(a, ret->path, &ret->file);
	if (r < 0 || ends_with(ret->path, ".ko"))
		return r;
	ret->plain = &ret->unpacked;
	return decompress(ret->file.data, ret->file.size, MODULE_SIZE_MAX, &ret->unpacked.data,
			  &ret->unpacked.size);
}

static void free_module(struct module_file *m)
{
	free(m->file.data);
	free(m->unpacked.data);
}

/* ---- network drivers ---- */

/* A module has the names of the functions that it calls; "register_netdev" is mostly the end of "unregister_netdev" there. */
static bool calls(const struct text *module, const char *function)
{
	return memmem(module->data, module->size, function, strlen(function) + 1) != NULL;
}

static bool makes_network_device(const struct text *module)
{
	return calls(module, "register_netdev") || calls(module, "usbnet_probe");
}

/* cfg80211 and mac80211 are modules that it needs, or built in. */
static bool is_for_wifi(const char *line, const struct text *module)
{
	static const char file[] = "/cfg80211.ko";

	return memmem(line, strcspn(line, "\n"), file, sizeof(file) - 1) ||
	       calls(module, "wiphy_new_nm") || calls(module, "ieee80211_alloc_hw_nm");
}

/* Wants the drivers that the group `net` cannot tell by their paths, but none for Wi-Fi. One that cannot be read is left out:
 * it may be anything. */
static void want_foreign_net(struct adding *a)
{
	struct module_file m;

	for (size_t i = 0; i < a->choice.n; i++) {
		const char *line = a->choice.modules[i].line;

		if (!modindex_is_foreign(line))
			continue;
		if (read_module(a, line, &m) == 0 && makes_network_device(m.plain) &&
		    !is_for_wifi(line, m.plain))
			a->choice.modules[i].wanted = true;
		free_module(&m);
	}
}

/* ---- modules of the image, with their firmware ---- */

/* Reads the file that the kernel would take, and writes its path: what is compressed counts where no directory has it as it is.
 * -EEXIST: the image has it by now. */
static int read_firmware(struct adding *a, const char *name, char path[PATH_MAX], struct text *ret)
{
	static const char *const suffixes[] = { "", ".zst", ".xz" };
	const char *release = strrchr(a->directory, '/') + 1;
	char updates[128], own[128];
	const char *const directories[] = { updates, "updates/", own, "" };

	snprintf(updates, sizeof(updates), "updates/%s/", release);
	snprintf(own, sizeof(own), "%s/", release);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		for (size_t k = 0; k < ARRAY_SIZE(directories); k++) {
			snprintf(path, PATH_MAX, "lib/firmware/%s%s%s", directories[k], name,
				 suffixes[i]);
			if (path_map_find(&a->there, path, strlen(path)))
				return -EEXIST;
			if (read_in_root(a, path, ret) == 0)
				return 0;
		}
	return -ENOENT;
}

static int add_firmware(struct adding *a, const char *name)
{
	char path[PATH_MAX];
	struct text t;
	int r;

	if (inroot_path_leaves(name) || read_firmware(a, name, path, &t) < 0)
		return 0; /* many are for cards that few have: the root does without, too */
	r = add_file(a, path, &t);
	free(t.data);
	a->count->firmware += r == 0;
	a->count->firmware_size += r == 0 ? t.size : 0;
	return r;
}

/* What the module says that it may load: strings "firmware=NAME" in its .modinfo. Found anywhere else they are names
 * of no files. */
static int add_firmware_of(struct adding *a, const struct text *module)
{
	static const char key[] = "\0firmware=";
	const char *at = module->data, *end = at + module->size;
	int r = 0;

	while (r == 0 && (at = memmem(at, (size_t)(end - at), key, sizeof(key) - 1))) {
		at += sizeof(key) - 1;
		if (at < end && *at && memchr(at, '\0', (size_t)(end - at)))
			r = add_firmware(a, at);
	}
	return r;
}

/* Without loss: a kernel that checks signatures of modules finds the same bytes. The dictionary is no larger than the module:
 * the encoder's tables, which it clears for each, depend on it. */
static int add_compressed(struct adding *a, const char *path, const struct text *module)
{
	size_t room = lzma_stream_buffer_bound(module->size);
	_cleanup_free_ char *data = malloc(room);
	struct text t = { .data = data };
	lzma_options_lzma lzma;
	lzma_filter filters[] = { { LZMA_FILTER_LZMA2, &lzma }, { LZMA_VLI_UNKNOWN, NULL } };

	lzma_lzma_preset(&lzma, LZMA_PRESET_DEFAULT);
	while (lzma.dict_size / 2 >= module->size && lzma.dict_size > LZMA_DICT_SIZE_MIN)
		lzma.dict_size /= 2;
	if (!data || lzma_stream_buffer_encode(filters, LZMA_CHECK_CRC32, NULL,
					       (const uint8_t *)module->data, module->size,
					       (uint8_t *)data, &t.size, room) != LZMA_OK)
		return failed(a, -ENOMEM, path);
	return add_file(a, path, &t);
}

/* Writes a module, unpacked if init could not do that. */
static int add_unpacked(struct adding *a, const char *path, const struct text *module)
{
	return a->compress ? add_compressed(a, path, module) : add_file(a, path, module);
}

static int add_module_file(struct adding *a, const char *line, const struct module_file *m)
{
	char to[PATH_MAX + 4];
	int n = snprintf(to, sizeof(to), "%s/", a->directory), r;

	to[(size_t)n + name_in_image(a, m->path + n, to + n)] = '\0';
	if (m->plain == &m->unpacked && !ends_with(m->path, ".gz")) /* init can unpack it */
		r = add_file(a, to, &m->file);
	else
		r = add_unpacked(a, to, m->plain);
	if (r == 0)
		r = add_firmware_of(a, m->plain);
	a->count->modules++;
	a->count->network += modindex_is_in_net(line) ||
			     (modindex_is_foreign(line) && makes_network_device(m->plain));
	return r;
}

static int add_module(struct adding *a, const char *line)
{
	struct module_file m;
	int r = read_module(a, line, &m);

	if (r == 0)
		r = add_module_file(a, line, &m);
	else if (r != -ENOENT)
		r = failed(a, r, m.path);
	a->count->missing += r == -ENOENT;
	free_module(&m);
	return r == -ENOENT ? 0 : r;
}

/* ---- the whole ---- */

static int read_index(struct adding *a)
{
	static const char empty[] = "";
	const struct {
		const char *name;
		struct text *text;
	} files[] = { { "modules.dep", &a->dep },
		      { "modules.alias", &a->alias },
		      { "modules.softdep", &a->softdep },
		      { "modules.weakdep", &a->weakdep },
		      { "modules.builtin", &a->builtin } };
	struct modindex index;
	char path[160];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", a->directory, files[i].name);
		r = read_in_root(a, path, files[i].text);
		if (r < 0 && (i == 0 || r != -ENOENT))
			return fail_errno(a->f, r, path,
					  "cannot read the index of the modules (depmod makes it)");
	}
	r = add_to_config(a, a->softdep.data ? a->softdep.data : empty, a->softdep.size);
	if (r == 0 && a->weakdep.data)
		r = add_to_config(a, a->weakdep.data, a->weakdep.size);
	if (r == 0)
		r = modconfig_read(a->root, choose_by_file, a);
	if (r < 0)
		return failed(a, r, "modprobe.d");
	index = (struct modindex){ a->dep.data, a->alias.data ? a->alias.data : empty,
				   a->config.data, empty };
	r = module_choice_open(&a->choice, &index);
	return r < 0 ? failed(a, r, path) : 0;
}

static bool has_word(const char *words, const char *word)
{
	for (size_t n; *words; words += n + (words[n] == ',')) {
		n = strcspn(words, ",");
		if (n == strlen(word) && memcmp(words, word, n) == 0)
			return true;
	}
	return false;
}

/* Keyboards, consoles and compressed swap, unless none of these is wanted, and what the words ask for. */
static int choose(struct adding *a, const char *words)
{
	const char *builtin = a->builtin.data ? a->builtin.data : "", *unknown;
	char word[MODULE_NAME_MAX];

	if (!has_word(words, "none"))
		(void)module_choice_want(&a->choice, "console,zram", builtin);
	unknown = module_choice_want(&a->choice, words, builtin);
	if (unknown) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(unknown, ","), unknown);
		return fail_set(
			a->f, ENOENT, a->directory,
			"See modules.dep there for their names, and tarboot-pack(1) for groups.",
			"no module matches %s", word);
	}
	if (has_word(words, "net"))
		want_foreign_net(a);
	module_choice_complete(&a->choice);
	return 0;
}

static bool is_any_wanted(const struct module_choice *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->modules[i].wanted)
			return true;
	return false;
}

static int add_all(struct adding *a)
{
	int r = add_dep(a);

	if (r == 0)
		r = add_lines_about(a, "modules.alias", &a->alias, 2);
	if (r == 0)
		r = add_lines_about(a, "modules.softdep", &a->softdep, 1);
	if (r == 0 && a->weakdep.data) /* depmod writes it since kmod 33 */
		r = add_lines_about(a, "modules.weakdep", &a->weakdep, 1);
	for (size_t i = 0; r == 0 && i < a->choice.n; i++)
		if (a->choice.modules[i].wanted)
			r = add_module(a, a->choice.modules[i].line);
	return r == 0 ? modconfig_read(a->root, add_configuration_file, a) : r;
}

int boot_modules_add(struct bootpart *b, const struct root_files *root, const char *release,
		     const struct boot_modules_wish *wish, struct boot_modules *ret, struct fail *f)
{
	struct adding a = { .b = b,
			    .count = ret,
			    .there = { .value_size = 1 },
			    .root = root,
			    .compress = wish->compress,
			    .f = f };
	size_t before = b->size;
	int r;

	*ret = (struct boot_modules){ 0 };
	if (!*release)
		return fail_set(f, ENOENT, "the root",
				"Install a kernel's modules in it, or pack it without --modules.",
				"it has no kernel modules");
	snprintf(a.directory, sizeof(a.directory), "lib/modules/%s", release);
	r = path_map_add(&a.there, "etc", 3) ? read_index(&a) : failed(&a, -ENOMEM, "etc");
	if (r == 0)
		r = choose(&a, wish->words);
	if (r == 0 && is_any_wanted(&a.choice))
		r = add_all(&a);
	ret->size = b->size - before;
	module_choice_close(&a.choice);
	path_map_clear(&a.there, NULL, NULL);
	free(a.dep.data);
	free(a.alias.data);
	free(a.softdep.data);
	free(a.weakdep.data);
	free(a.config.data);
	free(a.builtin.data);
	return r;
}
