/* Where the handler of last_words.c returns to: rt_sigreturn(2), in the very bytes by which debuggers
 * know the frame of a signal. */
#include <asm/unistd.h>

        .hidden last_words_return

        .text
        .globl  last_words_return
        .type   last_words_return, @function
        nop
last_words_return:
        movq    $__NR_rt_sigreturn, %rax
        syscall
        .size   last_words_return, . - last_words_return

        .section .note.GNU-stack, "", @progbits
