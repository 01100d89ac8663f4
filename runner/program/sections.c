#include "runner/program/sections.h"
#include <fcntl.h>
#include <gelf.h>
#include <sys/stat.h>
#include <unistd.h>

static bool add_up(Elf *elf, struct sections *out)
{
    Elf_Scn *section = NULL;
    GElf_Shdr header;
    bool any = false;
    while ((section = elf_nextscn(elf, section)) && gelf_getshdr(section, &header)) {
        if (!(header.sh_flags & SHF_ALLOC))
            continue;
        any = true;
        if (header.sh_flags & SHF_EXECINSTR || !(header.sh_flags & SHF_WRITE))
            out->text += header.sh_size;
        else if (header.sh_type != SHT_NOBITS)
            out->data += header.sh_size;
        else
            out->bss += header.sh_size;
    }
    return any;
}

bool sections_read(const char *path, struct sections *out)
{
    struct stat st;
    *out = (struct sections){0};
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    bool regular = fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode);
    Elf *elf =
        regular && elf_version(EV_CURRENT) != EV_NONE ? elf_begin(fd, ELF_C_READ, NULL) : NULL;
    bool known = elf && elf_kind(elf) == ELF_K_ELF && add_up(elf, out);
    out->file = regular ? (uint64_t)st.st_size : 0;
    elf_end(elf);
    if (fd >= 0)
        close(fd);
    return known;
}
