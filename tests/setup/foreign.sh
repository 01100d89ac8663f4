#!/usr/bin/env bash
# foreign.sh - fetch 32-bit programs that nobody here wrote, for the tests to trace.
#
#   foreign.sh [DIR]      default: build/foreign under the top of this checkout
#
# What: unpacks sqlite3, python3, perl, busybox and coreutils (sort, ls, cat) of this system's release, built for i386, with
#   the libraries they need, under DIR/root; runs each once; describes in DIR/programs.tsv how to run them, one program a
#   line, with a tab between the fields: NAME, PATH OF THE ELF FILE, then any number of VARIABLE=VALUE for its environment.
#   Done before with the same DIR, it ends at once. Needs the network, no root, and the system's own 32-bit C library
#   (libc6:i386, which tests/setup/deps.sh build brings).
# Why unpacked and not installed: installed, they would replace the machine's own 64-bit perl, python3 and coreutils.
# Why package lists of its own: apt is run as if this were an i386 machine with nothing installed. So it finds what the
#   programs need by itself, touches nothing of the system's, and cannot be stopped by 64-bit packages being out of step.
# Status: 0 all run, 1 something could not be fetched or does not run, 2 wrong usage.
set -euo pipefail

me=${0##*/}
say() { printf '%s: %s\n' "$me" "$*"; }
die() { printf '%s: %s\n' "$me" "$*" >&2; exit 1; }

packages=(sqlite3 python3 perl-base busybox coreutils)

# apt-get of an i386 machine whose whole state is under DIR/apt.
apt_i386() {
    apt-get -q -o APT::Architecture=i386 -o APT::Architectures=i386 -o Acquire::Languages=none \
        -o Dir::State="$dir/apt" -o Dir::State::status="$dir/apt/status" -o Dir::Cache="$dir/apt/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=true "$@" </dev/null
}

fetch() {
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
    : >"$dir/apt/status"
    if apt_i386 update; then :; else
        say "warning: apt-get update ended with status $?; going on with the indices that could be read"
    fi
    local get=(install -y --no-install-recommends --download-only "${packages[@]}")
    if apt_i386 "${get[@]}"; then return 0; fi
    say "the newest versions cannot be fetched; trying those of $VERSION_CODENAME itself"
    apt_i386 -t "$VERSION_CODENAME" "${get[@]}" || die "could not fetch the i386 packages of: ${packages[*]}"
}

# The C library is left out: it has to match the loader, which is always the system's (/lib/ld-linux.so.2).
unpack() {
    local package
    for package in "$dir"/apt/cache/archives/*.deb; do
        case ${package##*/} in
        libc6_* | libc-bin_*) ;;
        *) dpkg -x "$package" "$dir/root" ;;
        esac
    done
}

# describe NAME FILE [VARIABLE=VALUE...]
describe() {
    local IFS=$'\t'
    printf '%s\n' "$1"$'\t'"$dir/root/$2"$'\t'"LD_LIBRARY_PATH=$libraries${3:+$'\t'}${*:3}" >>"$dir/programs.tsv"
}

# run NAME ARGS... as programs.tsv says
run() {
    local fields
    IFS=$'\t' read -r -a fields < <(grep -P "^$1\t" "$dir/programs.tsv")
    env "${fields[@]:2}" "${fields[1]}" "${@:2}"
}

# prove NAME WANTED ARGS... runs it with ARGS and compares what it prints; the ELF class must be 32 bit.
prove() {
    local file class got
    file=$(awk -F '\t' -v name="$1" '$1 == name { print $2 }' "$dir/programs.tsv")
    class=$(od -An -tu1 -j4 -N1 "$file" | tr -d ' ')
    if [[ $class != 1 ]]; then die "$1: $file is not a 32-bit ELF file"; fi
    got=$(run "$1" "${@:3}") || die "$1 does not run here: ${got:-(no output)}"
    if [[ $got != "$2" ]]; then die "$1 printed '$got' instead of '$2'"; fi
    say "$1: runs"
}

# --- main ----------------------------------------------------------------------------------------------------------

if [[ $# -gt 1 || ${1:-} == -* ]]; then
    printf 'usage: %s [DIR]\n' "$me" >&2
    exit 2
fi
here=$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")
dir=$(realpath -m -- "${1:-$here/../../build/foreign}")

# The stamp names what the result depends on: this script, and the directory, whose path is in programs.tsv.
stamp="$dir $(cksum <"${BASH_SOURCE[0]}")"
if [[ -f $dir/stamp && $(<"$dir/stamp") == "$stamp" ]]; then exit 0; fi

if ! command -v apt-get >/dev/null; then die "needs apt-get: these programs are taken from Debian's packages"; fi
if [[ ! -e /lib/ld-linux.so.2 ]]; then die "the 32-bit C library is missing: run tests/setup/deps.sh build first"; fi
# shellcheck source=/dev/null
. /etc/os-release
say "fetching i386 packages into $dir (not installed): ${packages[*]}"
rm -rf -- "$dir/root" "$dir/apt" "$dir/stamp" "$dir/programs.tsv"
mkdir -p -- "$dir/root"
fetch
unpack
rm -rf -- "$dir/apt"

libraries=$dir/root/usr/lib/i386-linux-gnu:$dir/root/lib/i386-linux-gnu
describe sqlite3 usr/bin/sqlite3
describe python3 "$(cd "$dir/root" && readlink -f usr/bin/python3 | sed "s|^$dir/root/||")" \
    "PYTHONHOME=$dir/root/usr" PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1
describe perl usr/bin/perl "PERL5LIB=$dir/root/usr/lib/i386-linux-gnu/perl-base"
describe busybox bin/busybox
describe sort usr/bin/sort
describe ls bin/ls
describe cat bin/cat

rows='with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
    insert into t select i, hex(i * 7919 % 65536) from n'
prove sqlite3 '100000|5000050000' :memory: 'create table t(i integer primary key, s text)' "$rows" \
    'create index s on t(s)' 'select count(*), sum(i) from t'
prove python3 '32 [1]' -c 'import json, sqlite3, ssl, struct; print(struct.calcsize("P") * 8, json.dumps([1]))'
# shellcheck disable=SC2016 # Perl's variables
prove perl '4 3,2,1' -e 'use Config; use List::Util; print $Config{ptrsize}, " ", join(",", sort { $b <=> $a } 1..3)'
prove busybox $'1\n2' sh -c 'printf "2\n1\n" | sort'
prove sort "$(LC_ALL=C sort "$dir/programs.tsv")" "$dir/programs.tsv"
prove ls "$dir/programs.tsv" "$dir/programs.tsv"
prove cat "$(<"$dir/programs.tsv")" "$dir/programs.tsv"
printf '%s\n' "$stamp" >"$dir/stamp"
say "described in $dir/programs.tsv"
