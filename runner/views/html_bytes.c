/* The page of runner/views/html/, as make has put it together. */

__asm__(".section .rodata\n"
        ".globl html_page_start, html_page_end\n"
        "html_page_start:\n"
        ".incbin \"" HTML_PAGE "\"\n"
        "html_page_end:\n"
        ".byte 0\n"
        ".text\n");
