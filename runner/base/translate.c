#include "runner/base/translate.h"
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Made by msgfmt(1); empty where that was not there when the tool was built: catalogue.c. */
extern const char spanish[], spanish_end[];

/* A catalogue as "The Format of GNU MO Files" in the manual of gettext has it: the originals are
 * sorted. */
struct catalogue {
    uint32_t magic, revision, count, originals, translations;
};
#define MAGIC 0x950412deu

struct string {
    uint32_t size, offset;
};

static const char *used; /* NULL: English */
static bool held;

static const char *string_at(uint32_t table, uint32_t index)
{
    struct string s;
    memcpy(&s, used + table + index * sizeof s, sizeof s);
    return used + s.offset;
}

const char *translate(const char *text)
{
    struct catalogue c;
    uint32_t low = 0;
    if (!used || held || !*text)
        return text;
    memcpy(&c, used, sizeof c);
    for (uint32_t high = c.count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        int order = strcmp(text, string_at(c.originals, middle));
        if (order == 0)
            return string_at(c.translations, middle);
        if (order < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return text;
}

bool translate_to(const char *language)
{
    uint32_t magic = 0;
    if (strcmp(language, "en") == 0) {
        used = NULL;
        return true;
    }
    if (strcmp(language, "es") != 0 || spanish_end - spanish < (ptrdiff_t)sizeof(struct catalogue))
        return false;
    memcpy(&magic, spanish, sizeof magic);
    used = magic == MAGIC ? spanish : NULL;
    return used;
}

void translate_as_environment(void)
{
    const char *const names[] = {"LC_ALL", "LC_MESSAGES", "LANG"};
    const char *locale = NULL;
    for (unsigned i = 0; i < 3 && (!locale || !*locale); i++)
        locale = getenv(names[i]);
    if (locale && strncmp(locale, "es", 2) == 0 && strchr("_.@", locale[2]))
        translate_to("es");
}

void translate_hold(bool hold)
{
    held = hold;
}
