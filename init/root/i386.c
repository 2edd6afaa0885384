/* The smallest program: one segment, exit(0). */
#include "root/i386.h"

#include <elf.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/child.h"
#include "base/util.h"

#define PROBE "/i386-probe"
#define ADDRESS 0x08048000 /* where such programs usually are */

static const struct probe {
	Elf32_Ehdr e;
	Elf32_Phdr segment;
	unsigned char code[12];
} probe = {
	.e = { .e_ident = { 0x7f, 'E', 'L', 'F', ELFCLASS32, ELFDATA2LSB, EV_CURRENT },
	       .e_type = ET_EXEC,
	       .e_machine = EM_386,
	       .e_version = EV_CURRENT,
	       .e_entry = ADDRESS + offsetof(struct probe, code),
	       .e_phoff = offsetof(struct probe, segment),
	       .e_ehsize = sizeof(Elf32_Ehdr),
	       .e_phentsize = sizeof(Elf32_Phdr),
	       .e_phnum = 1 },
	.segment = { .p_type = PT_LOAD,
		     .p_vaddr = ADDRESS,
		     .p_filesz = sizeof(struct probe),
		     .p_memsz = sizeof(struct probe),
		     .p_flags = PF_R | PF_X,
		     .p_align = 4096 },
	/* xor eax,eax; inc eax; xor ebx,ebx; int 0x80: exit(0) */
	.code = { 0x31, 0xc0, 0x40, 0x31, 0xdb, 0xcd, 0x80 },
};

static bool write_probe(void)
{
	_cleanup_close_ int fd = open(PROBE, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0700);

	return fd >= 0 && write(fd, &probe, sizeof(probe)) == (ssize_t)sizeof(probe);
}

bool i386_runs(void)
{
	static char path[] = PROBE;
	char *const argv[] = { path, NULL };
	int status = -1;
	pid_t pid;

	pid = write_probe() ? fork() : -1;
	if (pid == 0) {
		execv(PROBE, argv);
		_exit(127);
	}
	if (pid > 0)
		status = child_wait(pid, 1000, NULL, NULL);
	(void)unlink(PROBE);
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}
