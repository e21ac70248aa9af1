# Lets nobody into the database's server from outside of its own network but with TLS and a password, whatever its file says
# after that; the server reads it when it is told. Parameters: CONTAINER, FILE (in the container).
docker exec "$CONTAINER" sh -euc '
    mark="# by infra migrate, up to the next mark: whoever comes from outside has a password and comes with TLS"
    end="# by infra migrate: end"
    {
        printf "%s\n" "$mark" "host all all 127.0.0.1/32 scram-sha-256" "host all all ::1/128 scram-sha-256" \
            "host all all samenet scram-sha-256" "host replication all samenet scram-sha-256" \
            "hostssl all all all scram-sha-256" "host all,replication all all reject" "$end"
        sed "/^$mark\$/,/^$end\$/d" "$1"
    } >"$1.new"
    chown "$(stat -c %u:%g "$1")" "$1.new"
    chmod 600 "$1.new"
    mv "$1.new" "$1"' sh "$FILE"
