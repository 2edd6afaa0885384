/* How many files this process may have open. */
#pragma once

/* As many as the kernel allows it, instead of the usual 1024: unpacking keeps one open for each
 * write that is queued or done by one of up to 256 threads, one for each layer, and two for each
 * level of directories that are deleted. */
void files_limit_raise(void);
