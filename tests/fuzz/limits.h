/*
 * What the sanitizers are told by the targets that read archives. Included once in a program.
 *
 * A dictionary, an Index or a name may ask for any size: more than this is refused, as a small machine
 * refuses it. libarchive 3.7.4 compares pax keys that begin with L to a longer constant by memcmp, which
 * ends at the first byte that differs but may, by the letter, read all.
 */
#pragma once

const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1:max_allocation_size_mb=256:strict_memcmp=0";
}

const char *__tsan_default_options(void);
const char *__tsan_default_options(void)
{
	return "allocator_may_return_null=1:max_allocation_size_mb=256:strict_memcmp=0";
}
