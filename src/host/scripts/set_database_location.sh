# Reads a tar from standard input as the new STATE/database: where the clients' database is. All of it or nothing: a
# link is switched. Parameters: STATE.
number=$(($(basename "$(readlink "$STATE/database" 2>/dev/null || echo 0)") + 1))
new=$STATE/databases/$number
rm -rf "$new"
mkdir -p "$STATE/databases"
mkdir "$new"
tar -x -f - -C "$new" --no-same-owner --preserve-permissions
[ -f "$new/complete" ] || fail "the location was cut off"
rm "$new/complete"
chmod 755 "$new"
sync -f "$new"
ln -sfn "databases/$number" "$STATE/database.new"
mv -T "$STATE/database.new" "$STATE/database"
sync "$STATE"
# The one before it stays, for whoever has to look at it.
for old in "$STATE"/databases/*; do
    [ "$(basename "$old")" -ge $((number - 1)) ] || rm -rf "$old"
done
