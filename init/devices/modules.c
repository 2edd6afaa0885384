/* Order of loading, and the system calls. */
#include "devices/modules.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "base/console.h"
#include "codec/codec.h"
#include "modules/modconfig.h"
#include "modules/modindex.h"
#include "base/read_all.h"
#include "base/util.h"

#define COMPRESSED_FILE 4 /* MODULE_INIT_COMPRESSED_FILE, Linux 5.17 */
#define DEPTH_MAX 32      /* softdeps of softdeps */
#define SEARCHED_MAX 256

struct text {
	char *bytes; /* NUL-terminated, or NULL */
	size_t size;
};

struct modules {
	int root_fd;
	char directory[96]; /* lib/modules/RELEASE */
	struct modindex index;
	struct text dep, alias, config, cmdline;
	struct text tried;            /* " name name " of all that there is no need to try again */
	char *searched[SEARCHED_MAX]; /* modaliases, each at the place that its hash says */
	unsigned count, there, depth; /* there: already */
};

/* ---- texts ---- */

/* Adds bytes to a text; without memory they are left out. */
static void add_bytes(struct text *t, const char *bytes, size_t n)
{
	char *longer = realloc(t->bytes, t->size + n + 1);

	if (!longer)
		return;
	t->bytes = longer;
	memcpy(longer + t->size, bytes, n);
	t->size += n;
	longer[t->size] = '\0';
}

/* A file of modprobe.d. */
static int add_config(const char *path, char *text, size_t size, void *arg)
{
	struct text *config = arg;

	(void)path;
	add_bytes(config, text, modindex_join_lines(text, size));
	add_bytes(config, "\n", 1);
	free(text);
	return 0;
}

static void read_below_root(const struct modules *m, const char *path, struct text *t)
{
	_cleanup_close_ int fd = openat(m->root_fd, path, O_RDONLY | O_CLOEXEC);

	if (fd >= 0)
		(void)read_all(fd, &t->bytes, &t->size);
}

static void read_index_file(const struct modules *m, const char *name, struct text *t)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", m->directory, name);
	read_below_root(m, path, t);
}

static const char *text_of(const struct text *t)
{
	return t->bytes ? t->bytes : "";
}

struct modules *modules_open(const char *root)
{
	struct modules *m = calloc(1, sizeof(*m));
	struct root_files files;
	struct utsname u;

	if (!m)
		return NULL;
	m->root_fd = open(root, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (uname(&u) == 0)
		snprintf(m->directory, sizeof(m->directory), "lib/modules/%s", u.release);
	read_index_file(m, "modules.dep", &m->dep);
	read_index_file(m, "modules.alias", &m->alias);
	read_index_file(m, "modules.softdep", &m->config);
	add_bytes(&m->config, "\n", 1);
	files = root_files_at(m->root_fd);
	(void)modconfig_read(&files, add_config, &m->config);
	read_below_root(m, "proc/cmdline", &m->cmdline);
	m->index = (struct modindex){ text_of(&m->dep), text_of(&m->alias), text_of(&m->config),
				      text_of(&m->cmdline) };
	return m;
}

void modules_close(struct modules *m)
{
	if (m->root_fd >= 0)
		close(m->root_fd);
	for (size_t i = 0; i < SEARCHED_MAX; i++)
		free(m->searched[i]);
	free(m->dep.bytes);
	free(m->alias.bytes);
	free(m->config.bytes);
	free(m->cmdline.bytes);
	free(m->tried.bytes);
	free(m);
}

unsigned modules_count(const struct modules *m)
{
	return m->count;
}

bool modules_are_there(const struct modules *m)
{
	return m->count > 0 || m->there > 0;
}

/* ---- one file ---- */

/* Decompresses it for a kernel that cannot. Returns 0 or -errno. There is room for the largest, of which only what is written takes
 * memory; without MAP_NORESERVE a kernel with less RAM than that would refuse it. */
static int init_decompressed(int fd, const char *path, const char *options)
{
	uint8_t *module = mmap(NULL, MODULE_SIZE_MAX, PROT_READ | PROT_WRITE,
			       MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	struct fail unused;
	size_t size;
	int r;

	if (module == MAP_FAILED)
		return -errno;
	r = codec_decode(fd, path, module, MODULE_SIZE_MAX, &size, &unused);
	if (r == 0 && syscall(SYS_init_module, module, size, options) < 0)
		r = -errno;
	(void)munmap(module, MODULE_SIZE_MAX);
	return r;
}

/* 0, or -errno of the kernel. */
static int insert(int fd, const char *path, const char *options)
{
	bool is_plain = ends_with(path, ".ko");
	int r;

	r = syscall(SYS_finit_module, fd, options, is_plain ? 0 : COMPRESSED_FILE) < 0 ? -errno : 0;
	/* A kernel before 5.17 knows no such flag, one without the decoder says that it cannot. */
	if (!is_plain && (r == -EINVAL || r == -EOPNOTSUPP) &&
	    (ends_with(path, ".xz") || ends_with(path, ".zst")))
		r = init_decompressed(fd, path, options);
	return r;
}

static const char *explain(int r, const char *path)
{
	switch (-r) {
	case EINVAL:
	case EOPNOTSUPP:
		if (!ends_with(path, ".ko"))
			return "this kernel cannot unpack it: put it into the image uncompressed";
		break;
	case EBADMSG:
		return "the file is damaged";
	case ENOENT:
		return "it needs a symbol that neither the kernel nor a loaded module has (dmesg "
		       "names it)";
	case ENOEXEC:
		return "it is damaged or made for another kernel (dmesg says more)";
	case ENOKEY:
	case EKEYREJECTED:
		return "this kernel loads signed modules only, and takes no signature of this one";
	case EPERM:
		return "this kernel does not allow to load it";
	}
	return strerror(-r);
}

/* path is as in modules.dep, below the directory, and ends at a blank, a colon or a newline. */
static void load_file(struct modules *m, const char *name, const char *path)
{
	_cleanup_free_ char *options = modindex_options(&m->index, name);
	_cleanup_close_ int fd = -1;
	char file[512];
	int r;

	snprintf(file, sizeof(file), "%s/%.*s", m->directory, (int)strcspn(path, " \t\r\n:"), path);
	fd = openat(m->root_fd, file, O_RDONLY | O_CLOEXEC);
	if (fd < 0) {
		console_log(errno == ENOENT ? LOG_DEBUG : LOG_WARNING,
			    "module %s: cannot open /%s: %m", name, file);
		return;
	}
	r = options ? insert(fd, file, options) : -ENOMEM;
	if (r == 0) {
		m->count++;
		console_log(LOG_DEBUG, "module %s loaded%s%s", name, *options ? " with " : "",
			    options);
	} else if (r == -ENODEV) {
		console_log(LOG_DEBUG, "module %s: no such device", name);
	} else if (r == -EEXIST) {
		m->there++;
	} else {
		console_log(LOG_WARNING, "module %s: %s", name, explain(r, file));
	}
}

/* ---- order ---- */

/* True when it is new: every module is tried once. */
static bool remember(struct modules *m, const char *name)
{
	char word[MODULE_NAME_MAX + 2];
	int n = snprintf(word, sizeof(word), " %s ", name);

	if (m->tried.bytes && strstr(m->tried.bytes, word))
		return false;
	add_bytes(&m->tried, word, (size_t)n);
	return true;
}

static void load_by_name(const char *name, void *arg);

/* From the last to the first, since each needs those behind it. */
static void load_needed(struct modules *m, const char *first)
{
	const char *word = first + strcspn(first, "\n");
	char name[MODULE_NAME_MAX];

	while (word > first) {
		while (word > first && word[-1] == ' ')
			word--;
		while (word > first && word[-1] != ' ')
			word--;
		if (*word != ' ' && modindex_name(word, name))
			load_by_name(name, m);
	}
}

/* Has modprobe.d a command in place of loading the module? One that loads it, too, is told. */
static bool has_command(const struct modules *m, const char *name)
{
	const char *command = modindex_install_command(&m->index, name);
	int n = command ? (int)strcspn(command, "\r\n") : 0;

	if (!command)
		return false;
	if (modindex_command_loads(command, name)) {
		console_log(LOG_DEBUG,
			    "module %s: nothing else of its command in modprobe.d is run (%.*s)",
			    name, n, command);
		return false;
	}
	console_log(LOG_WARNING,
		    "module %s: not loaded: modprobe.d has a command for it (%.*s), and "
		    "tarboot runs no commands",
		    name, n, command);
	return true;
}

/* A warning, or as asked for, why a module of the image is not loaded. */
static bool may_load(const struct modules *m, const char *name)
{
	if (modindex_is_forbidden(&m->index, name)) {
		console_log(LOG_DEBUG,
			    "module %s: not loaded: blacklisted by modprobe.d or module_blacklist=",
			    name);
		return false;
	}
	if (has_command(m, name))
		return false;
	if (m->depth == DEPTH_MAX) {
		console_log(LOG_WARNING, "module %s: not loaded: its chain of softdeps is too long",
			    name);
		return false;
	}
	return true;
}

static void load_with_needed(struct modules *m, const char *name, const char *line)
{
	const char *colon = line + strcspn(line, ":\n");

	modindex_tied(&m->index, name, MODINDEX_BEFORE, load_by_name, m);
	load_needed(m, *colon == ':' ? colon + 1 : colon);
	load_file(m, name, line);
	modindex_tied(&m->index, name, MODINDEX_AFTER, load_by_name, m);
}

/* name may be an alias. */
static void load_by_name(const char *name, void *arg)
{
	struct modules *m = arg;
	const char *line;

	if (!remember(m, name))
		return;
	line = modindex_dependencies(&m->index, name);
	m->depth++;
	if (line && may_load(m, name))
		load_with_needed(m, name, line);
	else if (!line &&
		 m->depth < DEPTH_MAX) /* in the kernel already, not in this image, or an alias */
		modindex_match(&m->index, name, load_by_name, m);
	m->depth--;
}

void modules_load(struct modules *m, const char *name)
{
	char plain[MODULE_NAME_MAX];

	snprintf(plain, sizeof(plain), "%s", name);
	for (char *at = plain; (at = strchr(at, '-'));)
		*at = '_';
	load_by_name(plain, m);
}

bool modules_has(const struct modules *m, const char *name)
{
	return modindex_dependencies(&m->index, name);
}

/* ---- devices ---- */

static size_t hash(const char *text)
{
	uint32_t h = 2166136261; /* FNV-1a */

	for (; *text; text++)
		h = (h ^ (unsigned char)*text) * 16777619;
	return h;
}

/* Each CPU of a machine has the same modalias, and so have the parts of a chipset. */
static bool was_searched(struct modules *m, const char *modalias)
{
	char **place = &m->searched[hash(modalias) % SEARCHED_MAX];

	if (*place && strcmp(*place, modalias) == 0)
		return true;
	free(*place);
	*place = strdup(modalias);
	return false;
}

void modules_load_for(struct modules *m, const char *modalias)
{
	if (!was_searched(m, modalias))
		modindex_match(&m->index, modalias, load_by_name, m);
}
