/* What people read, in their language: text in the source is English and the key of a catalogue,
 * runner/po/LANGUAGE.po. The catalogue is in the tool: no locale has to be installed. */
#pragma once

#include <stdbool.h>

#define _(text) translate(text)
#define N_(text) text /* to be translated where it is used */

/* `text` itself where there is no translation. */
const char *translate(const char *text) __attribute__((format_arg(1)));

/* "en", "es". False: it is not in this tool. Without a call: English. */
bool translate_to(const char *language);

/* The language that the environment asks for, by LC_ALL, LC_MESSAGES or LANG; if the tool has
 * it. */
void translate_as_environment(void);

/* While a program's data is written, that has English sentences in every language. */
void translate_hold(bool hold);
