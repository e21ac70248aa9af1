# How the containers of a project stand, and what those that are not well have said. With PLAN, and SERVICES where only some count.

of_project() { docker ps --all --no-trunc --filter "label=com.docker.compose.project=$PLAN" "$@"; }

# All of them, or those of SERVICES.
containers() {
    [ -n "${SERVICES:-}" ] || { of_project --quiet; return; }
    for service in $SERVICES; do of_project --quiet --filter "label=com.docker.compose.service=$service"; done
}

# One line a container: `well`, `wait` or `ailing`, its id, and of one that runs unchecked since when. One that has ended with
# 0 and is not to be started again has done its work; one that has ended with anything else has failed, unless Docker is
# about to try it again.
standing() {
    ids=$(containers)
    # Ids hold no spaces: splitting is meant.
    # shellcheck disable=SC2086
    [ -z "$ids" ] || docker inspect --format \
        '{{.ID}} {{.State.StartedAt}} {{.State.Status}} {{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}} {{.State.ExitCode}} {{or .HostConfig.RestartPolicy.Name "no"}}' $ids |
        while read -r id since state health code policy; do
            case $state/$health/$code/$policy in
                running/healthy/*) echo "well $id" ;;
                running/none/*) echo "well $id $since" ;;
                running/starting/* | restarting/* | created/*) echo "wait $id" ;;
                exited/*/0/no | exited/*/0/on-failure) echo "well $id" ;;
                *) echo "ailing $id" ;;
            esac
        done
}

ailing() { sed -n '/^well /!s/^[a-z]* \([^ ]*\).*/\1/p'; }

# Those of the second look that were started anew since the first.
begun_again() { grep '^well [^ ]* .' | grep -vxF "$1" | cut -d ' ' -f 2; }

# Waits until all are well, at most until `deadline`; where one has no health check, looks twice: if it dies at once it is
# caught restarting, or has been restarted. `culprits`: who is not well.
come_up() {
    culprits=
    while :; do
        first=$(standing)
        case $first in
            # Whoever is still coming up beside them is none.
            *ailing*)
                culprits=$(printf '%s\n' "$first" | sed -n 's/^ailing //p')
                return 1
                ;;
            *wait*) [ "$(date +%s)" -lt "$deadline" ] || return 1 ;;
            *) break ;;
        esac
        sleep 0.5
    done
    printf '%s\n' "$first" | grep -q '^well [^ ]* .' || return 0
    sleep 1
    second=$(standing)
    culprits=$(printf '%s\n' "$second" | ailing; printf '%s\n' "$second" | begun_again "$first")
    [ -z "$culprits" ]
}

report() {
    of_project --format 'table {{.Label "com.docker.compose.service"}}\t{{.Status}}'
    for id in ${culprits:-$(standing | ailing)}; do
        printf '\n--- %s, last lines of its log\n' "$(docker inspect --format '{{index .Config.Labels "com.docker.compose.service"}}' "$id")"
        docker inspect --format '{{if .State.Health}}{{range .State.Health.Log}}{{printf "health check: exit %d: %s\n" .ExitCode .Output}}{{end}}{{end}}' "$id" |
            sed '/^$/d' | tail -n 3
        docker logs --tail "${LINES_OF_LOG:-100}" "$id" 2>&1
    done
}
