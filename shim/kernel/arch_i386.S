/* The kernel entry of libc on i386.
 *
 * Every system call of libc is `call *%gs:0x10` (glibc: sysdeps/unix/sysv/linux/i386/sysdep.h,
 * SYSINFO_OFFSET in the thread control block; musl: vsyscall.h). kernel_hook_install() puts
 * kernel_entry there. Number in eax, arguments in ebx ecx edx esi edi ebp, result in eax; every other
 * register survives, so do the caller's stack and its return address when the call is passed on. */
#include <asm/unistd.h>

#define CLONE_VM 0x100

        .hidden kernel_original
        .hidden kernel_call
        .hidden kernel_entry
        .hidden kernel_int80
        .hidden sys_call_regs

        .text

/* Address of the instruction behind the call in ebx. */
load_pc:
        .cfi_startproc
        movl    (%esp), %ebx
        ret
        .cfi_endproc

        .globl  kernel_entry
        .type   kernel_entry, @function
kernel_entry:
        .cfi_startproc
        pushl   %eax                    /* becomes the address to go on at */
        .cfi_adjust_cfa_offset 4
        pushl   %ebx
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebx, 0
        call    load_pc
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
        movl    kernel_original@GOTOFF(%ebx), %ebx
        movl    %ebx, 4(%esp)
        popl    %ebx
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebx
        ret                             /* a jump to kernel_original, all registers as they were */
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

/* Where kernel_original points until the hook is installed. */
        .globl  kernel_int80
        .type   kernel_int80, @function
kernel_int80:
        .cfi_startproc
        int     $0x80
        ret
        .cfi_endproc
        .size   kernel_int80, . - kernel_int80

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
        call    load_pc
        addl    $_GLOBAL_OFFSET_TABLE_, %ebx
        pushl   kernel_original@GOTOFF(%ebx)
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

/* void arch_on_stack(void *top, void (*function)(void *), void *arg) */
        .hidden arch_on_stack
        .globl  arch_on_stack
        .type   arch_on_stack, @function
arch_on_stack:
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
        .size   arch_on_stack, . - arch_on_stack

/* void *dlopen(const char *file, int mode), dlmopen likewise with one argument more.
 * dlopen(3) searches the RUNPATH of the object that its return address lies in. Where that matters the
 * call is a jump, so that libc sees the program's own return address; the map is then looked at on the
 * next event. Otherwise the call is wrapped and the map looked at when it returns. */
        .macro  LOADER_STUB name, wrapped, real
        .hidden \wrapped
        .hidden \real
        .globl  \name
        .type   \name, @function
\name:
        .cfi_startproc
        pushl   %ebx
        .cfi_adjust_cfa_offset 4
        .cfi_rel_offset ebx, 0
        call    load_pc
        addl    $_GLOBAL_OFFSET_TABLE_, %ebx
        subl    $8, %esp
        .cfi_adjust_cfa_offset 8
        leal    16(%esp), %eax          /* the arguments */
        pushl   12(%esp)                /* the caller */
        .cfi_adjust_cfa_offset 4
        pushl   %eax
        .cfi_adjust_cfa_offset 4
        call    loader_must_jump_\name
        addl    $16, %esp
        .cfi_adjust_cfa_offset -16
        testl   %eax, %eax
        jz      1f
        movl    \real@GOTOFF(%ebx), %eax
        popl    %ebx
        .cfi_adjust_cfa_offset -4
        jmp     *%eax
        .cfi_adjust_cfa_offset 4
1:      popl    %ebx
        .cfi_adjust_cfa_offset -4
        .cfi_restore ebx
        jmp     \wrapped
        .cfi_endproc
        .size   \name, . - \name
        .endm

        .hidden loader_must_jump_dlopen
        .hidden loader_must_jump_dlmopen
        LOADER_STUB dlopen, loader_dlopen, loader_real_dlopen
        LOADER_STUB dlmopen, loader_dlmopen, loader_real_dlmopen

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
                __NR_shmdt, __NR_execve, __NR_execveat, __NR_exit_group, \
                __NR_exit, __NR_fork, __NR_clone
        .if     \call >= nr && \call < nr + 32
        .set    bits, bits | (1 << (\call - nr))
        .endif
        .endr
        .long   bits
        .set    nr, nr + 32
        .endr

        .section .note.GNU-stack, "", @progbits
