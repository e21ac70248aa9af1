# Starts services of the current release where STATE/database says that their database is, and sees them well. Nothing
# else of the release is looked at: writers wait. Parameters: PLAN, STATE, SERVICES (one a line), TIMEOUT.
LINES_OF_LOG=20
release=$(basename "$(readlink "$STATE/current")")
point "$release"
deadline=$(($(date +%s) + TIMEOUT))
cd "$STATE/releases/$release"
# Not `--wait`: to Compose a service that has done its work and ended has failed.
# shellcheck disable=SC2086 # a list of words: names of services have no spaces
timeout "$TIMEOUT" docker compose --ansi never --project-name "$PLAN" up --detach --no-deps --no-build $SERVICES >&2
come_up || { report >&2; fail "they are not well with the database that they are pointed to"; }
