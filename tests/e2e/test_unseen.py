"""Code that calls the kernel past the C library is named where its calls are not seen; elsewhere nobody is blamed."""

import re

import pytest

from tracing import TOOL, run, trace

RAW = """
    #include <stdio.h>
    #include <sys/mman.h>
    #include <unistd.h>
    #ifdef __x86_64__
    static long raw_map(long size)
    {
        long result;
        register long r10 __asm__("r10") = MAP_PRIVATE | MAP_ANONYMOUS, r8 __asm__("r8") = -1, r9 __asm__("r9") = 0;
        __asm__ volatile("mov $9, %%eax; syscall" : "=&a"(result)
                         : "D"(0L), "S"(size), "d"(PROT_READ), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
        return result;
    }
    static long raw_unmap(long at, long size)
    {
        long result;
        __asm__ volatile("mov $11, %%eax; nop; nop; syscall" : "=&a"(result) : "D"(at), "S"(size) : "rcx", "r11", "memory");
        return result;
    }
    #else
    static long raw_map(long size)
    {
        struct { long address, size, prot, flags, file, offset; } a = {0, size, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0};
        long result;
        __asm__ volatile("mov $90, %%eax; int $0x80" : "=&a"(result) : "b"(&a) : "memory");
        return result;
    }
    static long raw_unmap(long at, long size)
    {
        long result;
        __asm__ volatile("mov $91, %%eax; nop; int $0x80" : "=&a"(result) : "b"(at), "c"(size) : "memory");
        return result;
    }
    #endif
    int main(void)
    {
        long at = raw_map(1 << 20);
        char *seen = mmap(0, 1 << 16, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        printf("%d\\n", seen != MAP_FAILED);
        return (int)raw_unmap(at, 1 << 20);
    }"""


@pytest.fixture
def raw(programs, tmp_path):
    return programs.compile(tmp_path / "raw", RAW)


def test_named(raw):
    traced = trace(raw, unexplained=2)
    assert traced.status == 0
    (event,) = traced.of("unseen")
    assert event["path"] == str(raw) and event["count"] == 2
    assert [(site["call"], site["function"]) for site in event["sites"]] == [("mmap", "raw_map"), ("munmap", "raw_unmap")]
    code = raw.read_bytes()
    assert {code[s["offset"]:s["offset"] + 2] for s in event["sites"]} <= {b"\x0f\x05", b"\xcd\x80"}
    assert traced.exit["ledger"]["unseen"] == 2 and traced.exit["ledger"]["unexplained"] > 0


def test_what_people_read(raw):
    text = " ".join(run(TOOL, raw).stderr.split())
    assert "NOT SEEN: raw calls the kernel past the C library (mmap in raw_map, munmap in raw_unmap)" in text
    assert re.search("UNEXPLAINED .*NOT SEEN: calls of the kernel past the C library, of which there are 2 in the code", text)


def test_ptrace_sees_them(raw):
    traced = trace(raw, tool_options=["--backend=ptrace"])
    assert not traced.of("unseen") and traced.exit["ledger"]["unexplained"] == 0


def test_recorded(raw, tmp_path):
    file, again = tmp_path / "trace.jsonl", tmp_path / "again.jsonl"
    run(TOOL, "-q", f"--json={file}", raw)
    run(TOOL, "show", "-q", f"--json={again}", file)
    assert file.read_text() == again.read_text() and '"type":"unseen"' in file.read_text()


def test_a_library_that_is_loaded_later(programs, tmp_path):
    programs.compile(tmp_path / "libraw.so", RAW.replace("int main(void)", "int go(void)"), "-shared", "-fPIC")
    program = programs.compile(tmp_path / "loads", """
        #include <dlfcn.h>
        int main(int n, char **v) { void *l = dlopen(v[1], RTLD_NOW); return l ? ((int (*)(void))dlsym(l, "go"))() : 9; }""")
    traced = trace(program, tmp_path / "libraw.so", unexplained=2)
    assert traced.status == 0 and [e["path"] for e in traced.of("unseen")] == [str(tmp_path / "libraw.so")]


def test_nobody_else(programs):
    """The lab's programs, and what Debian has, make their calls by libc."""
    for lab in "map1", "map3", "threads", "dlopen_lib":
        assert not trace(programs.labs / lab).of("unseen")
    for command in ["/usr/bin/python3", "-c", "1"], ["/bin/ls"], ["/usr/bin/awk", "BEGIN { exit }"]:
        assert not trace(*command).of("unseen"), command
