/* The init to start; see root.h. */
#include "root/root.h"

#include <elf.h>
#include <errno.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/console.h"
#include "base/elfinfo.h"
#include "image/initcheck.h"
#include "image/usr_root.h"
#include "root/i386.h"
#include "root/systemd_needs.h"
#include "zram/zram_keep.h"

/* Where the path of the new init is from. */
static const char *origin(const struct boot *b, const char *path)
{
	return path == b->params.init     ? "from the kernel command line"
	       : path == b->manifest.init ? "from the manifest"
					  : "found in the root";
}

/* The image was packed with that init, so the root is not what it was. */
static void warn_of_other(const struct boot *b, const struct root_files *files, const char *path)
{
	struct fail f;

	if (!*b->manifest.init || *b->params.init || path == b->manifest.init ||
	    initcheck_program(files, b->manifest.init, program_own_machine(), &f) == 0)
		return;
	console_log(LOG_WARNING, "%s, the init that the manifest names, cannot start (%s): %s does",
		    b->manifest.init, f.why, path);
}

static int make_name(void *arg, const struct usr_root_name *n)
{
	struct boot *b = arg;
	int r = n->target ? symlinkat(n->target, b->new_root_fd, n->name)
			  : mkdirat(b->new_root_fd, n->name, n->mode);

	if (r < 0)
		return fail_errno(&b->fail, errno, n->name, "cannot create it in the root");
	console_log(LOG_NOTICE, "the root has only /usr: made /%s%s%s", n->name,
		    n->target ? " -> " : "", n->target ? n->target : "");
	return 0;
}

static int check_i386(struct boot *b, const struct root_files *files)
{
	if (initcheck_machine(files, b->new_init) != EM_386 || i386_runs())
		return 0;
	return fail_set(&b->fail, ENOEXEC, b->new_init,
			"Boot a kernel that has CONFIG_IA32_EMULATION=y, without ia32_emulation=0 "
			"on its command line, or pack a 64-bit root.",
			"it is a 32-bit program, which this kernel cannot run");
}

int root_check_init(struct boot *b)
{
	struct root_files files = root_files_at(b->new_root_fd);
	const char *path;

	if (usr_root_complete(&files, make_name, b) < 0)
		return -b->fail.error;
	path = initcheck_find(&files, b->params.init, b->manifest.init, program_own_machine(),
			      &b->fail);
	if (!path)
		return -b->fail.error;
	warn_of_other(b, &files, path);
	snprintf(b->new_init, sizeof(b->new_init), "%s", path);
	snprintf(b->detail, sizeof(b->detail), "%.120s, %s", path, origin(b, path));
	if (check_i386(b, &files) < 0 || systemd_needs_check(b->new_root_fd, path, &b->fail) < 0)
		return -b->fail.error;
	if (*b->zram.device && systemd_is(b->new_root_fd, path))
		zram_keep(b->zram.device);
	payload_close(&b->payload);
	block_list_free(&b->blocks);
	for (size_t i = 0; i < b->n_layers; i++)
		payload_close(&b->layers[i].payload);
	return 0;
}
