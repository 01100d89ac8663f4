        .hidden sys_call_regs

        .text

/* long sys_call_regs(const struct sys_regs *): a system call of the shim itself. */
        .globl  sys_call_regs
        .type   sys_call_regs, @function
sys_call_regs:
        .cfi_startproc
        movq    (%rdi), %rax
        movq    16(%rdi), %rsi
        movq    24(%rdi), %rdx
        movq    32(%rdi), %r10
        movq    40(%rdi), %r8
        movq    48(%rdi), %r9
        movq    8(%rdi), %rdi
        syscall
        ret
        .cfi_endproc
        .size   sys_call_regs, . - sys_call_regs

        .section .note.GNU-stack, "", @progbits
