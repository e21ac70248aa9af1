# Prints where a migration stands, as the agent tells it; nothing where none was begun. Parameters: BIN, FOLDER,
# SOURCE (`--source` or empty), PLAN, HOST, STATE.
state_is_there
[ -e "$FOLDER/job.json" ] || exit 0
# shellcheck disable=SC2086 # a flag or nothing
exec "$BIN" agent status "$FOLDER" $SOURCE
