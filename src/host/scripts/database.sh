# Prints where the container of a database service is and how it was set up, one `key<TAB>value` a line.
# Parameters: PLAN, SERVICE.
id=$(docker ps --quiet --no-trunc --filter "label=com.docker.compose.project=$PLAN" --filter "label=com.docker.compose.service=$SERVICE" | head -n 1)
[ -n "$id" ] || fail "service $SERVICE does not run"
printf 'id\t%s\n' "$id"
docker inspect --format '{{range .NetworkSettings.Networks}}{{println "address" .IPAddress}}{{end}}' "$id" | sed -n 's/^address \(.\)/address\t\1/p' | head -n 1
docker inspect --format '{{range .Config.Env}}{{println .}}{{end}}' "$id" |
    sed -n 's/^\(POSTGRES_USER\|POSTGRES_PASSWORD\|POSTGRES_DB\)=/\1\t/p'
