# Gives the file system at MOUNT another name: its label and its marker. Done twice, the second time changes nothing.
# Parameters: MOUNT, LABEL, FROM, TO (markers).
device=$(awk -v m="$MOUNT" '$2 == m { d = $1 } END { print d }' /proc/mounts)
[ -n "$device" ] || fail "nothing is mounted at $MOUNT"
found=$(cat "$MOUNT/.infra-disk")
[ "$found" = "$FROM" ] || [ "$found" = "$TO" ] || fail "$device at $MOUNT belongs to: $(printf %s "$found" | tr '\n' ' ')"
e2label "$device" "$LABEL"
printf '%s\n' "$TO" >"$MOUNT/.infra-disk.new"
chmod 644 "$MOUNT/.infra-disk.new"
sync "$MOUNT/.infra-disk.new"
mv "$MOUNT/.infra-disk.new" "$MOUNT/.infra-disk"
sync "$MOUNT"
