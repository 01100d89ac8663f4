        .text

/* void walkers_on_stack(void *top, void (*function)(void *), void *arg) */
        .hidden walkers_on_stack
        .globl  walkers_on_stack
        .type   walkers_on_stack, @function
walkers_on_stack:
        .cfi_startproc
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbp, 0
        movq    %rsp, %rbp
        .cfi_def_cfa_register rbp
        movq    %rdi, %rsp
        movq    %rdx, %rdi
        call    *%rsi
        movq    %rbp, %rsp
        .cfi_def_cfa_register rsp
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbp
        ret
        .cfi_endproc
        .size   walkers_on_stack, . - walkers_on_stack

        .section .note.GNU-stack, "", @progbits
