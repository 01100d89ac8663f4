        .text

/* void own_stack_call(void *top, void (*function)(void *), void *arg) */
        .hidden own_stack_call
        .globl  own_stack_call
        .type   own_stack_call, @function
own_stack_call:
        .cfi_startproc
        pushl   %ebp
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebp, 0
        movl    %esp, %ebp
        .cfi_def_cfa_register ebp
        movl    12(%ebp), %eax
        movl    16(%ebp), %ecx
        movl    8(%ebp), %esp
        subl    $12, %esp
        pushl   %ecx
        call    *%eax
        movl    %ebp, %esp
        .cfi_def_cfa_register esp
        popl    %ebp
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebp
        ret
        .cfi_endproc
        .size   own_stack_call, . - own_stack_call

        .section .note.GNU-stack, "", @progbits
