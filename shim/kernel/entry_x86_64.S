/* The kernel entry of libc on x86-64.
 *
 * There libc has a `syscall` instruction in every function that needs one. entry_x86_64.c puts a jump
 * to one of the sites below in the place of the instruction before (five bytes, `mov $number, %eax`).
 * A site does what was there, makes a stack frame beyond the red zone that looks as if it had been
 * called from there, and goes to kernel_entry. Number in rax, arguments in rdi rsi rdx r10 r8 r9, result
 * in rax; rcx and r11 may change, as in `syscall`. */
#include "shim/kernel/call_numbers.h"

#define CLONE_VM 0x100
#define RED_ZONE 128
#define ENTRY_SITES 128 /* as in entry_x86_64.c */

        .hidden kernel_call
        .hidden entry_sites
        .hidden entry_numbers
        .hidden entry_returns
        .hidden entry_site_of_syscall
        .hidden entry_thread_exit
        .hidden threads_exit

        .text

/* entry_sites: ENTRY_SITES times 32 bytes. */
        .balign 32
        .globl  entry_sites
        .type   entry_sites, @function
entry_sites:
        .set    index, 0
        .rept   ENTRY_SITES
        .balign 32
        .cfi_startproc
        movl    entry_numbers + 4 * index(%rip), %eax
        leaq    -RED_ZONE(%rsp), %rsp
        .cfi_def_cfa_offset RED_ZONE + 8
        pushq   entry_returns + 8 * index(%rip)
        .cfi_def_cfa rsp, RED_ZONE + 8
        .cfi_offset rip, -RED_ZONE - 8
        jmp     kernel_entry
        .cfi_endproc
        .set    index, index + 1
        .endr
        .size   entry_sites, . - entry_sites

/* syscall(3): any number. What is of no interest, and what may return on another stack or twice on this
 * one, is made in place. */
        .globl  entry_site_of_syscall
        .type   entry_site_of_syscall, @function
entry_site_of_syscall:
        .cfi_startproc
        movq    8(%rsp), %r9
        cmpq    $512, %rax
        jae     1f
        leaq    map_changing(%rip), %rcx
        btq     %rax, (%rcx)
        jnc     1f
        cmpl    $__NR_clone, %eax
        jne     2f
        testl   $CLONE_VM, %edi
        jz      2f
1:      syscall
        jmpq    *entry_returns + 8 * ENTRY_SITES(%rip)
2:      leaq    -RED_ZONE(%rsp), %rsp
        .cfi_def_cfa_offset RED_ZONE + 8
        pushq   entry_returns + 8 * ENTRY_SITES(%rip)
        .cfi_def_cfa rsp, RED_ZONE + 8
        .cfi_offset rip, -RED_ZONE - 8
        jmp     kernel_entry
        .cfi_endproc
        .size   entry_site_of_syscall, . - entry_site_of_syscall

        .type   kernel_entry, @function
kernel_entry:
        .cfi_startproc
        .cfi_def_cfa rsp, RED_ZONE + 8
        .cfi_offset rip, -RED_ZONE - 8
        .irp    reg, r9, r8, r10, rdx, rsi, rdi, rax    /* struct sys_regs */
        pushq   %\reg
        .cfi_adjust_cfa_offset 8
        .endr
        movq    %rsp, %rdi
        pushq   %rbp
        .cfi_adjust_cfa_offset 8
        .cfi_rel_offset rbp, 0
        movq    %rsp, %rbp
        .cfi_def_cfa_register rbp
        andq    $-16, %rsp
        call    kernel_call
        movq    %rbp, %rsp
        .cfi_def_cfa_register rsp
        popq    %rbp
        .cfi_adjust_cfa_offset -8
        .cfi_restore rbp
        addq    $8, %rsp
        .cfi_adjust_cfa_offset -8
        .irp    reg, rdi, rsi, rdx, r10, r8, r9
        popq    %\reg
        .cfi_adjust_cfa_offset -8
        .endr
        ret     $RED_ZONE
        .cfi_endproc
        .size   kernel_entry, . - kernel_entry

/* The end of glibc's start_thread(), on the stack of a thread that ends. */
        .globl  entry_thread_exit
        .type   entry_thread_exit, @function
entry_thread_exit:
        .cfi_startproc
        .cfi_undefined rip
        andq    $-16, %rsp
        call    threads_exit
        xorl    %edi, %edi
1:      movl    $__NR_exit, %eax
        syscall
        jmp     1b
        .cfi_endproc
        .size   entry_thread_exit, . - entry_thread_exit

/* One bit a system call number, for syscall(3): as in entry_i386.S. */
        .section .rodata
        .balign 8
map_changing:
        .set    nr, 0
        .rept   16
        .set    bits, 0
        .irp    call, __NR_brk, __NR_mmap, __NR_munmap, __NR_mprotect, __NR_mlock, __NR_munlock, \
                __NR_mlockall, __NR_munlockall, __NR_mremap, __NR_prctl, __NR_madvise, \
                __NR_remap_file_pages, __NR_mlock2, __NR_pkey_mprotect, __NR_shmat, __NR_shmdt, \
                __NR_mbind, __NR_set_mempolicy_home_node, __NR_mseal, __NR_io_setup, __NR_io_destroy, \
                __NR_process_madvise, \
                __NR_execve, __NR_execveat, __NR_exit_group, __NR_fork, __NR_clone, __NR_rt_sigaction, \
                __NR_sigaltstack, __NR_seccomp
        .if     \call >= nr && \call < nr + 32
        .set    bits, bits | (1 << (\call - nr))
        .endif
        .endr
        .long   bits
        .set    nr, nr + 32
        .endr

        .section .note.GNU-stack, "", @progbits
