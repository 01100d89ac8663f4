#!/usr/bin/env bash
# prove-clean-machine.sh - build and test this checkout on a machine that has nothing installed.
#
#   prove-clean-machine.sh [--upgrade] [--keep] [--cache DIR] [--repo DIR] [TARGET...]      as root; targets: demo check
#
# What: makes a minimal system of this machine's release with debootstrap, in a directory of its own, with make, git and
#   ca-certificates and nothing else; clones the last commit of this checkout into it; runs `make TARGET` in it for each
#   target, in order, stopping at none; says in the last lines how each ended; removes the directory.
#     --upgrade    first bring that system to the newest versions (security archive), as a maintained machine would be
#     --keep       keep the directory, and say how to enter it
#     --cache DIR  keep the packages of the minimal system in DIR for the next time
#     --repo DIR   another checkout than the one that this script is in
# Why: what the developers' machines happen to have installed hides what tests/setup/deps.sh forgets. The package
#   archives are those of this machine, security archive included, since the trouble is in how they go together.
# Every command in the new system has mounts and a process tree of its own (unshare), that end with it: whatever happens,
#   no mount and no process is left, and removing the directory cannot reach anything else.
# Status: 0 all targets ok, 1 one failed or the system could not be made, 2 wrong usage.
set -euo pipefail

me=${0##*/}
say() { printf '%s: %s\n' "$me" "$*"; }
die() { printf '%s: %s\n' "$me" "$*" >&2; exit 1; }
usage() { printf 'usage: %s [--upgrade] [--keep] [--cache DIR] [--repo DIR] [TARGET...]\n' "$me" >&2; exit 2; }

own_namespaces() { unshare --mount --pid --fork --kill-child "$@"; }

# in_system COMMAND... runs it in the new system, as a login on a machine of its own would.
in_system() {
    # shellcheck disable=SC2016 # expanded by the inner shell
    own_namespaces bash -euc '
        mount -t proc proc "$1/proc"
        mount -t sysfs -o ro sysfs "$1/sys"
        mount -t devpts -o newinstance,ptmxmode=0666,mode=0620 devpts "$1/dev/pts"
        mkdir -p "$1/dev/shm"
        mount -t tmpfs -o mode=1777 tmpfs "$1/dev/shm"
        root=$1 status=0
        shift
        chroot "$root" "$@" || status=$? # no exec: the first process of the tree has to stay a shell, which reaps orphans
        exit "$status"
    ' in_system "$root" env -i "${clean_environment[@]}" "$@" </dev/null
}

# The distribution's own entries of this machine's apt sources. Asking apt which indices it would fetch spares parsing
# the two formats of those files.
distribution_sources() {
    apt-get update --print-uris 2>/dev/null |
        sed -nE "s,^'([^']*)/dists/($VERSION_CODENAME(-updates|-security)?)/main/binary-$machine/.*,deb \1 \2 main,p"
}

make_system() {
    local mirror keys=()
    mirror=$(awk -v suite="$VERSION_CODENAME" '$3 == suite { print $2; exit }' <<<"$sources")
    if [[ -z $mirror ]]; then die "no archive of $VERSION_CODENAME in this machine's apt sources"; fi
    say "making a minimal $VERSION_CODENAME in $root"
    own_namespaces debootstrap --variant=minbase --include=make,git,ca-certificates \
        ${cache:+--cache-dir="$cache"} "$VERSION_CODENAME" "$root" "$mirror" >"$root.log" 2>&1 </dev/null ||
        { tail -n 20 "$root.log" >&2; die "debootstrap failed"; }

    mapfile -t keys < <(find /etc/apt/keyrings /etc/apt/trusted.gpg.d -type f \( -name '*.asc' -o -name '*.gpg' \) 2>/dev/null)
    if [[ ${#keys[@]} != 0 ]]; then cp -n -- "${keys[@]}" "$root/etc/apt/trusted.gpg.d/"; fi
    printf '%s\n' "$sources" >"$root/etc/apt/sources.list"
    apt-config dump | grep -E '^Acquire::(Check-|Retries|ForceIPv|https?::Proxy)' >"$root/etc/apt/apt.conf.d/90host" || true
    say "its package archives:"
    sed 's/^/    /' "$root/etc/apt/sources.list"
    if [[ $upgrade == 1 ]]; then
        say "upgrading it"
        in_system apt-get -q update || say "warning: apt-get update ended with status $?"
        in_system env DEBIAN_FRONTEND=noninteractive apt-get -q -y dist-upgrade
    fi
}

# shellcheck disable=SC2317 # called by the trap
clean_up() {
    rm -f -- "$root.log"
    if [[ $keep == 1 ]]; then
        say "kept: $root (enter it with: unshare --mount --pid --fork chroot $root)"
    else
        rm -rf --one-file-system -- "$root"
    fi
}

# --- main ----------------------------------------------------------------------------------------------------------

upgrade=0 keep=0 cache='' repo=$(dirname -- "${BASH_SOURCE[0]}") targets=()
while [[ $# != 0 ]]; do
    case $1 in
    --upgrade) upgrade=1 ;;
    --keep) keep=1 ;;
    --cache | --repo)
        if [[ $# == 1 ]]; then usage; fi
        if [[ $1 == --repo ]]; then repo=$2; else mkdir -p -- "$2" && cache=$(realpath -- "$2"); fi
        shift ;;
    -*) usage ;;
    *) targets+=("$1") ;;
    esac
    shift
done
if [[ ${#targets[@]} == 0 ]]; then targets=(demo check); fi

if [[ $(id -u) != 0 ]]; then die "this needs root (chroot, mount)"; fi
for command in debootstrap unshare git apt-get; do
    if ! command -v "$command" >/dev/null; then die "this needs $command"; fi
done
# shellcheck source=/dev/null
. /etc/os-release
: "${VERSION_CODENAME:?no VERSION_CODENAME in /etc/os-release}"

checkout=$(git -C "$repo" rev-parse --show-toplevel)
if ! commit=$(git -C "$checkout" rev-parse --short --verify -q HEAD); then die "nothing is committed in $checkout yet"; fi
if [[ -n $(git -C "$checkout" status --porcelain) ]]; then say "note: what is not committed is not part of this"; fi

clean_environment=(PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root "TERM=${TERM:-dumb}")
for name in http_proxy https_proxy no_proxy CI; do
    if [[ -n ${!name:-} ]]; then clean_environment+=("$name=${!name}"); fi
done
machine=$(dpkg --print-architecture)
sources=$(distribution_sources)

root=$(mktemp -d "${TMPDIR:-/var/tmp}/procmap-trace-clean.XXXXXX")
trap clean_up EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
chmod 755 "$root"
make_system
git clone -q --no-local -- "$checkout" "$root/root/procmap-trace"

results=() status=0
for target in "${targets[@]}"; do
    say "make $target (commit $commit)"
    started=$SECONDS
    if in_system make -C /root/procmap-trace "$target"; then result=ok; else result="FAILED (status $?)" status=1; fi
    results+=("$me: make $target: $result, $((SECONDS - started)) s")
done
printf '%s\n' "${results[@]}"
exit "$status"
