/* dlopen and dlmopen: as in dlopen_i386.S, a jump where dlopen(3) asks who calls. */
        .text

        .macro  STUB name
        .hidden \name\()_target
        .hidden \name\()_wrapped
        .globl  \name
        .type   \name, @function
\name:
        .cfi_startproc
        pushq   %rdx                    /* the arguments, in memory */
        .cfi_adjust_cfa_offset 8
        pushq   %rsi
        .cfi_adjust_cfa_offset 8
        pushq   %rdi
        .cfi_adjust_cfa_offset 8
        movq    %rsp, %rdi
        leaq    24(%rsp), %rsi          /* where the caller is */
        call    \name\()_target
        popq    %rdi
        .cfi_adjust_cfa_offset -8
        popq    %rsi
        .cfi_adjust_cfa_offset -8
        popq    %rdx
        .cfi_adjust_cfa_offset -8
        testq   %rax, %rax
        jz      \name\()_wrapped
        jmpq    *%rax
        .cfi_endproc
        .size   \name, . - \name
        .endm

        STUB dlopen
        STUB dlmopen

        .section .note.GNU-stack, "", @progbits
