/* What the steps around the new root leave, taken away after a failure. */
#include "root/root.h"

#include <stdlib.h>
#include <sys/mount.h>
#include <unistd.h>

#include "root/root_fetch.h"
#include "zram/zram.h"

static void forget_layers(struct boot *b)
{
	for (size_t i = 0; i < b->n_layers; i++) {
		payload_close(&b->layers[i].payload);
		block_list_free(&b->layers[i].blocks);
	}
	free(b->layers);
	b->layers = NULL;
	b->n_layers = 0;
}

void root_forget(struct boot *b)
{
	if (b->new_root_fd >= 0)
		close(b->new_root_fd);
	b->new_root_fd = -1;
	(void)umount2(NEW_ROOT, MNT_DETACH); /* if it is mounted */
	root_fetch_stop(b);
	zram_unlock_payload(&b->zram);
	payload_close(&b->payload);
	forget_layers(b);
	arrival_free(b->held);
	b->held = b->payload.arrival = NULL;
	block_list_free(&b->blocks);
	manifest_free(&b->manifest);
	b->has_manifest = b->fetch.arrives = false;
}
