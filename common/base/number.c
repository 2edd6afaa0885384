#include "base/number.h"

#include "base/util.h"

bool number_take(const char **at, uint64_t *ret)
{
	const char *start = *at;
	uint64_t n = 0;

	for (; **at >= '0' && **at <= '9'; (*at)++)
		n = add_u64(multiply_u64(n, 10), (uint64_t)(**at - '0'));
	if (*at == start)
		return false;
	*ret = n;
	return true;
}
