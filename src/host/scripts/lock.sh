# Takes the host's lock and holds it as long as something comes in on standard input. Parameter: HOLDER (JSON).
# Prints `held<TAB>dead holder`, or `busy<TAB>holder`. A holder that releases the lock empties the holder file; one that
# died leaves its name there.
mkdir -p /run/infra
exec 9>>/run/infra/lock
# A holder whose connection just broke is given a moment to notice.
if ! flock -w 3 9; then
    printf 'busy\t%s\n' "$(cat /run/infra/lock.holder 2>/dev/null)"
    exit 0
fi
previous=$(cat /run/infra/lock.holder 2>/dev/null || true)
printf '%s\n' "$HOLDER" >/run/infra/lock.holder
printf 'held\t%s\n' "$previous"
# Silence for 90 s, or the end of the input, is a dead holder; `q` is one that lets go.
beat=.
while [ "$beat" = . ]; do beat=$(timeout 90 head -c 1 || true); done
[ "$beat" != q ] || : >/run/infra/lock.holder
