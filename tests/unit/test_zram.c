/* What compressed swap can still gain while a root is unpacked, by what the kernel tells of the device. */
#include "zram/zram.h"

#include <sys/mman.h>
#include <unistd.h>

#include "image/zramguess.h"
#include "scratch.h"
#include "tap.h"

#define KIB 1024ULL
#define EXPECTED 265 /* per cent */

/* What mm_stat says; the others in KiB: what may be swapped, the free swap, what of that is not worth it; what is taken to be gained: of
 * so much, by this ratio. */
static const struct {
	const char *what, *mm_stat;
	uint64_t swappable, free, incompressible, gained_of;
	unsigned ratio;
} cases[] = {
	{ "nothing in it yet: the ratio that is expected", "0 0 0 0 0 0 0 0 0", 100000, 300000, 0,
	  100000, EXPECTED },
	{ "no more than there is swap", "0 0 0 0 0 0 0 0 0", 100000, 30000, 0, 30000, EXPECTED },
	{ "too little in it to tell", "4194304 4194304 4194304 0 0 0 0 0 0", 100000, 300000, 0,
	  100000, EXPECTED },
	{ "the ratio that is", "40960000 20480000 20480000 0 0 0 0 0 0", 100000, 300000, 0, 100000,
	  199 },
	{ "without what has arrived, which is in memory", "40960000 20480000 20480000 0 0 0 0 0 0",
	  100000, 300000, 34000, 66000, 199 },
	{ "nothing but what has arrived", "0 0 0 0 0 0 0 0 0", 30000, 300000, 34000, 0, EXPECTED },
	/* a Debian on 224 MiB, fetched faster than it was decoded */
	{ "what has arrived is in zram itself",
	  "41590784 36654080 36655104 0 36655104 0 0 8498 8498", 101748, 322452, 33992, 101748,
	  EXPECTED },
	{ "half of it is, and the rest tells enough",
	  "61440000 29184000 29184000 0 0 0 0 4250 4250", 100000, 300000, 34000, 83000, 373 },
	{ "incompressible pages of the tree tell of it",
	  "41590784 36654080 36655104 0 36655104 0 0 8498 8498", 101748, 322452, 0, 101748, 113 },
	{ "a kernel that does not tell of them", "41590784 36654080 36655104", 101748, 322452, 0,
	  101748, 113 },
	{ "nonsense", "many", 100000, 300000, 0, 100000, EXPECTED },
	{ "more incompressible than there is", "10000000 10000000 10000000 0 0 0 0 99999999999 0",
	  100000, 300000, 100000, 9765, EXPECTED },
};

int main(void)
{
	struct zram z = { .ratio = EXPECTED };
	struct memory m = { .swappable = 100000 * KIB, .swap_free = 100000 * KIB };

	is_int((long)zram_can_gain(&z, &m, 0), 0, "without a device nothing");
	strcpy(z.device, "zram0");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		z.use_fd = memfd_create("mm_stat", MFD_CLOEXEC);
		if (z.use_fd < 0 || write(z.use_fd, cases[i].mm_stat, strlen(cases[i].mm_stat)) < 0)
			scratch_die("mm_stat");
		m.swappable = cases[i].swappable * KIB;
		m.swap_free = cases[i].free * KIB;
		is_int((long)(zram_can_gain(&z, &m, cases[i].incompressible * KIB) / KIB),
		       (long)(zramguess_gain(cases[i].gained_of * KIB, cases[i].ratio) / KIB), "%s",
		       cases[i].what);
		close(z.use_fd);
	}
	return done_testing();
}
