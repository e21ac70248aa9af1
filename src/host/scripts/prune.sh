# Removes releases and images that are not needed any more. Parameters: STATE, RELEASES, IMAGES.
printf '%s\n' "$RELEASES" | while read -r release; do
    [ -z "$release" ] || rm -rf "$STATE/releases/$release"
done
printf '%s\n' "$IMAGES" | while read -r image; do
    # In use by a container that infra did not start: it stays.
    [ -z "$image" ] || docker image rm "$image" >/dev/null 2>&1 || true
done
# An image that was built anew under its old name has left one without a name behind.
docker image prune --force --filter label=infra.pushed=true >/dev/null
