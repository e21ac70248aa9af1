# Prints the storage driver's status, then one line of JSON an image.
docker info --format '{{json .DriverStatus}}'
ids=$(docker image ls --all --quiet --no-trunc | sort -u)
[ -z "$ids" ] && exit 0
# Ids hold no spaces: splitting is meant.
# shellcheck disable=SC2086
docker image inspect --format '{"id":{{json .Id}},"tags":{{json .RepoTags}},"layers":{{json .RootFS.Layers}}}' $ids
