#!/bin/sh
# Builds the tool asyncio and installs it with its manual page and its completions for bash, zsh, and
# fish. Needs only Swift.
#
#     scripts/install-tool.sh              # in ~/.local
#     scripts/install-tool.sh /usr/local   # for all users
#
# The installed program uses the libraries of the Swift toolchain that built it.
set -eu

case ${1:-} in
-*)
    echo "usage: scripts/install-tool.sh [PREFIX]" >&2
    exit 64
    ;;
esac
prefix=${1:-$HOME/.local}
mkdir -p "$prefix"
prefix=$(cd "$prefix" && pwd)
cd "$(dirname "$0")/.."

swift build -c release --product asyncio
tool=$(swift build -c release --show-bin-path)/asyncio

put() { # mode, file; the contents are standard input
    mkdir -p "$(dirname "$prefix/$2")"
    # Write a new file and move it, because the old one may be in use.
    cat >"$prefix/$2.new"
    chmod "$1" "$prefix/$2.new"
    mv "$prefix/$2.new" "$prefix/$2"
    echo "$prefix/$2"
}

# Make all of it first, so that nothing is installed if the tool does not run.
manual=$("$tool" generate-manual)
bash=$("$tool" --generate-completion-script bash)
zsh=$("$tool" --generate-completion-script zsh)
fish=$("$tool" --generate-completion-script fish)

put 755 bin/asyncio <"$tool"
printf '%s\n' "$manual" | put 644 share/man/man1/asyncio.1
printf '%s\n' "$bash" | put 644 share/bash-completion/completions/asyncio
printf '%s\n' "$zsh" | put 644 share/zsh/site-functions/_asyncio
printf '%s\n' "$fish" | put 644 share/fish/vendor_completions.d/asyncio.fish

case :$PATH: in
*:"$prefix/bin":*) ;;
*) echo "Add $prefix/bin to your PATH to run it as asyncio." ;;
esac
