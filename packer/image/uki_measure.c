/* The sections go to files without names, which systemd-measure opens by their descriptors. */
#include "image/uki_measure.h"

#include <errno.h>
#include <stdio.h>

#include "base/read_range.h"
#include "base/spool.h"
#include "base/tool.h"

#define PACKAGE "Debian: systemd"

/* In the order in which the stub measures them; .pcrsig is not measured. */
static const char *const measured[] = { ".linux", ".osrel", ".cmdline", ".initrd", ".splash",
					".dtb",   ".uname", ".sbat",    ".pcrpkey" };

#define N_MEASURED ARRAY_SIZE(measured)

/* Phases are measured by systemd, of which there is none in an initramfs of tarboot: the first one is the new root's. */
static const char *const arguments[] = { "calculate", "--phase=:", "--phase=sysinit",
					 "--phase=sysinit:ready" };

#define ARGUMENTS (1 + ARRAY_SIZE(arguments))

struct measure {
	const struct uki *uki;
	const char *path, *program;
	struct spool spools[N_MEASURED];
	size_t n; /* of spools */
	char options[N_MEASURED][64];
	const char *argv[ARGUMENTS + N_MEASURED + 1];
	int keep[N_MEASURED + 1];
};

static unsigned number_behind(const char *text, const char *words)
{
	const char *at = strstr(text, words);

	return at ? (unsigned)strtoul(at + strlen(words), NULL, 10) : 0;
}

static const char *find_program(void)
{
	static const char *const places[] = { "systemd-measure", "/usr/lib/systemd/systemd-measure",
					      "/lib/systemd/systemd-measure" };

	for (size_t i = 1; i < ARRAY_SIZE(places) && !tool_is_there(places[0]); i++)
		if (tool_is_there(places[i]))
			return places[i];
	return places[0];
}

struct copy {
	struct spool *to;
	bool failed; /* to write; *f is set */
	struct fail *f;
};

static int take_copy(void *arg, const void *data, size_t size)
{
	struct copy *c = arg;
	int r = spool_write(c->to, data, size, NULL, c->f);

	c->failed = r < 0;
	return r;
}

/* As it is in memory: zeros follow what the file has. */
static int copy_section(const struct uki *uki, const struct pe_section *s, const char *path,
			struct spool *to, struct fail *f)
{
	struct copy c = { .to = to, .f = f };
	int r = read_range(uki->fd, s->offset, (uint64_t)s->offset + pe_content_size(s), take_copy,
			   &c);

	if (r < 0)
		return c.failed ? r : fail_errno(f, r, path, "cannot read it");
	return ftruncate(to->fd, (off_t)s->memory_size) < 0
		       ? fail_errno(f, errno, path, "cannot copy a section")
		       : 0;
}

/* Hands a section over, if there is one. */
static int add_section(struct measure *m, size_t i, struct fail *f)
{
	const struct pe_section *s = pe_find(&m->uki->pe, measured[i]);
	struct spool *spool = &m->spools[m->n];
	char path[TOOL_PATH_MAX];
	int r;

	if (!s)
		return 0;
	r = spool_new(spool, f);
	if (r < 0)
		return r;
	m->keep[m->n] = spool->fd;
	snprintf(m->options[m->n], sizeof(m->options[0]), "--%s=%s", measured[i] + 1,
		 tool_path_of(spool->fd, path));
	m->argv[ARGUMENTS + m->n] = m->options[m->n];
	m->n++;
	return copy_section(m->uki, s, m->path, spool, f);
}

/* Versions differ in the sections that they know, as the stubs of the same versions do. */
static int add_sections(struct measure *m, struct fail *f)
{
	const char *const argv[] = { m->program, "--help", NULL };
	_cleanup_free_ char *help = NULL;
	int r = tool_run(&(struct tool){ .argv = argv, .package = PACKAGE }, m->path, NULL, &help,
			 f);
	char option[16];

	for (size_t i = 0; r == 0 && i < N_MEASURED; i++) {
		snprintf(option, sizeof(option), "--%s=", measured[i] + 1);
		if (strstr(help, option))
			r = add_section(m, i, f);
	}
	return r;
}

static int measure(struct measure *m, char **ret, struct fail *f)
{
	int r;

	m->argv[0] = m->program;
	memcpy(m->argv + 1, arguments, sizeof(arguments));
	r = add_sections(m, f);
	if (r < 0)
		return r;
	m->keep[m->n] = -1;
	return tool_run(&(struct tool){ .argv = m->argv, .keep = m->keep, .package = PACKAGE },
			m->path, NULL, ret, f);
}

unsigned uki_stub_version(const struct uki *uki)
{
	return number_behind(uki->stub ? uki->stub : "", "systemd-stub ");
}

static int read_version(const struct measure *m, unsigned *ret, struct fail *f)
{
	const char *const argv[] = { m->program, "--version", NULL };
	_cleanup_free_ char *text = NULL;
	int r = tool_run(&(struct tool){ .argv = argv, .package = PACKAGE }, m->path, NULL, &text,
			 f);

	if (r == 0)
		*ret = number_behind(text, "systemd ");
	return r;
}

int uki_measure(const struct uki *uki, const char *path, char **ret, unsigned *ret_version,
		struct fail *f)
{
	struct measure m = { .uki = uki, .path = path, .program = find_program() };
	int r = read_version(&m, ret_version, f);

	if (r == 0)
		r = measure(&m, ret, f);
	for (size_t i = 0; i < m.n; i++)
		spool_close(&m.spools[i]);
	return r;
}
