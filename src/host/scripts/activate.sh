# Puts RELEASE in service, or PREVIOUS back. The work writes to the release's log alone, so that it comes to its end when
# the connection is cut; a reader shows the log meanwhile. Prints the result, then a report of what failed.
# Parameters: PLAN, STATE, RELEASE, PREVIOUS (may be empty), TIMEOUT, ENTRY (for the audit log), PUSHED (`image id`).
folder=$STATE/releases/$RELEASE
log=$folder/deploy.log
exec 8>>/run/infra/busy
flock -w 1800 8 || fail "an earlier deployment is still running on this host"

finish() {
    printf '{"time":"%s",%s,"result":"%s"}\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "$(printf %s "${ENTRY#?}" | sed 's/}$//')" "${1%% *}" \
        >>"$STATE/audit.log"
    sync "$STATE/audit.log"
    printf '%s\n' "$1" >"$folder/result.new"
    mv "$folder/result.new" "$folder/result"
    exit 0
}

in_release() { cd "$STATE/releases/$1" && shift && docker compose --ansi never --project-name "$PLAN" "$@"; }

up() {
    culprits=
    point "$1" || return 1
    deadline=$(($(date +%s) + TIMEOUT))
    cd "$STATE/releases/$1" || return 1
    # Not `--wait`: to Compose a service that has ended has failed, however it ended. What services wait for in each other
    # it waits for without end: hence the limit.
    timeout "$TIMEOUT" docker compose --ansi never --project-name "$PLAN" up --detach --remove-orphans --no-build || return 1
    come_up
}

# Whatever can run does: a service that is gone for good must not keep those from serving who wait for it in name only.
start_each() {
    in_release "$1" config --services | while read -r service; do
        in_release "$1" up --detach --no-build --no-deps "$service" </dev/null || echo "service $service cannot be started"
    done
}

work() {
    : >"$folder/report"
    printf '%s\n' "$PUSHED" | while read -r image id; do
        [ -z "$image" ] || [ "$(docker image inspect --format '{{.Id}}' "$image" 2>/dev/null)" != "" ] || { echo "$image"; break; }
    done >"$folder/missing"
    missing=$(cat "$folder/missing")
    rm "$folder/missing"
    [ -z "$missing" ] || finish "image-missing $missing"

    pushed=$(printf '%s\n' "$PUSHED" | cut -d ' ' -f 1)
    point "$RELEASE" || finish not-pulled
    images=$(in_release "$RELEASE" config --images 2>"$folder/report") || finish not-pulled
    for image in $images; do
        printf '%s\n' "$pushed" | grep -qxF "$image" && continue
        docker image inspect "$image" >/dev/null 2>&1 && continue
        echo "pulling $image"
        docker pull --quiet "$image" 2>"$folder/report" || { cat "$folder/report"; finish "not-pulled $image"; }
    done
    : >"$folder/report"

    if up "$RELEASE"; then
        echo healthy >"$folder/state.new"
        sync "$folder/state.new"
        mv "$folder/state.new" "$folder/state"
        ln -sfn "releases/$RELEASE" "$STATE/current.new"
        mv -T "$STATE/current.new" "$STATE/current"
        sync "$STATE"
        finish healthy
    fi

    report >"$folder/report" 2>&1 || true
    # A release that was healthy once and fails now keeps its good name: its start failed, not the release.
    [ -f "$folder/state" ] || echo failed >"$folder/state"
    if [ "$(readlink "$STATE/current" 2>/dev/null)" = "releases/$RELEASE" ]; then
        start_each "$RELEASE"
        finish left
    fi
    if [ -z "$PREVIOUS" ]; then
        in_release "$RELEASE" stop || true
        finish stopped
    fi
    echo "release $RELEASE is not healthy: going back to release $PREVIOUS"
    if up "$PREVIOUS"; then finish rolled-back; fi
    { echo; echo "=== release $PREVIOUS"; report; } >>"$folder/report" 2>&1 || true
    start_each "$PREVIOUS"
    finish rollback-failed
}

rm -f "$folder/result"
: >"$log"
(
    trap '' HUP INT TERM PIPE
    set +e
    work
) >>"$log" 2>&1 </dev/null &
worker=$!
tail -n +1 -s 0.2 -f --pid="$worker" "$log" >&2 || true
wait "$worker" || true
[ -f "$folder/result" ] || fail "the start of release $RELEASE broke off; its log is $log"
cat "$folder/result" "$folder/report"
