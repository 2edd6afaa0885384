/* Order of loading, and the system calls. */
#include "modules.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <lzma.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>

#include "console.h"
#include "modindex.h"
#include "util.h"

#define COMPRESSED_FILE 4 /* MODULE_INIT_COMPRESSED_FILE, Linux 5.17 */
#define OPTIONS_MAX 2048
#define DEPTH_MAX 8 /* softdeps of softdeps */

struct text {
	char *bytes; /* NUL-terminated, or NULL */
	size_t size;
};

struct modules {
	char directory[96]; /* /lib/modules/RELEASE */
	struct modindex index;
	struct text dep, alias, config, cmdline;
	struct text tried; /* " name name " of all that there is no need to try again */
	unsigned count, depth;
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

static void add_file(struct text *t, const char *path)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	char buf[4096];
	ssize_t n;

	while (fd >= 0 && (n = read(fd, buf, sizeof(buf))) > 0)
		add_bytes(t, buf, (size_t)n);
	add_bytes(t, "\n", 1);
}

static void add_directory(struct text *t, const char *path)
{
	struct dirent **entries;
	int n = scandir(path, &entries, NULL, alphasort);
	char file[512];
	size_t length;

	for (int i = 0; i < n; i++) {
		length = strlen(entries[i]->d_name);
		if (length > 5 && strcmp(entries[i]->d_name + length - 5, ".conf") == 0) {
			snprintf(file, sizeof(file), "%s/%s", path, entries[i]->d_name);
			add_file(t, file);
		}
		free(entries[i]);
	}
	if (n >= 0)
		free(entries);
}

static const char *text_of(const struct text *t)
{
	return t->bytes ? t->bytes : "";
}

static void add_index_file(const struct modules *m, struct text *t, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", m->directory, name);
	add_file(t, path);
}

struct modules *modules_open(void)
{
	struct modules *m = calloc(1, sizeof(*m));
	struct utsname u;

	if (!m || uname(&u) < 0)
		return m;
	snprintf(m->directory, sizeof(m->directory), "/lib/modules/%s", u.release);
	add_index_file(m, &m->dep, "modules.dep");
	add_index_file(m, &m->alias, "modules.alias");
	add_index_file(m, &m->config, "modules.softdep");
	add_directory(&m->config, "/etc/modprobe.d");
	add_directory(&m->config, "/lib/modprobe.d");
	add_file(&m->cmdline, "/proc/cmdline");
	m->index = (struct modindex){ text_of(&m->dep), text_of(&m->alias), text_of(&m->config),
				      text_of(&m->cmdline) };
	return m;
}

unsigned modules_count(const struct modules *m)
{
	return m->count;
}

/* ---- one file ---- */

/* Unpacks an .xz for a kernel that cannot. Returns 0 or -errno. */
static int init_from_xz(int fd, const char *options)
{
	_cleanup_free_ uint8_t *in = NULL, *out = malloc(MODULE_SIZE_MAX);
	size_t in_at = 0, out_at = 0;
	uint64_t limit = MODULE_SIZE_MAX; /* of the decoder's memory */
	struct stat st;

	if (fstat(fd, &st) < 0)
		return -errno;
	in = malloc((size_t)st.st_size + 1);
	if (!in || !out)
		return -ENOMEM;
	if (pread(fd, in, (size_t)st.st_size, 0) != st.st_size)
		return -EIO;
	if (lzma_stream_buffer_decode(&limit, 0, NULL, in, &in_at, (size_t)st.st_size, out, &out_at,
				      MODULE_SIZE_MAX) != LZMA_OK)
		return -EBADMSG;
	return syscall(SYS_init_module, out, out_at, options) < 0 ? -errno : 0;
}

static int insert(const char *path, const char *options)
{
	_cleanup_close_ int fd = open(path, O_RDONLY | O_CLOEXEC);
	bool is_plain = ends_with(path, ".ko");
	int r;

	if (fd < 0)
		return -errno;
	r = syscall(SYS_finit_module, fd, options, is_plain ? 0 : COMPRESSED_FILE) < 0 ? -errno : 0;
	/* A kernel before 5.17 knows no such flag, one without the decoder says that it cannot. */
	if (!is_plain && (r == -EINVAL || r == -EOPNOTSUPP) && ends_with(path, ".xz"))
		r = init_from_xz(fd, options);
	return r;
}

static const char *explain(int r, const char *path)
{
	if ((r == -EINVAL || r == -EOPNOTSUPP) && !ends_with(path, ".ko"))
		return "this kernel cannot unpack it: put it into the image uncompressed";
	if (r == -EBADMSG)
		return "the file is damaged";
	return strerror(-r);
}

/* path is as in modules.dep, below the directory, and ends at a blank, a colon or a newline. */
static void load_file(struct modules *m, const char *name, const char *path)
{
	char file[512], options[OPTIONS_MAX];
	int r;

	snprintf(file, sizeof(file), "%s/%.*s", m->directory, (int)strcspn(path, " \t\r\n:"), path);
	modindex_options(&m->index, name, options, sizeof(options));
	r = insert(file, options);
	if (r == 0) {
		m->count++;
		console_log(LOG_DEBUG, "module %s loaded%s%s", name, *options ? " with " : "",
			    options);
	} else if (r == -ENODEV || r == -ENOENT) { /* no such device, or left out of the image */
		console_log(LOG_DEBUG, "module %s: %s", name, strerror(-r));
	} else if (r != -EEXIST) {
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

static void load_by_name(const char *name, void *arg)
{
	struct modules *m = arg;
	const char *line, *colon;

	if (m->depth == DEPTH_MAX || !remember(m, name))
		return;
	line = modindex_dependencies(&m->index, name);
	if (!line)
		return; /* in the kernel already, or not in this image */
	colon = line + strcspn(line, ":\n");
	m->depth++;
	modindex_soft(&m->index, name, false, load_by_name, m);
	load_needed(m, *colon == ':' ? colon + 1 : colon);
	load_file(m, name, line);
	modindex_soft(&m->index, name, true, load_by_name, m);
	m->depth--;
}

void modules_load_for(struct modules *m, const char *modalias)
{
	modindex_match(&m->index, modalias, load_by_name, m);
}
