/* The kinds of regions: colours, names, what they are. */

/** kind: [colour, colour of text on it, name, what it is] */
const KIND = {
  code: ["--code", "--code-t", "code", "The program's machine code. Backed by its file, read and executed, never written; processes can share it."],
  rodata: ["--rodata", "--rodata-t", "constants", "Constants and tables of the program, read only. Backed by its file."],
  data: ["--data", "--data-t", "data", "Global variables with an initial value. Backed by the file; private: each process has its own copy."],
  bss: ["--bss", "--bss-t", "bss", "Global variables without an initial value: not backed, filled with zeros."],
  heap: ["--heap", "--heap-t", "heap", "Where malloc puts small blocks. Not backed; brk moves its upper end."],
  malloc_mmap: ["--mmap", "--mmap-t", "malloc block", "One big block of malloc with a region of its own. Not backed."],
  malloc_arena: ["--arena", "--arena-t", "malloc arena", "A heap for a further thread. The part without permissions is reserved only."],
  stack: ["--stack", "--stack-t", "stack", "Local variables, parameters and return addresses. Not backed; grows down by page faults."],
  thread_stack: ["--stack", "--stack-t", "thread stack", "The stack of a further thread, or of a child until it executes. Not backed."],
  guard: ["--guard", "--guard-t", "guard page", "No access at all: a stack that overflows hits it and the program is stopped."],
  lib_code: ["--lcode", "--l-t", "library code", "Machine code of a library. Backed by its file; can be shared."],
  lib_rodata: ["--lrodata", "--l-t", "library constants", "Constants and tables of a library, read only. Backed by its file."],
  lib_data: ["--ldata", "--l-t", "library data", "Global variables of a library with an initial value. Backed by its file, private."],
  lib_bss: ["--lbss", "--l-t", "library bss", "Global variables of a library without an initial value. Not backed."],
  anonymous: ["--anon", "--anon-t", "anonymous", "Memory without a file behind it."],
  mapped_file: ["--rodata", "--rodata-t", "file", "A file mapped into memory."],
  shared_memory: ["--bss", "--bss-t", "shared memory", "Memory that several processes share."],
  vdso: ["--sys", "--sys-t", "vdso", "Code that the kernel puts into every process."],
  vvar: ["--sys", "--sys-t", "vvar", "Data of the kernel for vdso."],
  tracer: ["--sys", "--sys-t", "procmap-trace", "Memory of procmap-trace itself. Without it this region is not there."]
};
const kind = k => KIND[k] || KIND.anonymous;

export const colour = k => kind(k)[0];
export const textColour = k => kind(k)[1];
export const kindName = k => kind(k)[2];
export const kindText = k => kind(k)[3];
export const isLibrary = k => k.startsWith("lib_");
/** Gives an element the colours of a kind. */
export function paintKind(e, k) {
  e.style.setProperty("--kc", `var(${colour(k)})`);
  e.style.setProperty("--kt", `var(${textColour(k)})`);
}
/** A colour of the page as it is now, for a canvas. */
export const css = name => getComputedStyle(document.body).getPropertyValue(name).trim();
