/*
 * A child process whose output this one reads, and which does not outlive it, however it ends.
 */
#pragma once

#include <sys/types.h>

/* Forks. In the child, where it returns 0: standard input is empty, standard output is the pipe; it runs a program or
 * calls _exit(). Else the child's pid, and *ret_fd to read from, which the caller closes; or -errno. */
pid_t piped_child(int *ret_fd);

/* The same, with our standard input. */
pid_t piped_child_with_input(int *ret_fd);
