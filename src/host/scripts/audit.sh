# Adds ENTRY (a JSON object) with the time to the audit log. Parameters: STATE, STATE_MOUNT, ENTRY.
if [ -n "$STATE_MOUNT" ] && ! awk -v m="$STATE_MOUNT" '$2 == m { found = 1 } END { exit !found }' /proc/mounts; then
    fail "$STATE_MOUNT is not mounted"
fi
mkdir -p "$STATE"
printf '{"time":"%s",%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "${ENTRY#?}" >>"$STATE/audit.log"
sync "$STATE/audit.log"
