# Takes MOUNT out of use, for good: its line in fstab goes too, and comes back with the disk.
if awk -v m="$MOUNT" '$2 == m { found = 1 } END { exit !found }' /proc/mounts; then
    sync
    umount "$MOUNT" || fail "$MOUNT is in use by: $(fuser -vm "$MOUNT" 2>&1 | tr '\n' ' ')"
fi
set_fstab "$MOUNT" ""
