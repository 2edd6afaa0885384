/* As blkid knows them (util-linux, libblkid/src/superblocks/swap.c). */
#include "root/swap_file.h"

#include <string.h>

#include "base/util.h"

#define SIGNATURE_SIZE 10 /* bytes, at the end of a page */

bool swap_file_is(const void *head, size_t size)
{
	static const size_t pages[] = { 4096, 8192, 16384, 32768, 65536 };
	static const char *const signatures[] = {
		"SWAPSPACE2",                           /* swap */
		"S1SUSPEND",  "S2SUSPEND", "ULSUSPEND", /* with a hibernated system in it */
		"LINHIB0001",
	};

	for (size_t i = 0; i < ARRAY_SIZE(pages) && pages[i] <= size; i++)
		for (size_t k = 0; k < ARRAY_SIZE(signatures); k++)
			if (strncmp((const char *)head + pages[i] - SIGNATURE_SIZE, signatures[k],
				    SIGNATURE_SIZE) == 0)
				return true;
	return false;
}
