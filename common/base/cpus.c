#include "base/cpus.h"

#include <errno.h>
#include <sched.h>

#include "base/util.h"

#define CPUS_MAX (1 << 20) /* that a kernel may have */

/* The kernel refuses a set that is smaller than its own, which has 8192 CPUs in distributions' kernels and may have
 * more than cpu_set_t anywhere. */
unsigned cpus_usable(void)
{
	for (size_t n = CPU_SETSIZE; n <= CPUS_MAX; n *= 2) {
		_cleanup_free_ cpu_set_t *set = CPU_ALLOC(n);

		if (!set)
			return 1;
		if (sched_getaffinity(0, CPU_ALLOC_SIZE(n), set) == 0)
			return (unsigned)CPU_COUNT_S(CPU_ALLOC_SIZE(n), set);
		if (errno != EINVAL)
			return 1;
	}
	return 1;
}
