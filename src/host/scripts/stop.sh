# Stops the services of the current release, in their order. Parameters: PLAN, STATE.
command -v docker >/dev/null || exit 0
[ -n "$(docker ps --quiet --filter "label=com.docker.compose.project=$PLAN")" ] || exit 0
if [ -d "$STATE/current/" ]; then cd "$STATE/current/" || exit; fi
docker compose --ansi never --project-name "$PLAN" stop >&2
