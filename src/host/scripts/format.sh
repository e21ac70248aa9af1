# Makes the file system. Looks once more: between the decision and now, nothing may have changed.
# Parameters: DEVICE, BYTES, LABEL.
[ -b "$DEVICE" ] || fail "$DEVICE is gone"
[ "$(blockdev --getsize64 "$DEVICE")" = "$BYTES" ] || fail "$DEVICE has another size now"
[ -z "$(wipefs --no-act --noheadings --output TYPE "$DEVICE")" ] || fail "$DEVICE is not blank any more"
blkid -p "$DEVICE" >/dev/null 2>&1 && status=0 || status=$?
[ "$status" -eq 2 ] || fail "$DEVICE is not blank any more"
for at in 0 $((BYTES - 4194304)); do
    cmp -s -n 4194304 -i "$at:0" "$DEVICE" /dev/zero || fail "$DEVICE is not blank any more"
done
# mkfs opens the device exclusively, so one that got mounted is refused. 1 % reserved: the disk holds data, not a system.
mkfs.ext4 -q -m 1 -L "$LABEL" "$DEVICE" >&2
sync
