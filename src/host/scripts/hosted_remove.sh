# Removes the database service that a migration made on this host: its containers, and what it was alone to write to, by
# what was written down when it was made. With KEEP, its data stay under a name with that at its end, or as a volume; prints
# what stays. Nothing happens where there is none. Parameters: PLAN, STATE, KEEP.
marker=$STATE/database-service
tab=$(printf '\t')
[ -f "$marker" ] || [ -f "$marker.before" ] || exit 0
if [ -d "$STATE/current/" ]; then
    cd "$STATE/current/" || exit
    docker compose --ansi never --project-name "$PLAN" stop >&2 || true
    cd /
fi
ids=$(docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$PLAN")
# shellcheck disable=SC2086 # ids hold no spaces
[ -z "$ids" ] || docker rm --force $ids >/dev/null
docker network ls --quiet --filter "label=com.docker.compose.project=$PLAN" | while read -r network; do
    docker network rm "$network" >/dev/null
done

# But for a disk's own: infra's marker and state, the file system's folder.
folder() {
    [ -d "$1" ] || return 0
    if [ -z "$KEEP" ]; then
        find "$1" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name '.infra*' -exec rm -rf --one-file-system {} +
        rmdir "$1" 2>/dev/null || true
    elif awk -v m="$1" '$2 == m { found = 1 } END { exit !found }' /proc/mounts; then
        mkdir -p "$1/database$KEEP"
        find "$1" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name '.infra*' ! -name "*$KEEP" -exec mv -t "$1/database$KEEP" {} +
        printf 'folder %s\n' "$1/database$KEEP"
    else
        mv -T "$1" "$1$KEEP"
        printf 'folder %s\n' "$1$KEEP"
    fi
}

[ ! -f "$marker" ] || while IFS=$tab read -r kind name; do
    case $kind in
        folder) folder "$name" ;;
        volume)
            if [ -n "$KEEP" ]; then printf 'volume %s\n' "$name"; else docker volume rm "$name" >/dev/null 2>&1 || true; fi
            ;;
    esac
done <"$marker"
# What was there before is not this migration's.
[ ! -f "$marker.before" ] || find "$STATE/secrets" -mindepth 1 -maxdepth 1 -type f | while read -r file; do
    name=${file##*/}
    grep -qxF "secret$tab${name%.env}" "$marker.before" || rm -f "$file"
done
rm -rf "$STATE/database-tls" "$STATE/releases" "$STATE/current"
mkdir -p "$STATE/releases"
rm -f "$marker" "$marker".*
sync "$STATE"
