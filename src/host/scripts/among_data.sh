# Writes standard input into a file of the database's container, among its data, for its server alone to read. Prints its
# path there. Only the data are sure to outlive the container: beside them may be nothing but its own layer. Parameters: CONTAINER, NAME.
docker exec --interactive "$CONTAINER" sh -euc '
    file=$PGDATA/$1
    (umask 077 && cat >"$file.new")
    chown "$(stat -c %u:%g "$PGDATA")" "$file.new"
    mv "$file.new" "$file"
    printf "%s\n" "$file"' sh "$NAME"
