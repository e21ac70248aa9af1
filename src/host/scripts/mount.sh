# Mounts the disk by UUID, now and at every boot, and makes its file system as large as its device.
# Parameters: DEVICE, MOUNT, LABEL, MARKER. Prints `mounted` and `grown` for what it did.
mounted() { awk -v m="$MOUNT" '$2 == m { d = $1 } END { print d }' /proc/mounts; }
uuid=$(blkid -p -o value -s UUID "$DEVICE")
[ -n "$uuid" ] || fail "$DEVICE has no UUID"

# nofail: a host without its disk still boots, and can be repaired; before docker: no container starts on the empty folder
# below.
options=noatime,nofail,x-systemd.device-timeout=10s,x-systemd.before=docker.service
set_fstab "$MOUNT" "UUID=$uuid $MOUNT ext4 $options 0 2"

smaller() {
    header=$(dumpe2fs -h "$DEVICE" 2>/dev/null)
    blocks=$(printf '%s\n' "$header" | awk -F: '/^Block count/ { print $2 + 0 }')
    size=$(printf '%s\n' "$header" | awk -F: '/^Block size/ { print $2 + 0 }')
    # A device's odd end is smaller than a MiB.
    [ $((blocks * size + 1048576)) -lt "$(blockdev --getsize64 "$DEVICE")" ]
}

if [ -z "$(mounted)" ]; then
    if smaller; then
        e2fsck -f -p "$DEVICE" >&2 || [ $? -lt 4 ] || fail "the file system on $DEVICE needs a person: e2fsck $DEVICE"
        resize2fs "$DEVICE" >&2
        echo grown
    fi
    # What is there would be hidden, and lost to whoever looks for it.
    if [ -d "$MOUNT" ] && [ -n "$(find "$MOUNT" -mindepth 1 -maxdepth 1 -print -quit)" ]; then
        fail "$MOUNT on the root disk is not empty: the disk would hide what is in it. Move it away (mv $MOUNT $MOUNT.before), run this again, and copy it onto the disk"
    fi
    if [ ! -d "$MOUNT" ]; then
        (umask 022 && mkdir -p "$MOUNT")
    fi
    # While the disk is away, nothing may be written below it. Not every file system can promise that.
    chattr +i "$MOUNT" 2>/dev/null || true
    mount -t ext4 -o noatime "$DEVICE" "$MOUNT"
    [ "$(readlink -f "$(mounted)")" = "$(readlink -f "$DEVICE")" ] || fail "$MOUNT holds $(mounted), not $DEVICE"
    echo mounted
elif smaller; then
    resize2fs "$DEVICE" >&2
    echo grown
fi

if [ -f "$MOUNT/.infra-disk" ]; then
    [ "$(cat "$MOUNT/.infra-disk")" = "$MARKER" ] || fail "$DEVICE belongs to: $(tr '\n' ' ' <"$MOUNT/.infra-disk")"
else
    printf '%s\n' "$MARKER" >"$MOUNT/.infra-disk.new"
    chmod 644 "$MOUNT/.infra-disk.new"
    sync "$MOUNT/.infra-disk.new"
    mv "$MOUNT/.infra-disk.new" "$MOUNT/.infra-disk"
    sync "$MOUNT"
fi
chmod 755 "$MOUNT"
