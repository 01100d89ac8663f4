/* Start and end of threads. */
#pragma once

/* Instead of `start(arg)`: where the new thread is to begin. The return value is the function for
 * pthread_create(3), `*arg` its argument. */
typedef void *(*thread_function)(void *);
thread_function threads_announce(thread_function start, void **arg);
void threads_take_back(void *arg); /* the thread was not made after all */

/* Called by the entry when a thread makes its last system call, and by name from assembly. */
__attribute__((visibility("hidden"))) void threads_exit(void);
