# Prints the services' logs. Parameters: PLAN, STATE, FOLLOW, TAIL, SINCE, SERVICES.
cd "$STATE/current/" || fail "no release is in service"
set -- --ansi never --project-name "$PLAN" logs --no-color --tail "$TAIL"
[ -z "$SINCE" ] || set -- "$@" --since "$SINCE"
[ -z "$FOLLOW" ] || set -- "$@" --follow
for service in $SERVICES; do set -- "$@" "$service"; done
if [ -z "$FOLLOW" ]; then exec docker compose "$@" </dev/null; fi
# Following ends when the operator's side does: the end of the input says so.
exec 3<&0
docker compose "$@" </dev/null &
follower=$!
{ cat <&3 >/dev/null; kill "$follower" 2>/dev/null; } &
wait "$follower" || true
