/*
 * touch_memory MIB: writes to so many MiB of memory once and gives them back. On a virtual machine
 * that returns its free memory to the host, the first touch of a page that was free for some seconds
 * is several times slower than later ones: the benchmark runs this right before each timed run.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#define PAGE_SIZE 4096

int main(int argc, char **argv)
{
	size_t size = argc == 2 ? (size_t)strtoul(argv[1], NULL, 10) << 20 : 0;
	volatile char *memory;

	if (size == 0) {
		fputs("usage: touch_memory MIB\n", stderr);
		return 2;
	}
	memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (memory == MAP_FAILED) {
		perror("touch_memory: mmap");
		return 1;
	}
	for (size_t i = 0; i < size; i += PAGE_SIZE)
		memory[i] = 1;
	return 0;
}
