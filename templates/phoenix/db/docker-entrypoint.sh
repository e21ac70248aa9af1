#!/bin/sh
# Makes the database cluster at the first start, then becomes PostgreSQL. Same variables as the official image:
# POSTGRES_USER, POSTGRES_DB, POSTGRES_INITDB_ARGS, POSTGRES_PASSWORD or POSTGRES_PASSWORD_FILE, PGDATA, and scripts in
# /docker-entrypoint-initdb.d (*.sh, *.sql).
#
# A first start that was interrupted leaves nothing behind: the cluster is made beside its place and moved there when
# it is complete.
set -eu

[ "${1:-postgres}" = postgres ] || exec "$@"
[ $# -eq 0 ] || shift

if [ "$(id -u)" = 0 ]; then
  mkdir -p "$PGDATA" /run/postgresql
  chown -R postgres: "$PGDATA" /run/postgresql
  exec setpriv --reuid postgres --regid postgres --init-groups "$0" postgres "$@"
fi

: "${POSTGRES_USER:=postgres}"
: "${POSTGRES_DB:=$POSTGRES_USER}"
new=$PGDATA.new

# A server that only its socket reaches, for the time of the preparation.
preparing() {
  pg_ctl -D "$new" -w -s -o "-c listen_addresses='' -c data_directory='$new' -c archive_mode=off" "$1" >&2
}

query() {
  psql -X -q -v ON_ERROR_STOP=1 -U "$POSTGRES_USER" --no-password "$@"
}

initialise() {
  [ -z "${POSTGRES_PASSWORD_FILE:-}" ] || POSTGRES_PASSWORD=$(cat "$POSTGRES_PASSWORD_FILE")
  if [ -z "${POSTGRES_PASSWORD:-}" ]; then
    echo "the database is not there yet and POSTGRES_PASSWORD is empty: set it to make one" >&2
    exit 1
  fi
  rm -rf "$new"
  password=$(mktemp)
  trap 'rm -f "$password"' EXIT
  printf '%s\n' "$POSTGRES_PASSWORD" > "$password"
  # shellcheck disable=SC2086 # the arguments are a list by contract
  initdb -D "$new" --username="$POSTGRES_USER" --pwfile="$password" ${POSTGRES_INITDB_ARGS:-} >&2
  rm -f "$password"
  printf '\nhost all all all scram-sha-256\n' >> "$new/pg_hba.conf"
  preparing start
  [ "$POSTGRES_DB" = postgres ] || query -d postgres -v db="$POSTGRES_DB" <<'SQL'
CREATE DATABASE :"db";
SQL
  for file in /docker-entrypoint-initdb.d/*; do
    case $file in
      *.sh) PGDATABASE=$POSTGRES_DB sh "$file" ;;
      *.sql) query -d "$POSTGRES_DB" -f "$file" ;;
    esac
  done
  preparing stop
  rmdir "$PGDATA" 2>/dev/null || true
  mv -T "$new" "$PGDATA"
  sync -f "$PGDATA"
}

[ -s "$PGDATA/PG_VERSION" ] || initialise
unset POSTGRES_PASSWORD
exec postgres "$@"
