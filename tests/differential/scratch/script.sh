#!/bin/sh
# Traps, here documents, functions, pipes, subshells.
trap 'echo ends with $?' EXIT
trap 'echo got USR1' USR1
count() { while read -r word; do n=$((n + ${#word})); done; echo "$n"; }
n=0
count <<END
alpha
$(echo beta)
END
kill -USR1 $$
(exit 4) || echo "subshell: $?"
set -- $(seq 5)
for i; do printf '%s ' "$i"; done; echo
sort words.txt | sed -n '1,3p' | tr a-z A-Z
exit 6
