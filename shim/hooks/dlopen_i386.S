/* void *dlopen(const char *file, int mode), dlmopen likewise with one argument more.
 * dlopen(3) searches the RUNPATH of the object that its return address lies in. Where that matters the
 * call is a jump, so that libc sees the program's own return address; it is then over when somebody has
 * returned there. Otherwise the call is wrapped. */
        .text

        .macro  STUB name
        .hidden \name\()_target
        .hidden \name\()_wrapped
        .globl  \name
        .type   \name, @function
\name:
        .cfi_startproc
        movl    %esp, %ecx              /* where the caller is */
        leal    4(%esp), %eax           /* the arguments */
        subl    $4, %esp
        .cfi_adjust_cfa_offset 4
        pushl   %ecx
        .cfi_adjust_cfa_offset 4
        pushl   %eax
        .cfi_adjust_cfa_offset 4
        call    \name\()_target
        addl    $12, %esp
        .cfi_adjust_cfa_offset -12
        testl   %eax, %eax
        jz      \name\()_wrapped
        jmp     *%eax
        .cfi_endproc
        .size   \name, . - \name
        .endm

        STUB dlopen
        STUB dlmopen

        .section .note.GNU-stack, "", @progbits
