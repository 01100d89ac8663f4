#include <stdio.h>
#include <stdlib.h>

struct pair { int key; char text[24]; };

static int by_key(const void *one, const void *other)
{
	return ((const struct pair *)one)->key - ((const struct pair *)other)->key;
}

int main(int argc, char **argv)
{
	size_t count = argc > 1 ? strtoul(argv[1], NULL, 10) : 20;
	struct pair *pairs = malloc(count * sizeof *pairs);

	for (size_t i = 0; i < count; i++) {
		pairs[i].key = (int)(i * 7919 % 104729);
		snprintf(pairs[i].text, sizeof pairs[i].text, "pair %zu", i);
	}
	qsort(pairs, count, sizeof *pairs, by_key);
	printf("%s, %s\n", pairs[0].text, pairs[count - 1].text);
	free(pairs);
	return 0;
}
