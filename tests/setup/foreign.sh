#!/usr/bin/env bash
# foreign.sh - fetch programs that nobody here wrote, for the tests to trace.
#
#   foreign.sh [DIR]      default: build/foreign under the top of this checkout
#
# What: unpacks packages of this system's release under DIR/root32 (built for i386) and DIR/root64 (amd64), with the libraries
#   they need; runs the programs once; describes in DIR/programs.tsv and DIR/programs64.tsv how to run them, one a line, with a
#   tab between the fields: NAME, PATH OF THE ELF FILE, then any number of VARIABLE=VALUE for its environment.
#     sqlite3 python3 perl busybox sort ls cat git     dynamic, glibc
#     busybox-static gosu                              static: a C library, the Go run time
#     musl                                             its loader; headers and start files lie in the same root
#     jemalloc tcmalloc mimalloc                       allocators, to preload
#     node or java                                     64 bit only: this machine's own, where there is one
#   Done before with the same DIR, it ends at once. Needs the network, no root, and the system's own C library, for 32 bits
#   libc6:i386 (which tests/setup/deps.sh build brings).
# Why unpacked and not installed: installed, they would replace the machine's own 64-bit perl, python3 and coreutils.
# Why package lists of its own: apt is run as if this were a machine of that architecture with nothing installed. So it finds
#   what the programs need by itself, touches nothing of the system's, and cannot be stopped by packages being out of step.
# Status: 0 all run, 1 something could not be fetched or does not run, 2 wrong usage.
set -euo pipefail

me=${0##*/}
say() { printf '%s: %s\n' "$me" "$*"; }
die() { printf '%s: %s\n' "$me" "$*" >&2; exit 1; }

packages=(sqlite3 python3 perl-base busybox coreutils libpcre2-8-0 libstdc++6)
# Fetched without what they depend on: some exclude one of the above, and git would bring 60 MB that `git log` does not need.
alone=(busybox-static gosu musl musl-dev git libjemalloc2 libtcmalloc-minimal4 libmimalloc2.0)

# apt-get of a machine of the architecture $arch whose whole state is under DIR/apt.
apt_of_arch() {
    apt-get -q -o APT::Architecture="$arch" -o APT::Architectures="$arch" -o Acquire::Languages=none \
        -o Dir::State="$dir/apt" -o Dir::State::status="$dir/apt/status" -o Dir::Cache="$dir/apt/cache" \
        -o APT::Sandbox::User="$(id -un)" -o Debug::NoLocking=true "$@" </dev/null
}

fetch() {
    mkdir -p "$dir/apt/lists/partial" "$dir/apt/cache/archives/partial"
    : >"$dir/apt/status"
    if apt_of_arch update; then :; else
        say "warning: apt-get update ended with status $?; going on with the indices that could be read"
    fi
    if fetch_release; then return 0; fi
    say "the newest versions cannot be fetched; trying those of $VERSION_CODENAME itself"
    fetch_release -t "$VERSION_CODENAME" || die "could not fetch the $arch packages of: ${packages[*]} ${alone[*]}"
}

fetch_release() { # fetch_release [APT-OPTION...]
    apt_of_arch "$@" install -y --no-install-recommends --download-only "${packages[@]}" &&
        (cd "$dir/apt/cache/archives" && apt_of_arch "$@" download "${alone[@]}")
}

# The C library is left out: it has to match the loader, which is always the system's (/lib/ld-linux.so.2).
unpack() {
    local package
    for package in "$dir"/apt/cache/archives/*.deb; do
        case ${package##*/} in
        libc6_* | libc-bin_*) ;;
        busybox-static_*) # busybox has the same path
            dpkg -x "$package" "$dir/apt/static"
            mkdir -p "$root/usr/bin"
            cp "$dir/apt/static/bin/busybox" "$root/usr/bin/busybox-static" ;;
        *) dpkg -x "$package" "$root" ;;
        esac
    done
}

# describe NAME FILE [VARIABLE=VALUE...], FILE under $root
describe() {
    local IFS=$'\t'
    printf '%s\n' "$1"$'\t'"$root/$2${3:+$'\t'}${*:3}" >>"$table"
}

# run NAME ARGS... as the table says
run() {
    local fields
    IFS=$'\t' read -r -a fields < <(grep -P "^$1\t" "$table")
    env "${fields[@]:2}" "${fields[1]}" "${@:2}"
}

# prove NAME WANTED ARGS... runs it with ARGS and compares what it prints; the ELF class must be the right one.
prove() {
    local file class got
    file=$(awk -F '\t' -v name="$1" '$1 == name { print $2 }' "$table")
    class=$(od -An -tu1 -j4 -N1 "$file" | tr -d ' ')
    if [[ $((class * 32)) != "$bits" ]]; then die "$1: $file is not a $bits-bit ELF file"; fi
    got=$(run "$1" "${@:3}") || die "$1 does not run here: ${got:-(no output)}"
    if [[ $got != "$2" ]]; then die "$1 printed '$got' instead of '$2'"; fi
    say "$1 ($bits bit): runs"
}

describe_all() {
    local libraries=LD_LIBRARY_PATH=$root/usr/lib/$triplet:$root/lib/$triplet name library
    describe sqlite3 usr/bin/sqlite3 "$libraries"
    describe python3 "$(cd "$root" && readlink -f usr/bin/python3 | sed "s|^$root/||")" "$libraries" \
        "PYTHONHOME=$root/usr" PYTHONNOUSERSITE=1 PYTHONDONTWRITEBYTECODE=1
    describe perl usr/bin/perl "$libraries" "PERL5LIB=$root/usr/lib/$triplet/perl-base"
    describe busybox bin/busybox "$libraries"
    describe sort usr/bin/sort "$libraries"
    describe ls bin/ls "$libraries"
    describe cat bin/cat "$libraries"
    describe git usr/bin/git "$libraries" "GIT_EXEC_PATH=$root/usr/lib/git-core" GIT_CONFIG_NOSYSTEM=1 GIT_PAGER=cat
    describe busybox-static usr/bin/busybox-static
    describe gosu usr/sbin/gosu
    describe musl "lib/${triplet%gnu}musl/libc.so"
    for name in jemalloc:libjemalloc.so.2 tcmalloc:libtcmalloc_minimal.so.4 mimalloc:libmimalloc.so.2.0; do
        library=usr/lib/$triplet/${name#*:}
        if [[ ! -e $root/$library ]]; then die "the package of ${name%:*} has no $library"; fi
        describe "${name%:*}" "$library" "$libraries"
    done
}

prove_all() {
    local rows='with recursive n(i) as (select 1 union all select i + 1 from n where i < 100000)
        insert into t select i, hex(i * 7919 % 65536) from n'
    prove sqlite3 '100000|5000050000' :memory: 'create table t(i integer primary key, s text)' "$rows" \
        'create index s on t(s)' 'select count(*), sum(i) from t'
    prove python3 "$bits [1]" -c 'import json, sqlite3, ssl, struct; print(struct.calcsize("P") * 8, json.dumps([1]))'
    # shellcheck disable=SC2016 # Perl's variables
    prove perl "$((bits / 8)) 3,2,1" \
        -e 'use Config; use List::Util; print $Config{ptrsize}, " ", join(",", sort { $b <=> $a } 1..3)'
    prove busybox $'1\n2' sh -c 'printf "2\n1\n" | sort'
    prove busybox-static $'1\n2' sh -c 'printf "2\n1\n" | sort'
    prove sort "$(LC_ALL=C sort "$table")" "$table"
    prove ls "$table" "$table"
    prove cat "$(<"$table")" "$table"
    prove git 'true' -C "$root" -c safe.directory='*' config --bool --default true procmap.trace
    if [[ $(run musl --version 2>&1 || true) != 'musl libc'* ]]; then die "musl's loader does not run here"; fi
    run gosu --version | grep -q '(go1' || die "gosu was not built by Go"
}

# A run time that reserves and maps much: whichever this machine has. (Debian's node only runs where it is installed.)
describe_run_time() {
    local own
    if own=$(command -v node || command -v java); then
        printf '%s\t%s\n' "$(basename "$own")" "$(readlink -f "$own")" >>"$table"
    fi
}

# bring BITS ARCH TRIPLET TABLE: everything of one word size
bring() {
    bits=$1 arch=$2 triplet=$3 table=$dir/$4 root=$dir/root$1
    say "fetching $arch packages into $root (not installed): ${packages[*]} ${alone[*]}"
    rm -rf -- "$root" "$dir/apt" "$table"
    mkdir -p -- "$root"
    fetch
    unpack
    rm -rf -- "$dir/apt"
    describe_all
    prove_all
    say "described in $table"
}

# --- main ----------------------------------------------------------------------------------------------------------

if [[ $# -gt 1 || ${1:-} == -* ]]; then
    printf 'usage: %s [DIR]\n' "$me" >&2
    exit 2
fi
here=$(dirname -- "$(realpath -- "${BASH_SOURCE[0]}")")
dir=$(realpath -m -- "${1:-$here/../../build/foreign}")

# Tests that run side by side all ask for the programs: the first one brings them.
mkdir -p -- "$dir"
exec 9>"$dir/lock"
flock 9

# The stamp names what the result depends on: this script, and the directory, whose path is in the tables.
stamp="$dir $(cksum <"${BASH_SOURCE[0]}")"
if [[ -f $dir/stamp && $(<"$dir/stamp") == "$stamp" ]]; then exit 0; fi

if ! command -v apt-get >/dev/null; then die "needs apt-get: these programs are taken from Debian's packages"; fi
if [[ ! -e /lib/ld-linux.so.2 ]]; then die "the 32-bit C library is missing: run tests/setup/deps.sh build first"; fi
# shellcheck source=/dev/null
. /etc/os-release
rm -rf -- "$dir/stamp" "$dir/root"
if "$(dirname "${BASH_SOURCE[0]}")/kernel-runs-i386.sh"; then
    bring 32 i386 i386-linux-gnu programs.tsv
else
    say "this kernel runs no 32-bit programs: only 64-bit ones are fetched"
fi
if [[ $(dpkg --print-architecture) == amd64 ]]; then
    bring 64 amd64 x86_64-linux-gnu programs64.tsv
    describe_run_time
fi
printf '%s\n' "$stamp" >"$dir/stamp"
