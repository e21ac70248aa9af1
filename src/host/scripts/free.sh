# Prints how many bytes are free on the disk that holds a database's data. Parameters: CONTAINER.
docker exec "$CONTAINER" sh -c 'df -Pk "${PGDATA:-/var/lib/postgresql}"' 2>/dev/null | awk 'NR == 2 { printf "%.0f", $4 * 1024 }'
