/*
 * Calls malloc from a function whose unwind table counts from the frame pointer, which holds
 * anything: nothing, no address, memory without access, memory below the stack.
 *
 * Expected: no crash, and a stack as large as untraced: who reads below it makes it grow.
 */
#include <stdint.h>
#include <sys/mman.h>

#include "victim.h"

/* malloc(size), with `frame` in the frame pointer. */
void *malloc_with_frame(uintptr_t frame, void *(*function)(size_t), size_t size);
#ifdef __x86_64__
__asm__(".text\n"
        ".type malloc_with_frame, @function\n"
        "malloc_with_frame:\n"
        "    .cfi_startproc\n"
        "    push %rbp\n"
        "    .cfi_def_cfa_offset 16\n"
        "    .cfi_offset rbp, -16\n"
        "    mov %rsp, %rbp\n"
        "    .cfi_def_cfa_register rbp\n"
        "    push %rbx\n"
        "    push %r12\n"
        "    .cfi_offset rbx, -24\n"
        "    mov %rbp, %rbx\n"
        "    mov %rdi, %rbp\n"
        "    mov %rdx, %rdi\n"
        "    call *%rsi\n"
        "    mov %rbx, %rbp\n"
        "    pop %r12\n"
        "    pop %rbx\n"
        "    pop %rbp\n"
        "    ret\n"
        "    .cfi_endproc\n");
#else
__asm__(".text\n"
        ".type malloc_with_frame, @function\n"
        "malloc_with_frame:\n"
        "    .cfi_startproc\n"
        "    push %ebp\n"
        "    .cfi_def_cfa_offset 8\n"
        "    .cfi_offset ebp, -8\n"
        "    mov %esp, %ebp\n"
        "    .cfi_def_cfa_register ebp\n"
        "    push %ebx\n"
        "    mov %ebp, %ebx\n"
        "    mov 8(%ebx), %ebp\n"
        "    push 16(%ebx)\n"
        "    call *12(%ebx)\n"
        "    add $4, %esp\n"
        "    mov %ebx, %ebp\n"
        "    pop %ebx\n"
        "    pop %ebp\n"
        "    ret\n"
        "    .cfi_endproc\n");
#endif

int main(void)
{
    char *none = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    uintptr_t here = (uintptr_t)&none;
    uintptr_t frames[] = {0,           1,           8,           (uintptr_t)none, (uintptr_t)none + 8188,
                          here,        here + 1,    here - 5000, here - 100000,   here - 4096 * 100,
                          (here | 0xfffff) + 1, UINTPTR_MAX, UINTPTR_MAX - 7, UINTPTR_MAX / 2 + 1};
    unsigned count = 0;
    for (unsigned i = 0; i < sizeof frames / sizeof *frames; i++)
        for (unsigned large = 0; large < 2; large++) {
            void *block = malloc_with_frame(frames[i], malloc, large ? 300000 : 40);
            count += block != NULL;
            free(block);
        }
    say("@ blocks %u\n", count);
    return 0;
}
