        .hidden sys_gate
        .hidden sys_load_pc
        .hidden sys_call_regs

        .text

/* Address of the instruction behind the call in ebx. */
        .globl  sys_load_pc
        .type   sys_load_pc, @function
sys_load_pc:
        .cfi_startproc
        movl    (%esp), %ebx
        ret
        .cfi_endproc
        .size   sys_load_pc, . - sys_load_pc

        .type   int80, @function
int80:
        .cfi_startproc
        int     $0x80
        ret
        .cfi_endproc
        .size   int80, . - int80

/* long sys_call_regs(const struct sys_regs *): a system call of the shim itself. */
        .globl  sys_call_regs
        .type   sys_call_regs, @function
sys_call_regs:
        .cfi_startproc
        pushl   %ebp
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebp, 0
        pushl   %edi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset edi, 0
        pushl   %esi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset esi, 0
        pushl   %ebx
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebx, 0
        movl    20(%esp), %eax
        call    sys_load_pc
        addl    $_GLOBAL_OFFSET_TABLE_, %ebx
        pushl   sys_gate@GOTOFF(%ebx)
        .cfi_adjust_cfa_offset 4
        movl    4(%eax), %ebx
        movl    8(%eax), %ecx
        movl    12(%eax), %edx
        movl    16(%eax), %esi
        movl    20(%eax), %edi
        movl    24(%eax), %ebp
        movl    (%eax), %eax
        call    *(%esp)
        addl    $4, %esp
        .cfi_adjust_cfa_offset -4
        popl    %ebx
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebx
        popl    %esi
        .cfi_adjust_cfa_offset -4
        .cfi_restore esi
        popl    %edi
        .cfi_adjust_cfa_offset -4
        .cfi_restore edi
        popl    %ebp
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebp
        ret
        .cfi_endproc
        .size   sys_call_regs, . - sys_call_regs

        .section .data.rel.local, "aw"
        .balign 4
        .globl  sys_gate
sys_gate:
        .long   int80

        .section .note.GNU-stack, "", @progbits
