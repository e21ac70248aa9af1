# Waits for a start that a lost connection left running, then makes the folders. Parameters: STATE, STATE_MOUNT.
mkdir -p /run/infra
exec 8>>/run/infra/busy
flock -w 1800 8 || fail "an earlier deployment is still running on this host"
if [ -n "$STATE_MOUNT" ] && ! awk -v m="$STATE_MOUNT" '$2 == m { found = 1 } END { exit !found }' /proc/mounts; then
    fail "$STATE_MOUNT is not mounted"
fi
mkdir -p "$STATE/releases" "$STATE/secrets"
chmod 700 "$STATE" "$STATE/releases" "$STATE/secrets"
if [ ! -e "$STATE/database" ]; then
    mkdir -p "$STATE/databases/0"
    chmod 755 "$STATE/databases/0"
    ln -sfn databases/0 "$STATE/database"
fi
rm -rf "$STATE"/releases/*.tmp
