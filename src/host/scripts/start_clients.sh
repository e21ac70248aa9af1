# Starts services of the current release where STATE/database says that their database is, and sees them healthy. Nothing
# else of the release is looked at: writers wait. Parameters: PLAN, STATE, SERVICES (one a line), TIMEOUT.
release=$(basename "$(readlink "$STATE/current")")
point "$release"
cd "$STATE/releases/$release"
# shellcheck disable=SC2086 # a list of words: names of services have no spaces
docker compose --ansi never --project-name "$PLAN" up --detach --no-deps --no-build --wait --wait-timeout "$TIMEOUT" $SERVICES >&2
