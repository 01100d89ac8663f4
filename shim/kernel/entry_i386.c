/* Every system call of libc is `call *%gs:0x10` (entry_i386.S). New threads inherit the pointer. */
#include "shim/base/state.h"
#include "shim/base/sys.h"
#include "shim/kernel/entry.h"

extern void kernel_entry(void) __attribute__((visibility("hidden")));

bool entry_install(void)
{
    void *current;
    process.sees_signals = true;
    __asm__("movl %%gs:0x10, %0" : "=r"(current));
    if (current == (void *)kernel_entry)
        return true;
    sys_gate = current;
    __asm__ volatile("movl %0, %%gs:0x10" : : "r"((void *)kernel_entry) : "memory");
    return true;
}
