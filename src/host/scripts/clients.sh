# Stops or starts services of the current release; they finish what they have in hand. Parameters: PLAN, STATE,
# DO (stop, start), SERVICES (one a line).
cd "$STATE/current/" || exit
# shellcheck disable=SC2086 # a list of words: names of services have no spaces
docker compose --ansi never --project-name "$PLAN" "$DO" $SERVICES >&2
