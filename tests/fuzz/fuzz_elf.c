/* The heads of programs, as an init in a hostile root may have them. */
#include "base/elfinfo.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct program p;

	if (program_parse(data, size, &p) < 0)
		return 0;
	fuzz_accepted++;
	promise(p.kind == PROGRAM_ELF || p.kind == PROGRAM_SCRIPT);
	promise(memchr(p.interpreter, '\0', sizeof(p.interpreter)));
	promise(p.kind == PROGRAM_ELF || *p.interpreter);
	promise(program_machine_name(p.machine));
	return 0;
}
