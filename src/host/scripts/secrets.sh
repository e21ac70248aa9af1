# Makes secrets that are absent: 256 random bits each, as a file and as an env file. They never leave the host, and no
# value is ever an argument of a program: printf is the shell's own. Parameters: STATE, NAMES.
cd "$STATE/secrets" || exit
printf '%s\n' "$NAMES" | while read -r name; do
    [ -n "$name" ] || continue
    if [ ! -s "$name" ]; then
        head -c 32 /dev/urandom | base64 | tr '+/' '-_' | tr -d '=\n' >"$name.new"
        [ "$(wc -c <"$name.new")" -ge 43 ] || fail "no randomness for $name"
        sync "$name.new"
        mv "$name.new" "$name"
    fi
    if [ ! -s "$name.env" ] || [ "$(cat "$name.env")" != "$name=$(cat "$name")" ]; then
        printf '%s=%s\n' "$name" "$(cat "$name")" >"$name.env.new"
        sync "$name.env.new"
        mv "$name.env.new" "$name.env"
    fi
done
sync .
