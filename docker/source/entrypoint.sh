#!/bin/sh
# A new volume belongs to root. The server archives into it as the user postgres, and the worker reads it as the same uid.
set -eu
install -d -o postgres -g postgres -m 0700 \
  /var/lib/pgdrill/repository /var/lib/pgdrill/repository/shop /var/lib/pgdrill/repository/shop/wal
exec docker-entrypoint.sh "$@"
