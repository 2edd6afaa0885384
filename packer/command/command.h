/* The subcommands: each gets its own argv (argv[0] = its name) and returns an exit code. */
#pragma once

int command_pack(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_verify(int argc, char **argv);
int command_unpack(int argc, char **argv);
int command_run(int argc, char **argv);
int command_kernel_check(int argc, char **argv);
int command_netboot(int argc, char **argv);
int command_serve(int argc, char **argv);
int command_timeline(int argc, char **argv);
