# Before anything is made on a host that is to hold the database: what of Docker and of the secrets is there already, written
# down once. What an attempt that was cut off has made since is not among it. Parameters: PLAN, STATE, SERVICE.
marker=$STATE/database-service
[ ! -f "$marker" ] || exit 0
[ ! -f "$marker.before" ] || exit 0
[ -z "$(docker ps --all --quiet --filter "label=com.docker.compose.project=$PLAN")" ] ||
    fail "services of this plan run here already: a host that has the bundle cannot take its database as well"
[ -z "$(find "$STATE/releases" -mindepth 1 -maxdepth 1)" ] ||
    fail "releases of this plan are here already (${STATE}/releases): a host that had the bundle cannot take its database as well"
{
    docker volume ls --quiet | sed 's/^/volume\t/'
    find "$STATE/secrets" -mindepth 1 -maxdepth 1 -type f ! -name '*.new' ! -name '*.env' | sed 's|.*/|secret\t|'
} >"$marker.new"
sync "$marker.new"
mv "$marker.new" "$marker.before"
