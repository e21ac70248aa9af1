# Whom services have connections with, and where their database is beside them: one `running<TAB>service`, `peer<TAB>service<TAB>address`
# (as /proc/net/tcp writes it) or `beside<TAB>address` a line. Parameters: PLAN, SERVICES (one a line), DATABASE (a service).
of_service() {
    docker ps --quiet --filter "label=com.docker.compose.project=$PLAN" --filter "label=com.docker.compose.service=$1"
}
for service in $SERVICES; do
    for id in $(of_service "$service"); do
        pid=$(docker inspect --format '{{.State.Pid}}' "$id" 2>/dev/null) || continue
        [ -r "/proc/$pid/net/tcp" ] || continue
        printf 'running\t%s\n' "$service"
        # The fourth column is the state. Left out are those that never came about (02, 03, 07) and those that only listen (0A).
        cat "/proc/$pid/net/tcp" "/proc/$pid/net/tcp6" 2>/dev/null |
            awk -v service="$service" '$1 ~ /^[0-9]+:$/ && $4 !~ /^(02|03|07|0A)$/ { print "peer\t" service "\t" $3 }' || true
    done
done | sort -u
for id in $(of_service "$DATABASE"); do
    docker inspect --format '{{range .NetworkSettings.Networks}}{{println "beside" .IPAddress}}{{end}}' "$id" | sed -n 's/^beside \(.\)/beside\t\1/p'
done
