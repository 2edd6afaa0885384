/* The tarboot command: finds the subcommand. */
#include <getopt.h>
#include <locale.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>

#include "command.h"
#include "out.h"
#include "say.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "pack", command_pack, "make a bootable image of a root file system" },
	{ "inspect", command_inspect, "show what is in an image" },
	{ "verify", command_verify, "check every byte of an image, write nothing" },
	{ "unpack", command_unpack, "unpack an image as the boot does" },
	{ "run", command_run, "boot an image in QEMU" },
	{ "kernel-check", command_kernel_check, "say whether a kernel has what tarboot needs" },
	{ "netboot", command_netboot, "publish images for machines that boot from the network" },
	{ "timeline", command_timeline, "show when what happened in a boot" },
	{ "serve", command_serve, "serve them: DHCP, TFTP and HTTP, and say who boots what" },
};

static int print_help(void)
{
	puts("tarboot " TARBOOT_VERSION
	     ": boot a whole operating system from a .tar.xz into RAM\n\n"
	     "Usage: tarboot COMMAND [OPTION]...\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-12s  %s\n", commands[i].name, commands[i].help);
	puts("\n`tarboot COMMAND --help` tells more.");
	return EXIT_OK;
}

/* Deep directories keep a descriptor for each level open. */
static void raise_file_limit(void)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
		limit.rlim_cur = limit.rlim_max;
		(void)setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* A result that nobody got is a failure. */
static int flush_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fputs("tarboot: standard output: cannot write to it\n", stderr);
	return EXIT_FAILED;
}

int main(int argc, char **argv)
{
	setlocale(LC_CTYPE, "C.UTF-8"); /* or libarchive warns of every name that is not ASCII */
	raise_file_limit();
	out_catch_signals();
	if (argc < 2) {
		fputs("tarboot: which command? Try `tarboot --help`.\n", stderr);
		return EXIT_USAGE;
	}
	if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0)
		return print_help();
	if (strcmp(argv[1], "--version") == 0) {
		puts("tarboot " TARBOOT_VERSION);
		return EXIT_OK;
	}
	opterr = 0; /* say_bad_option says it in our form */
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(argv[1], commands[i].name) == 0)
			return flush_output(commands[i].run(argc - 1, argv + 1));
	fprintf(stderr, "tarboot: %s: there is no such command. Try `tarboot --help`.\n", argv[1]);
	return EXIT_USAGE;
}
