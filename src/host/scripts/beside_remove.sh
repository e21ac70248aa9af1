# Removes a file that was written beside the database's data. Parameters: CONTAINER, NAME.
docker exec "$CONTAINER" sh -euc 'rm -f "${PGDATA%/*}/$1"' sh "$NAME"
