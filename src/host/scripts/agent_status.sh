# Prints where a migration stands, as the agent tells it; nothing where none was begun. Parameters: BIN, FOLDER,
# SOURCE (`--source` or empty), STATE_MOUNT (may be empty).
if [ -n "$STATE_MOUNT" ] && ! awk -v m="$STATE_MOUNT" '$2 == m { found = 1 } END { exit !found }' /proc/mounts; then
    fail "$STATE_MOUNT, where infra keeps what it knows of migrations, is not mounted"
fi
[ -e "$FOLDER/job.json" ] || exit 0
# shellcheck disable=SC2086 # a flag or nothing
exec "$BIN" agent status "$FOLDER" $SOURCE
