/* System calls that change the map, as libc makes them. */
#ifndef PMT_KERNEL_H
#define PMT_KERNEL_H

/* Puts kernel_entry between libc and the kernel, for this thread and those that it will create. */
void kernel_hook_install(void);

#endif
