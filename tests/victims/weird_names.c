/*
 * weird_names DIRECTORY: maps files whose names have escape sequences, quotes, newlines, tabs,
 * backslashes and bytes that are not UTF-8. Prints each name in hexadecimal only ("@ name HEX",
 * before the "@ mmap" of that file).
 *
 * The tracer must write valid JSON, and nothing to a terminal that the terminal would obey.
 */
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>

#include "victim.h"

static const char *const names[] = {
    "plain",
    "with space",
    " leading and trailing ",
    "quote\"double",
    "quote'single",
    "back\\slash",
    "ends with backslash\\",
    "like an octal escape \\012",
    "like a JSON escape \\u0041\\n",
    "new\nline",
    "two\n\nlines\n",
    "\n00400000-00401000 r-xp 00000000 00:00 0 forged",
    "tab\tand\rreturn",
    "escape\033[31mred\033[0m",
    "title\033]0;gotcha\007",
    "clear\033[2J\033[H",
    "c1 \302\233 31m", /* U+009B: CSI in eight-bit controls */
    "\233[31mraw c1",
    "utf8 \303\261\303\244 \342\202\254 \360\237\230\200",
    "overlong \300\257",
    "surrogate \355\240\200",
    "broken \303",
    "lone \200 \377 \376",
    "bidi \342\200\256 txt.exe",
    "bell\a backspace\b delete\177",
    "<img src=x onerror=alert(1)>",
    "&amp; & ]]> --> <script>",
    "%s%n%x",
    "[heap]",
    "gone (deleted)",
    "memfd:procmap-trace",
};

static void say_name(const char *name)
{
    char hex[2 * 255 + 1] = "";

    for (size_t i = 0; i < strlen(name); i++)
        snprintf(hex + 2 * i, 3, "%02x", (unsigned char)name[i]);
    say("@ name %s\n", hex);
}

static void map_one(const char *name)
{
    int file = open(name, O_RDWR | O_CREAT | O_TRUNC, 0600);

    say_name(name);
    if (file < 0) {
        say("@ refused\n"); /* some file systems do not take every byte */
        return;
    }
    if (ftruncate(file, 4096) != 0)
        give_up("ftruncate");
    void *area = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, file, 0);
    say("@ mmap 4096 0x%lx line %d\n", (unsigned long)area, __LINE__ - 1);
    close(file);
    munmap(area, 4096);
    say("@ munmap 0x%lx 4096 line %d\n", (unsigned long)area, __LINE__ - 1);
    unlink(name);
}

int main(int argc, char *argv[])
{
    if (argc != 2 || chdir(argv[1]) != 0)
        return 2;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        map_one(names[i]);
    say("@ end\n");
    return 0;
}
