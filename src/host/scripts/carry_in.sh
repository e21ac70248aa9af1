# Reads a tar of it from standard input. What an attempt that was cut off has left is taken away first; anything else
# that is there already is not touched. Parameters: KIND, NAME, LABELS (`key=value`, one a line); PLAN, HOST, STATE.
begun=/var/lib/infra/carrying/$(printf '%s %s' "$KIND" "$NAME" | sha256sum | cut -c 1-32)
mkdir -p "${begun%/*}"
case $KIND in
    volume)
        if ! docker volume inspect "$NAME" >/dev/null 2>&1; then
            set --
            while read -r label; do [ -z "$label" ] || set -- "$@" --label "$label"; done <<EOF
$LABELS
EOF
            docker volume create "$@" "$NAME" >/dev/null
        fi
        place
        ;;
    folder) path=$NAME ;;
    # Until there is a disk for it: the first release moves it there.
    state) path=${STATE%/*}/on-root ;;
esac
if [ "$IS_FOLDER" = yes ]; then
    mkdir -p "$path"
    if [ -e "$begun" ]; then
        find "$path" -mindepth 1 -maxdepth 1 -exec rm -rf {} +
    elif [ -n "$(find "$path" -mindepth 1 -maxdepth 1 -print -quit)" ]; then
        fail "$path on the new host is not empty"
    fi
    folder=$path
else
    [ -e "$begun" ] || [ ! -s "$path" ] || fail "$path on the new host is there already"
    folder=${path%/*}
    mkdir -p "$folder"
fi
: >"$begun"
tar --extract --file=- --directory="$folder" --numeric-owner --same-owner --preserve-permissions --xattrs --acls
sync -f "$folder"
[ "$KIND" != state ] || ln -sfn "$path" "$STATE"
