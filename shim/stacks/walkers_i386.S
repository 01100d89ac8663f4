        .text

/* void walkers_on_stack(void *top, void (*function)(void *), void *arg) */
        .hidden walkers_on_stack
        .globl  walkers_on_stack
        .type   walkers_on_stack, @function
walkers_on_stack:
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
        .size   walkers_on_stack, . - walkers_on_stack

        .section .note.GNU-stack, "", @progbits
