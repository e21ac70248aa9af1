# Writes standard input into a file of the database's container, beside its data, for its server to read. Prints its path
# there. Parameters: CONTAINER, NAME.
docker exec --interactive "$CONTAINER" sh -euc '
    file=${PGDATA%/*}/$1
    cat >"$file.new"
    chmod 0644 "$file.new"
    mv "$file.new" "$file"
    printf "%s\n" "$file"' sh "$NAME"
