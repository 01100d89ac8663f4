#!/usr/bin/env bash
# peers.sh - bring the 32-bit programs that the benchmark compares with and that cannot be installed beside their 64-bit twins.
#
#   peers.sh [DIR]      default: build/peers under the top of this checkout
#
# What: unpacks under DIR/root32, from this system's i386 packages:
#     heaptrack     with its preload library and its interpreter: the script finds both beside itself
#     cc1           the C compiler proper, as a 32-bit program to trace, with the libraries that it needs
#   and runs each once. Done before with the same DIR, it ends at once.
# Why unpacked: heaptrack:i386 and cpp:i386 would replace the machine's own heaptrack and compiler.
#   Needs the architecture i386 in apt and the 32-bit C and C++ libraries (tests/setup/deps.sh build bench brings both); no root.
# Status: 0 all run, 1 something could not be fetched or does not run, 2 wrong usage.
set -euo pipefail

me=${0##*/}
say() { printf '%s: %s\n' "$me" "$*"; }
die() { printf '%s: %s\n' "$me" "$*" >&2; exit 1; }

if [[ $# -gt 1 || ${1:-} == -* ]]; then
    printf 'usage: %s [DIR]\n' "$me" >&2
    exit 2
fi
here=$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")
dir=$(realpath -m -- "${1:-$here/../../build/peers}")
root=$dir/root32

stamp="$dir $(cksum <"${BASH_SOURCE[0]}")"
if [[ -f $dir/stamp && $(<"$dir/stamp") == "$stamp" ]]; then exit 0; fi
if ! command -v apt-get >/dev/null; then die "needs apt-get: these programs are taken from Debian's packages"; fi

cpp=cpp-$(gcc -dumpversion)
packages=(heaptrack libheaptrack "$cpp" libisl23 libmpc3 libmpfr6 libgmp10 libzstd1 zlib1g)

rm -rf -- "$root" "$dir/stamp"
mkdir -p -- "$root"
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

say "fetching i386 packages into $root (not installed): ${packages[*]}"
(cd "$scratch" && apt-get -q -o APT::Sandbox::User="$(id -un)" download "${packages[@]/%/:i386}") </dev/null ||
    die "could not fetch them; is the architecture i386 there? tests/setup/deps.sh build bench adds it"
for package in "$scratch"/*.deb; do dpkg -x "$package" "$root"; done

heaptrack=$root/usr/bin/heaptrack
printf 'int main(void) { return 7; }\n' | gcc -m32 -x c - -o "$scratch/seven"
status=0
"$heaptrack" -o "$scratch/trace" "$scratch/seven" >"$scratch/said" 2>&1 || status=$?
if [[ $status != 7 || $(cat "$scratch/said") == *'cannot be preloaded'* ]]; then
    cat "$scratch/said" >&2
    die "heaptrack does not run here for 32-bit programs"
fi
say "heaptrack (32 bit): runs"

cc1=$(find "$root/usr/lib/gcc" -name cc1 | head -n 1)
printf 'int forty_two(void) { return 42; }\n' >"$scratch/c.c"
LD_LIBRARY_PATH=$root/usr/lib/i386-linux-gnu:$root/lib/i386-linux-gnu "$cc1" -quiet -O1 "$scratch/c.c" -o "$scratch/c.s"
if ! grep -q 'movl.*\$42' "$scratch/c.s"; then die "the 32-bit compiler does not compile"; fi
say "cc1 (32 bit): runs"

printf '%s\n' "$stamp" >"$dir/stamp"
