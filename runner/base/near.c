#include "runner/base/near.h"
#include <string.h>

#define LONGEST 40u

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/* Letters that are missing, too many, wrong, or changed places (optimal string alignment). */
static unsigned distance(const char *a, const char *b)
{
    unsigned rows[3][LONGEST + 1], m = (unsigned)strlen(a), n = (unsigned)strlen(b);
    for (unsigned j = 0; j <= n; j++)
        rows[0][j] = j;
    for (unsigned i = 1; i <= m; i++) {
        unsigned *row = rows[i % 3], *above = rows[(i + 2) % 3], *before = rows[(i + 1) % 3];
        row[0] = i;
        for (unsigned j = 1; j <= n; j++) {
            row[j] = least(least(row[j - 1], above[j]) + 1, above[j - 1] + (a[i - 1] != b[j - 1]));
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
                row[j] = least(row[j], before[j - 2] + 1);
        }
    }
    return rows[m % 3][n];
}

void near_begin(struct near *near, const char *word, char *best, size_t size)
{
    size_t length = strlen(word);
    *near = (struct near){word, best, size, length < 3 ? 1 : length < 6 ? 2 : 3};
    best[0] = '\0';
}

bool near_is_closer(const struct near *near, const char *candidate)
{
    size_t length = strlen(candidate);
    return length && length <= LONGEST && strlen(near->word) <= LONGEST && length < near->size &&
           distance(near->word, candidate) < near->distance;
}

void near_take(struct near *near, const char *candidate)
{
    near->distance = distance(near->word, candidate);
    memcpy(near->best, candidate, strlen(candidate) + 1);
}
