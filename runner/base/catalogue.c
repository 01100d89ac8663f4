/* The bytes of the catalogue that the build makes of runner/po/es.po. */
__asm__(".pushsection .rodata\n"
        ".balign 8\n"
        ".global spanish\n"
        ".global spanish_end\n"
        "spanish:\n"
        ".incbin \"" SPANISH "\"\n"
        "spanish_end:\n"
        ".byte 0\n"
        ".popsection\n");
