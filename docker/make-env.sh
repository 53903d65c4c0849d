#!/bin/sh
# Writes .env from .env.example with a fresh random password for each name. An existing .env is kept: the volumes know its passwords.
set -eu
umask 077
cd "$(dirname "$0")/.."
if [ -e .env ]; then
  echo '.env exists and is kept. To start anew: docker compose down --volumes, then remove .env.' >&2
  exit 1
fi
while IFS= read -r line; do
  case $line in
    *=) printf '%s%s\n' "$line" "$(od -An -N24 -tx1 /dev/urandom | tr -d ' \n')" ;;
    *) printf '%s\n' "$line" ;;
  esac
done <.env.example >.env.partial
mv .env.partial .env
