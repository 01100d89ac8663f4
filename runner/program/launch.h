/* Starts the program: under the shim, or as far as whoever traces it otherwise can share it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct launch {
    const char *path; /* to execute */
    char **argv;
    const char *shim;      /* path of the shared object; NULL: none */
    const char *sanitizer; /* struct target_elf's */
    const char *socket;    /* name of the runner's socket */
    bool no_aslr;
    bool follow; /* children are traced, too */
    bool stdout_to_stderr;
    uint32_t stacks; /* what is recorded of them: enum pmt_ring_flags */
    uint8_t stack_depth;
};

/* The runner's own limits (of memory, of the size of files), as high as they go, and its own
 * actions for two signals: what was there is meant for the program, which gets it back. Called
 * once, before anything else. */
void launch_raise_limits(void);

/* Returns 0 and `*pid`, or -errno; when execve(2) itself failed `*executing` is set. */
int launch_program(const struct launch *launch, pid_t *pid, bool *executing);

/* What is left to do in the child before execve(2): descriptors, limits, addresses. Returns the
 * environment: the user's, and what the shim is to know if there is one. */
char **launch_become(const struct launch *launch);

/* The path of the shim that belongs to this runner; -errno if it is not there. `size` of
 * PATH_MAX. */
int launch_find_shim(char *path, size_t size);
