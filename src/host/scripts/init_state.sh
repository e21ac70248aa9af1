# Waits for a start that a lost connection left running, then makes the folders, on one of the plan's disks if it has any.
# What is there stays where it is as long as its disk is the plan's; when that is taken out of the plan, it moves.
# Parameters: PLAN, HOST, STATE, MOUNTS (of the plan's disks, one a line).
mkdir -p /run/infra
exec 8>>/run/infra/busy
flock -w 1800 8 || fail "an earlier deployment is still running on this host"
printf '%s\n' "$MOUNTS" | while read -r mount; do
    [ -z "$mount" ] || awk -v m="$mount" '$2 == m { found = 1 } END { exit !found }' /proc/mounts || fail "$mount is not mounted"
done
preferred=${STATE%/*}/on-root
[ -z "$MOUNTS" ] || preferred=$(printf '%s\n' "$MOUNTS" | head -n 1)/.infra

# Copied whole and compared before the link is switched; the old folder keeps its content under another name.
move_state() {
    rm -rf "$preferred.new"
    mkdir -p "$preferred.new"
    cp -a "$home/." "$preferred.new/"
    diff -r --no-dereference "$home" "$preferred.new" >&2 || fail "the copy of $home differs"
    sync -f "$preferred.new"
    [ ! -e "$preferred" ] || mv -T "$preferred" "$preferred.$(date +%s)"
    mv -T "$preferred.new" "$preferred"
    ln -sfn "$preferred" "$STATE.new"
    mv -T "$STATE.new" "$STATE"
    sync "${STATE%/*}"
    rm -rf "$home-moved"
    mv -T "$home" "$home-moved"
    say "releases and secrets moved from $home to $preferred"
}

state_is_there
if [ -z "$home" ]; then
    mkdir -p "$preferred" "${STATE%/*}"
    ln -sfn "$preferred" "$STATE"
elif ! printf '%s\n' "$MOUNTS" | grep -qxF "${home%/.infra}" && [ "$home" != "$preferred" ]; then
    move_state
fi

mkdir -p "$STATE/releases" "$STATE/secrets"
chmod 700 "$STATE/" "$STATE/releases" "$STATE/secrets"
if [ ! -e "$STATE/database" ]; then
    mkdir -p "$STATE/databases/0"
    chmod 755 "$STATE/databases/0"
    ln -sfn databases/0 "$STATE/database"
fi
rm -rf "$STATE"/releases/*.tmp
