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

struct module_copy {
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

static int fail_adding(const struct module_copy *c, int error, const char *path)
{
	if (error == -EBADMSG)
		return fail_set(
			c->f, EBADMSG, path,
			"Copy or build it again, or install the program that decompresses it.",
			"cannot put it into the image: it cannot be decompressed");
	return fail_errno(c->f, error, path, "cannot put it into the image");
}

static int read_in_root(const struct module_copy *c, const char *path, struct text *ret)
{
	_cleanup_close_ int fd = c->root->open(c->root, path, UINT64_MAX);

	*ret = (struct text){ 0 };
	return fd < 0 ? fd : read_all(fd, &ret->data, &ret->size);
}

/* A directory and those above it, once. */
static int add_directories(struct module_copy *c, const char *path, size_t length)
{
	const char *slash = memrchr(path, '/', length);
	char name[PATH_MAX];
	int r = slash ? add_directories(c, path, (size_t)(slash - path)) : 0;

	if (r < 0 || path_map_find(&c->there, path, length))
		return r;
	snprintf(name, sizeof(name), "%.*s", (int)length, path);
	if (!path_map_add(&c->there, path, length))
		return -ENOMEM;
	return bootpart_add(c->b, name, S_IFDIR | 0755, 0, 0, NULL, 0);
}

static int add_file(struct module_copy *c, const char *path, const struct text *t)
{
	const char *slash = strrchr(path, '/');
	int r = add_directories(c, path, (size_t)(slash - path));

	if (r == 0 && !path_map_add(&c->there, path, strlen(path)))
		r = -ENOMEM;
	if (r == 0)
		r = bootpart_add(c->b, path, S_IFREG | 0644, 0, 0, t->data, t->size);
	return r < 0 ? fail_adding(c, r, path) : 0;
}

/* ---- the index ---- */

static int add_index_file(struct module_copy *c, const char *name, const struct text *t)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", c->directory, name);
	return add_file(c, path, t);
}

/* The lines of modules.alias, modules.softdep or modules.weakdep that are about a wanted module. word: which one of a line is
 * its name, from 0. */
static int add_lines_about(struct module_copy *c, const char *file, const struct text *all,
			   int word)
{
	_cleanup_free_ char *kept = malloc(all->size + 1);
	struct text t = { .data = kept };
	char name[MODULE_NAME_MAX];
	const char *at;
	size_t n;

	if (!kept)
		return fail_adding(c, -ENOMEM, file);
	for (const char *line = all->data; line && *line; line += n) {
		n = strcspn(line, "\n");
		n += line[n] == '\n';
		at = line;
		for (int i = 0; i < word; i++) {
			at += strcspn(at, " \n");
			at += *at == ' ';
		}
		if (*line == '#' || !modindex_name(at, name) ||
		    !module_choice_has(&c->choice, name))
			continue;
		memcpy(kept + t.size, line, n);
		t.size += n;
	}
	return add_index_file(c, file, &t);
}

/* A module's path in modules.dep, as the image has it: unpacked, if init cannot, and then compressed by xz, if wanted. Returns
 * its length; at most 3 more than it has there. */
static size_t name_in_image(const struct module_copy *c, const char *path, char *ret)
{
	size_t n = strcspn(path, ": \n");

	if (n > 3 && memcmp(path + n - 3, ".gz", 3) == 0)
		n -= 3;
	memcpy(ret, path, n);
	if (c->compress && n > 3 && memcmp(path + n - 3, ".ko", 3) == 0) {
		memcpy(ret + n, ".xz", 3);
		n += 3;
	}
	return n;
}

static int add_dep(struct module_copy *c)
{
	_cleanup_free_ char *kept = malloc(2 * c->dep.size + 1);
	struct text t = { .data = kept };
	size_t n;

	if (!kept)
		return fail_adding(c, -ENOMEM, "modules.dep");
	for (size_t i = 0; i < c->choice.n; i++) {
		const char *at = c->choice.modules[i].line;

		while (c->choice.modules[i].wanted && *at && *at != '\n') {
			t.size += name_in_image(c, at, kept + t.size);
			at += strcspn(at, ": \n");
			n = strspn(at, ": ");
			memcpy(kept + t.size, at, n);
			t.size += n;
			at += n;
		}
		if (c->choice.modules[i].wanted)
			kept[t.size++] = '\n';
	}
	return add_index_file(c, "modules.dep", &t);
}

/* ---- modprobe.d ---- */

static int add_to_config(struct module_copy *c, const char *text, size_t size)
{
	char *longer = realloc(c->config.data, c->config.size + size + 2);

	if (!longer)
		return -ENOMEM;
	memcpy(longer + c->config.size, text, size);
	c->config.size += size;
	longer[c->config.size++] = '\n';
	longer[c->config.size] = '\0';
	c->config.data = longer;
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
static int read_module(const struct module_copy *c, const char *line, struct module_file *ret)
{
	int r;

	*ret = (struct module_file){ .plain = &ret->file };
	snprintf(ret->path, sizeof(ret->path), "%s/%.*s", c->directory, (int)strcspn(line, ":"),
		 line);
	r = read_in_root(c, ret->path, &ret->file);
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
static void want_foreign_net(struct module_copy *c)
{
	struct module_file m;

	for (size_t i = 0; i < c->choice.n; i++) {
		const char *line = c->choice.modules[i].line;

		if (!modindex_is_foreign(line))
			continue;
		if (read_module(c, line, &m) == 0 && makes_network_device(m.plain) &&
		    !is_for_wifi(line, m.plain))
			c->choice.modules[i].wanted = true;
		free_module(&m);
	}
}

/* ---- modules of the image, with their firmware ---- */

/* Reads the file that the kernel would take, and writes its path: what is compressed counts where no directory has it as it is.
 * -EEXIST: the image has it by now. */
static int read_firmware(struct module_copy *c, const char *name, char path[PATH_MAX],
			 struct text *ret)
{
	static const char *const suffixes[] = { "", ".zst", ".xz" };
	const char *release = strrchr(c->directory, '/') + 1;
	char updates[128], own[128];
	const char *const directories[] = { updates, "updates/", own, "" };

	snprintf(updates, sizeof(updates), "updates/%s/", release);
	snprintf(own, sizeof(own), "%s/", release);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++)
		for (size_t k = 0; k < ARRAY_SIZE(directories); k++) {
			snprintf(path, PATH_MAX, "lib/firmware/%s%s%s", directories[k], name,
				 suffixes[i]);
			if (path_map_find(&c->there, path, strlen(path)))
				return -EEXIST;
			if (read_in_root(c, path, ret) == 0)
				return 0;
		}
	return -ENOENT;
}

static int add_firmware(struct module_copy *c, const char *name)
{
	char path[PATH_MAX];
	struct text t;
	int r;

	if (inroot_path_leaves(name) || read_firmware(c, name, path, &t) < 0)
		return 0; /* many are for cards that few have: the root does without, too */
	r = add_file(c, path, &t);
	free(t.data);
	c->count->firmware += r == 0;
	c->count->firmware_size += r == 0 ? t.size : 0;
	return r;
}

/* What the module says that it may load: strings "firmware=NAME" in its .modinfo. Found anywhere else they are names
 * of no files. */
static int add_firmware_of(struct module_copy *c, const struct text *module)
{
	static const char key[] = "\0firmware=";
	const char *at = module->data, *end = at + module->size;
	int r = 0;

	while (r == 0 && (at = memmem(at, (size_t)(end - at), key, sizeof(key) - 1))) {
		at += sizeof(key) - 1;
		if (at < end && *at && memchr(at, '\0', (size_t)(end - at)))
			r = add_firmware(c, at);
	}
	return r;
}

/* Without loss: a kernel that checks signatures of modules finds the same bytes. The dictionary is no larger than the module:
 * the encoder's tables, which it clears for each, depend on it. */
static int add_compressed(struct module_copy *c, const char *path, const struct text *module)
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
		return fail_adding(c, -ENOMEM, path);
	return add_file(c, path, &t);
}

/* Writes a module, unpacked if init could not do that. */
static int add_unpacked(struct module_copy *c, const char *path, const struct text *module)
{
	return c->compress ? add_compressed(c, path, module) : add_file(c, path, module);
}

static int add_module_file(struct module_copy *c, const char *line, const struct module_file *m)
{
	char to[PATH_MAX + 4];
	int n = snprintf(to, sizeof(to), "%s/", c->directory), r;

	to[(size_t)n + name_in_image(c, m->path + n, to + n)] = '\0';
	if (m->plain == &m->unpacked && !ends_with(m->path, ".gz")) /* init can unpack it */
		r = add_file(c, to, &m->file);
	else
		r = add_unpacked(c, to, m->plain);
	if (r == 0)
		r = add_firmware_of(c, m->plain);
	c->count->modules++;
	c->count->network += modindex_is_in_net(line) ||
			     (modindex_is_foreign(line) && makes_network_device(m->plain));
	return r;
}

static int add_module(struct module_copy *c, const char *line)
{
	struct module_file m;
	int r = read_module(c, line, &m);

	if (r == 0)
		r = add_module_file(c, line, &m);
	else if (r != -ENOENT)
		r = fail_adding(c, r, m.path);
	c->count->missing += r == -ENOENT;
	free_module(&m);
	return r == -ENOENT ? 0 : r;
}

/* ---- the whole ---- */

static int read_index(struct module_copy *c)
{
	static const char empty[] = "";
	const struct {
		const char *name;
		struct text *text;
	} files[] = { { "modules.dep", &c->dep },
		      { "modules.alias", &c->alias },
		      { "modules.softdep", &c->softdep },
		      { "modules.weakdep", &c->weakdep },
		      { "modules.builtin", &c->builtin } };
	struct modindex index;
	char path[160];
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		snprintf(path, sizeof(path), "%s/%s", c->directory, files[i].name);
		r = read_in_root(c, path, files[i].text);
		if (r < 0 && (i == 0 || r != -ENOENT))
			return fail_errno(c->f, r, path,
					  "cannot read the index of the modules (depmod makes it)");
	}
	r = add_to_config(c, c->softdep.data ? c->softdep.data : empty, c->softdep.size);
	if (r == 0 && c->weakdep.data)
		r = add_to_config(c, c->weakdep.data, c->weakdep.size);
	if (r == 0)
		r = modconfig_read(c->root, choose_by_file, c);
	if (r < 0)
		return fail_adding(c, r, "modprobe.d");
	index = (struct modindex){ c->dep.data, c->alias.data ? c->alias.data : empty,
				   c->config.data, empty };
	r = module_choice_open(&c->choice, &index);
	return r < 0 ? fail_adding(c, r, path) : 0;
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
static int choose(struct module_copy *c, const char *words)
{
	const char *builtin = c->builtin.data ? c->builtin.data : "", *unknown;
	char word[MODULE_NAME_MAX];

	if (!has_word(words, "none"))
		(void)module_choice_want(&c->choice, "console,zram", builtin);
	unknown = module_choice_want(&c->choice, words, builtin);
	if (unknown) {
		snprintf(word, sizeof(word), "%.*s", (int)strcspn(unknown, ","), unknown);
		return fail_set(
			c->f, ENOENT, c->directory,
			"See modules.dep there for their names, and tarboot-pack(1) for groups.",
			"no module matches %s", word);
	}
	if (has_word(words, "net"))
		want_foreign_net(c);
	module_choice_complete(&c->choice);
	return 0;
}

static bool is_any_wanted(const struct module_choice *c)
{
	for (size_t i = 0; i < c->n; i++)
		if (c->modules[i].wanted)
			return true;
	return false;
}

static int add_all(struct module_copy *c)
{
	int r = add_dep(c);

	if (r == 0)
		r = add_lines_about(c, "modules.alias", &c->alias, 2);
	if (r == 0)
		r = add_lines_about(c, "modules.softdep", &c->softdep, 1);
	if (r == 0 && c->weakdep.data) /* depmod writes it since kmod 33 */
		r = add_lines_about(c, "modules.weakdep", &c->weakdep, 1);
	for (size_t i = 0; r == 0 && i < c->choice.n; i++)
		if (c->choice.modules[i].wanted)
			r = add_module(c, c->choice.modules[i].line);
	return r == 0 ? modconfig_read(c->root, add_configuration_file, c) : r;
}

int boot_modules_add(struct bootpart *b, const struct root_files *root, const char *release,
		     const struct boot_modules_wish *wish, struct boot_modules *ret, struct fail *f)
{
	struct module_copy c = { .b = b,
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
	snprintf(c.directory, sizeof(c.directory), "lib/modules/%s", release);
	r = path_map_add(&c.there, "etc", 3) ? read_index(&c) : fail_adding(&c, -ENOMEM, "etc");
	if (r == 0)
		r = choose(&c, wish->words);
	if (r == 0 && is_any_wanted(&c.choice))
		r = add_all(&c);
	ret->size = b->size - before;
	module_choice_close(&c.choice);
	path_map_clear(&c.there, NULL, NULL);
	free(c.dep.data);
	free(c.alias.data);
	free(c.softdep.data);
	free(c.weakdep.data);
	free(c.config.data);
	free(c.builtin.data);
	return r;
}
