#!/bin/sh
# libpq reads passwords from a passfile that only its owner may read. It is made from the container's secrets at every start, so that
# no password is in the image, the environment or a process's arguments.
set -eu
umask 077

secret() {
  file="${PGDRILL_SECRETS:-/run/secrets}/$1"
  if ! [ -s "$file" ]; then
    echo "The secret $1 is missing or empty. To do: write .env with docker/make-env.sh, then start again." >&2
    exit 78
  fi
  # A backslash and a colon have a meaning in a passfile.
  sed -e 's/[\\:]/\\&/g' "$file"
}

source_password=$(secret source_pgdrill_password)
catalog_password=$(secret catalog_password)
cat >"$PGPASSFILE" <<END
source:5432:*:pgdrill:$source_password
catalog:5432:pgdrill:pgdrill:$catalog_password
END

exec "$@"
