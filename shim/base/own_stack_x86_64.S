        .text

/* void own_stack_call(void *top, void (*function)(void *), void *arg) */
        .hidden own_stack_call
        .globl  own_stack_call
        .type   own_stack_call, @function
own_stack_call:
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
        .size   own_stack_call, . - own_stack_call

        .section .note.GNU-stack, "", @progbits
