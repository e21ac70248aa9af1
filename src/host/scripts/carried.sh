# Where something on the root disk is: NAME of KIND `volume`, `folder` or `state`. Sets `path`.
place() {
    case $KIND in
        volume) path=$(docker volume inspect --format '{{.Mountpoint}}' "$NAME") ;;
        folder) path=$NAME ;;
        state)
            state_is_there
            path=$home
            [ -n "$path" ] || fail "there are no releases and secrets"
            ;;
    esac
}

# Everything that counts of each entry, as one hash: content, kind, mode, owners, links.
fingerprint() {
    if [ -d "$path" ]; then cd "$path" && set -- .; else cd "${path%/*}" && set -- "${path##*/}"; fi
    {
        find "$1" ! -type s -printf '%y %m %U %G %P -> %l\n' | sort
        find "$1" -type f -print0 | sort -z | xargs -0 -r sha256sum
    } | sha256sum | cut -d ' ' -f 1
}
