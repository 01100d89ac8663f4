/* The kernel entry of libc on i386.
 *
 * Every system call of libc is `call *%gs:0x10` (glibc: sysdeps/unix/sysv/linux/i386/sysdep.h,
 * SYSINFO_OFFSET in the thread control block; musl: vsyscall.h). entry_install() puts kernel_entry
 * there. Number in eax, arguments in ebx ecx edx esi edi ebp, result in eax; every other
 * register survives, so do the caller's stack and its return address when the call is passed on. */
#include "shim/kernel/call_numbers.h"

#define CLONE_VM 0x100

        .hidden sys_gate
        .hidden sys_load_pc
        .hidden kernel_call
        .hidden kernel_entry
        .hidden entry_mmap2
        .hidden entry_munmap
        .hidden entry_mprotect

        .text

        .globl  kernel_entry
        .type   kernel_entry, @function
kernel_entry:
        .cfi_startproc
        pushl   %eax                    /* becomes the address to go on at */
        .cfi_adjust_cfa_offset 4
        pushl   %ebx
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebx, 0
        call    sys_load_pc
        addl    $_GLOBAL_OFFSET_TABLE_, %ebx
        cmpl    $512, %eax
        jae     .Lpass
        btl     %eax, map_changing@GOTOFF(%ebx)
        jnc     .Lpass
        cmpl    $__NR_clone, %eax
        jne     .Lrecord
        testl   $CLONE_VM, (%esp)       /* may return on another stack, or twice on this one */
        jz      .Lrecord
.Lpass:
        movl    sys_gate@GOTOFF(%ebx), %ebx
        movl    %ebx, 4(%esp)
        popl    %ebx
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebx
        ret                             /* a jump to sys_gate, all registers as they were */
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebx, 0
.Lrecord:
        popl    %ebx
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebx
        addl    $4, %esp
        .cfi_adjust_cfa_offset -4
        pushl   %ebp                    /* struct sys_regs */
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebp, 0
        pushl   %edi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset edi, 0
        pushl   %esi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset esi, 0
        pushl   %edx
        .cfi_adjust_cfa_offset 4
        pushl   %ecx
        .cfi_adjust_cfa_offset 4
        pushl   %ebx
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebx, 0
        pushl   %eax
        .cfi_adjust_cfa_offset 4
        movl    %esp, %ebp
        .cfi_def_cfa_register ebp
        andl    $-16, %esp
        subl    $12, %esp
        pushl   %ebp
        call    kernel_call
        movl    %ebp, %esp
        .cfi_def_cfa_register esp
        addl    $4, %esp
        .cfi_adjust_cfa_offset -4
        popl    %ebx
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebx
        popl    %ecx
        .cfi_adjust_cfa_offset -4
        popl    %edx
        .cfi_adjust_cfa_offset -4
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
        .size   kernel_entry, . - kernel_entry

/* What ld.so's calls lead to, see entry_i386.c: they go on behind `int $0x80`. */
        .macro  SITE name, number
        .globl  \name
        .type   \name, @function
\name:
        .cfi_startproc
        addl    $2, (%esp)
        movl    $\number, %eax
        jmp     kernel_entry
        .cfi_endproc
        .size   \name, . - \name
        .endm

        SITE entry_munmap, __NR_munmap
        SITE entry_mprotect, __NR_mprotect

/* Behind the call of the function that makes a system call with six arguments; as there. */
        .globl  entry_mmap2
        .type   entry_mmap2, @function
entry_mmap2:
        .cfi_startproc
        addl    $5, (%esp)
        pushl   %ebx
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebx, 0
        pushl   %edi
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset edi, 0
        pushl   %ebp
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebp, 0
        movl    (%edi), %ebx
        movl    8(%edi), %ebp
        movl    4(%edi), %edi
        movl    $__NR_mmap2, %eax
        call    kernel_entry
        popl    %ebp
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebp
        popl    %edi
        .cfi_adjust_cfa_offset -4
        .cfi_restore edi
        popl    %ebx
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebx
        ret
        .cfi_endproc
        .size   entry_mmap2, . - entry_mmap2

/* One bit a system call number: those that can change the map, make a copy of it or end it. Keep in
 * step with kernel.c, which says what each one does. */
        .section .rodata
        .balign 4
map_changing:
        .set    nr, 0
        .rept   16
        .set    bits, 0
        .irp    call, __NR_brk, __NR_mmap, __NR_munmap, __NR_ipc, __NR_mprotect, __NR_mlock, \
                __NR_munlock, __NR_mlockall, __NR_munlockall, __NR_mremap, __NR_prctl, __NR_mmap2, \
                __NR_madvise, __NR_remap_file_pages, __NR_mlock2, __NR_pkey_mprotect, __NR_shmat, \
                __NR_mbind, __NR_set_mempolicy_home_node, __NR_mseal, __NR_io_setup, __NR_io_destroy, \
                __NR_process_madvise, __NR_shmdt, __NR_execve, __NR_execveat, __NR_exit_group, \
                __NR_exit, __NR_fork, __NR_clone, __NR_sigaction, __NR_signal, __NR_rt_sigaction, \
                __NR_sigaltstack, __NR_seccomp
        .if     \call >= nr && \call < nr + 32
        .set    bits, bits | (1 << (\call - nr))
        .endif
        .endr
        .long   bits
        .set    nr, nr + 32
        .endr

        .section .note.GNU-stack, "", @progbits
