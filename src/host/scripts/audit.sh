# Adds ENTRY (a JSON object) with the time to the audit log. Parameters: PLAN, HOST, STATE, ENTRY. Nothing was ever done here: nothing is written.
state_is_there
[ -n "$home" ] || exit 0
printf '{"time":"%s",%s\n' "$(date -u +%Y-%m-%dT%H:%M:%SZ)" "${ENTRY#?}" >>"$STATE/audit.log"
sync "$STATE/audit.log"
