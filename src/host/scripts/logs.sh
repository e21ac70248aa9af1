# Prints the services' logs. Parameters: PLAN, STATE, FOLLOW, TAIL, SINCE, SERVICES.
cd "$STATE/current/" || fail "no release is in service"
set -- --ansi never --project-name "$PLAN" logs --no-color --tail "$TAIL"
[ -z "$SINCE" ] || set -- "$@" --since "$SINCE"
[ -z "$FOLLOW" ] || set -- "$@" --follow
for service in $SERVICES; do set -- "$@" "$service"; done
# Compose 2.26, Debian's, begins each line with "erase the line", whatever it is told about terminals.
folder=$(mktemp -d)
mkfifo "$folder/lines"
sed -u "s/^$(printf '\033')\[2K//" <"$folder/lines" &
cleaner=$!
exec 4>"$folder/lines"
rm -r "$folder"
result=0
if [ -z "$FOLLOW" ]; then
    docker compose "$@" </dev/null >&4 || result=$?
else
    # Following ends when the operator's side does: the end of the input says so.
    exec 3<&0
    docker compose "$@" </dev/null >&4 &
    follower=$!
    { cat <&3 >/dev/null; kill "$follower" 2>/dev/null; } 4>&- &
    wait "$follower" || true
fi
exec 4>&-
wait "$cleaner"
exit "$result"
