# Removes a file that was written among the database's data, or beside them by an earlier version. Parameters: CONTAINER, NAME.
docker exec "$CONTAINER" sh -euc 'rm -f "$PGDATA/$1" "${PGDATA%/*}/$1"' sh "$NAME"
