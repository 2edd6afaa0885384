/* The tarboot command: finds the subcommand. */
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "command/command.h"
#include "base/files_limit.h"
#include "base/options.h"
#include "base/out.h"
#include "base/print.h"

static const struct {
	const char *name;
	int (*run)(int argc, char **argv);
	const char *help;
} commands[] = {
	{ "pack", command_pack, "make a bootable image of a root file system" },
	{ "inspect", command_inspect, "show what is in an image" },
	{ "verify", command_verify, "check every byte of an image" },
	{ "unpack", command_unpack, "unpack an image into a directory, as the boot does" },
	{ "run", command_run, "boot an image in QEMU" },
	{ "kernel-check", command_kernel_check, "check whether a kernel has what tarboot needs" },
	{ "netboot", command_netboot, "publish images for machines that boot from the network" },
	{ "timeline", command_timeline, "show the steps of a boot and how long they took" },
	{ "serve", command_serve, "serve published images by DHCP, TFTP and HTTP" },
};

static int print_help(void)
{
	puts("tarboot " TARBOOT_VERSION
	     ": boot a whole operating system from a tar archive into RAM\n\n"
	     "Usage: tarboot COMMAND [OPTION]...\n");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		printf("  %-12s  %s\n", commands[i].name, commands[i].help);
	puts("\n  -h, --help     show this help; `tarboot help COMMAND` shows that of a command\n"
	     "  -V, --version  show the version");
	return EXIT_OK;
}

/* A result that could not be written is a failure. */
static int flush_output(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	fputs("tarboot: standard output: cannot write to it\n", stderr);
	return EXIT_FAILED;
}

static const struct command_usage *const usages[] = {
	&usage_pack,         &usage_inspect, &usage_verify, &usage_unpack,   &usage_run,
	&usage_kernel_check, &usage_netboot, &usage_serve,  &usage_timeline, NULL
};

static const char *next_command(size_t i, const void *arg)
{
	(void)arg;
	return i < ARRAY_SIZE(commands) ? commands[i].name : NULL;
}

static int run_command(int argc, char **argv)
{
	char nearest[NEAREST_MAX];

	for (size_t i = 0; i < ARRAY_SIZE(commands); i++)
		if (strcmp(argv[0], commands[i].name) == 0)
			return flush_output(commands[i].run(argc, argv));
	if (*argv[0] == '-')
		print_line(stderr, "tarboot: %s: options go after the command", argv[0]);
	else
		print_line(stderr, "tarboot: %s: unknown command%s", argv[0],
			   nearest_name(argv[0], "", next_command, NULL, nearest));
	fputs("  Try `tarboot --help`.\n", stderr);
	return EXIT_USAGE;
}

static bool is_one_of(const char *word, const char *a, const char *b, const char *c)
{
	return strcmp(word, a) == 0 || strcmp(word, b) == 0 || strcmp(word, c) == 0;
}

int main(int argc, char **argv)
{
	static char help[] = "--help";

	options_set_commands(usages);
	files_limit_raise();
	out_catch_signals();
	if (argc < 2) {
		fputs("tarboot: no command given\n  Try `tarboot --help`.\n", stderr);
		return EXIT_USAGE;
	}
	if (argc > 2 && strcmp(argv[1], "help") == 0) { /* tarboot help COMMAND */
		argv[1] = argv[2];
		argv[2] = help;
		argc = 3;
	}
	if (is_one_of(argv[1], "-h", "--help", "help"))
		return flush_output(print_help());
	if (is_one_of(argv[1], "-V", "--version", "version")) {
		puts("tarboot " TARBOOT_VERSION);
		return flush_output(EXIT_OK);
	}
	return run_command(argc - 1, argv + 1);
}
