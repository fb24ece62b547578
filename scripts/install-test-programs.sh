#!/bin/sh
# Installs the programs that the tests and .ci/run use besides Swift, if they are missing. Works on
# Debian and Ubuntu, as root.
set -eu

PATH=$PATH:/usr/sbin
updated=
install() { # command package
    command -v "$1" >/dev/null && return
    echo "installing $2"
    [ -n "$updated" ] || apt-get update -qq
    updated=1
    DEBIAN_FRONTEND=noninteractive apt-get install -y -qq "$2" >/dev/null
}

install python3 python3
install valgrind valgrind
install strip binutils
# The peers of the network tests.
install curl curl
install cc gcc
install nginx nginx
install redis-server redis-server
install openssl openssl
install tmux tmux
install setpriv util-linux
# The shells that complete the tool's arguments, and a reader of its manual page.
install bash bash
install zsh zsh
install fish fish
install mandoc mandoc
# For the database example.
[ -e /usr/include/sqlite3.h ] || install sqlite3.h libsqlite3-dev
