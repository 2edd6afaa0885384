/* The subcommands: each gets its own argv (argv[0] = its name) and returns an exit code. */
#pragma once

#include "base/options.h"

int command_pack(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_unpack(int argc, char **argv);
int command_run(int argc, char **argv);
int command_kernel_check(int argc, char **argv);
int command_netboot(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_timeline(int argc, char **argv);

/* Their command lines. */
extern const struct command_usage usage_pack, usage_inspect, usage_verify, usage_unpack, usage_run,
	usage_kernel_check, usage_netboot, usage_serve, usage_timeline;
