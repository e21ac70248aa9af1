# Reads a zstd-compressed image archive from standard input. sh has no pipefail: the decompressor's status is kept.
command -v zstd >/dev/null || fail "zstd is not installed on the host"
status=$(mktemp)
trap 'rm -f "$status"' EXIT
{ zstd -dc || echo failed >"$status"; } | docker load >&2
[ ! -s "$status" ] || fail "the image archive was cut off"
