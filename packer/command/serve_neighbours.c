#include "command/serve_neighbours.h"

#include <stdio.h>

#include "base/print.h"

#define PARAMETER "net.ipv4.neigh.default.gc_thresh3"
#define LIMIT "/proc/sys/net/ipv4/neigh/default/gc_thresh3"

static uint64_t count_machines(const struct site *s)
{
	uint64_t n = s->n_machines;
	uint32_t first, last;

	if (!s->proxy && site_range(s, &first, &last))
		n += last - first + 1;
	return n;
}

void serve_warn_of_neighbours(const struct site *s)
{
	unsigned long long limit, machines = count_machines(s);
	FILE *file = fopen(LIMIT, "re");

	if (file && fscanf(file, "%llu", &limit) == 1 && machines > limit)
		print_warning("there may be %llu machines, and this machine's kernel knows the "
			      "addresses of %llu at a time, so others get no answer: run "
			      "`sysctl -w " PARAMETER "=%llu`",
			      machines, limit, 2 * machines);
	if (file)
		fclose(file);
}
