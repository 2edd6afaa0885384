/* The init to start; see root.h. */
#include "root/root.h"

#include <stdio.h>

#include "base/elfinfo.h"
#include "image/initcheck.h"
#include "root/systemd_needs.h"
#include "zram/zram_keep.h"

int root_check_init(struct boot *b)
{
	struct root_files files = root_files_at(b->new_root_fd);
	const char *path = initcheck_find(&files, b->params.init, b->manifest.init,
					  program_own_machine(), &b->fail);

	if (!path)
		return -b->fail.error;
	snprintf(b->new_init, sizeof(b->new_init), "%s", path);
	snprintf(b->detail, sizeof(b->detail), "%.150s", path);
	if (systemd_needs_check(b->new_root_fd, path, &b->fail) < 0)
		return -b->fail.error;
	if (*b->zram.device && systemd_is(b->new_root_fd, path))
		zram_keep(b->zram.device);
	payload_close(&b->payload);
	block_list_free(&b->blocks);
	for (size_t i = 0; i < b->n_layers; i++)
		payload_close(&b->layers[i].payload);
	return 0;
}
