# Makes the containers of a release without starting them, and writes down which folders and volumes of the host they will
# write to. Where one holds something that a migration did not put there, nothing is started. Parameters: PLAN, STATE, SERVICE,
# RELEASE, MIGRATION.
marker=$STATE/database-service
tab=$(printf '\t')
ours() { [ -f "$marker" ] && grep -qxF "$1$tab$2" "$marker"; }
before() { [ -f "$marker.before" ] && grep -qxF "$1$tab$2" "$marker.before"; }
of_project() { docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$PLAN"; }

cd "$STATE/releases/$RELEASE" || exit
docker compose --ansi never --project-name "$PLAN" create --no-build >&2
ids=$(of_project)
# shellcheck disable=SC2086 # ids hold no spaces
mounts=$(docker inspect --format '{{range .Mounts}}{{if .RW}}{{printf "%s\t%s\t%s\n" .Type .Source .Name}}{{end}}{{end}}' $ids | sort -u)

refuse() {
    if [ ! -f "$marker" ]; then
        # shellcheck disable=SC2086
        docker rm --force $ids >/dev/null 2>&1 || true
    fi
    fail "$1"
}

# A name may be empty, and read takes two tabs for one: it comes last.
printf '%s\n' "$mounts" | while IFS=$tab read -r kind source name; do
    case $kind in
        volume)
            ! before volume "$name" || ours volume "$name" || exit 71
            printf 'volume\t%s\n' "$name"
            ;;
        bind)
            case $source in /proc* | /sys* | /dev* | /run* | /var/run* | /etc/* | "$STATE"* | "$(readlink "$STATE")"*) continue ;; esac
            [ ! -f "$source" ] || continue
            if [ -d "$source" ] && ! ours folder "$source"; then
                # A disk's own: infra's marker and state, the file system's folder.
                [ -z "$(find "$source" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name '.infra*' -print -quit)" ] || {
                    printf '%s\n' "$source" >"$marker.taken"
                    exit 72
                }
            fi
            printf 'folder\t%s\n' "$source"
            ;;
    esac
done >"$marker.new" || {
    code=$?
    case $code in
        71) refuse "a volume that service $SERVICE writes to is there already: remove it, or choose another host" ;;
        72) refuse "$(cat "$marker.taken"; rm -f "$marker.taken") holds something that no migration put there: empty it, or choose another host" ;;
        *) exit "$code" ;;
    esac
}
{
    printf 'migration\t%s\nservice\t%s\n' "$MIGRATION" "$SERVICE"
    sort -u "$marker.new"
} >"$marker.whole"
sync "$marker.whole"
mv "$marker.whole" "$marker"
rm -f "$marker.new"
sync "$STATE"
