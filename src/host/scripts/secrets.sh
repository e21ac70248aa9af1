# Makes secrets that are absent: 256 random bits each, as a file and as an env file. They never leave the host, and no
# value is ever an argument of a program: printf is the shell's own. Parameters: STATE, NAMES.
cd "$STATE/secrets" || exit

# A user's own may be anything: as Compose reads it back.
quoted() {
    case $1 in
        *[!A-Za-z0-9_./:,@%+=-]*) printf '"%s"' "$(printf %s "$1" | sed 's/[\\"$]/\\&/g')" ;;
        *) printf %s "$1" ;;
    esac
}

printf '%s\n' "$NAMES" | while read -r name; do
    [ -n "$name" ] || continue
    if [ ! -s "$name" ]; then
        head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' >"$name.new"
        [ "$(wc -c <"$name.new")" -ge 43 ] || fail "no randomness for $name"
        sync "$name.new"
        mv "$name.new" "$name"
    fi
    line=$name=$(quoted "$(cat "$name")")
    if [ ! -s "$name.env" ] || [ "$(cat "$name.env")" != "$line" ]; then
        printf '%s\n' "$line" >"$name.env.new"
        sync "$name.env.new"
        mv "$name.env.new" "$name.env"
    fi
done
sync .
