#!/bin/sh
# The part of RDS beside PostgreSQL: waits for what the lab's gateway puts into /rds, makes the database at the first
# start, then becomes PostgreSQL.
#
# It keeps the contract of the official image as far as MiniStack uses it: POSTGRES_USER, POSTGRES_PASSWORD and
# POSTGRES_DB, and "postgres" with arguments as the command. The arguments are left out: they name a certificate that
# changes with each start of MiniStack.
set -eu

[ "${1:-postgres}" = postgres ] || exec "$@"
share=/usr/local/share/rds
new=$PGDATA.new

as_postgres() { setpriv --reuid postgres --regid postgres --init-groups "$@"; }

# A server that only its socket reaches, for the time of the preparation.
preparing() {
  as_postgres pg_ctl -D "$new" -w -s -o "-c listen_addresses='' -c fsync=off -c ident_file=$share/pg_ident.conf" "$1" >&2
}

initialise() {
  rm -rf "$new"
  as_postgres initdb -D "$new" --username=rdsadmin --auth=peer --encoding=UTF8 --locale=C.UTF-8 >&2
  sed -i 's/peer$/peer map=rdsadmin/' "$new/pg_hba.conf"
  preparing start
  as_postgres psql -X -q -v ON_ERROR_STOP=1 -U rdsadmin -d postgres -f "$share/roles.sql" >&2
  preparing stop
  mv -T "$new" "$PGDATA"
  sync -f "$PGDATA"
}

keep_replication() {
  while :; do
    as_postgres psql -X -q -U rdsadmin -d rdsadmin -f "$share/replication.sql" >/dev/null 2>&1 || :
    sleep 0.2
  done
}

trap 'exit 0' INT TERM
mkdir -p /rds /run/postgresql
rm -f /rds/ready
until [ -e /rds/ready ]; do sleep 0.1; done
chown -R postgres:postgres /rds /run/postgresql "$(dirname "$PGDATA")"
[ -s "$PGDATA/PG_VERSION" ] || initialise
unset POSTGRES_PASSWORD
keep_replication &
exec setpriv --reuid postgres --regid postgres --init-groups \
  postgres -D "$PGDATA" -c config_file="$share/postgresql.conf"
