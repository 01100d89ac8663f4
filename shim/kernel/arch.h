/* What is written anew for each machine: arch_i386.S. */
#ifndef PMT_ARCH_H
#define PMT_ARCH_H

/* Calls function(arg) on the stack that ends at `top`, a multiple of 16. */
void arch_on_stack(void *top, void (*function)(void *), void *arg);

#endif
