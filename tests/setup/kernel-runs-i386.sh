#!/usr/bin/env bash
# Whether this machine's kernel runs 32-bit (i386) programs: status 0 if it does. An x86-64 kernel may be without them
# (CONFIG_IA32_EMULATION, ia32_emulation=off), as some virtual machines are.
#
# The shell says 126 where execve(2) says ENOEXEC. Where the 32-bit C library is missing (127) it does not know, and says yes:
# whatever is tried then says what is to be installed.
set -uo pipefail
/lib/ld-linux.so.2 --version >/dev/null 2>&1
[[ $? != 126 ]]
