# Reads a tar from standard input into a new release; whole or not at all. Parameters: STATE, RELEASE.
# What an earlier start left unfinished has been given up by now.
for folder in "$STATE"/releases/*/; do
    [ -f "${folder}release.json" ] || continue
    [ -f "${folder}state" ] || echo failed >"${folder}state"
done
folder=$STATE/releases/$RELEASE
rm -rf "$folder.tmp"
mkdir "$folder.tmp"
# Containers that do not run as root read what is mounted from here; the folders above keep everybody else out.
chmod 755 "$folder.tmp"
(umask 022 && tar -x -f - -C "$folder.tmp" --no-same-owner --preserve-permissions)
[ -f "$folder.tmp/release.json" ] || fail "the release was cut off"
sync -f "$folder.tmp"
mv -T "$folder.tmp" "$folder"
sync "$STATE/releases"
