# Prints what holds MOUNT, where CLOUD_PATH leads, and every block device that has a node in /dev. Changes nothing.
# The devices themselves are read, not udev's cache: that may be old, and a container has none.
tab=$(printf '\t')
numbers() { stat -L -c '%t %T' "$1" | { read -r major minor; printf '%d:%d' "0x$major" "0x$minor"; }; }
label_of() { blkid -p -o value -s LABEL "$1" 2>/dev/null || true; }

device=$(awk -v m="$MOUNT" '$2 == m { d = $1 } END { print d }' /proc/mounts)
if [ -n "$device" ]; then
    marker=
    [ ! -f "$MOUNT/.infra-disk" ] || marker=$(tr '\n' ' ' <"$MOUNT/.infra-disk")
    printf 'mounted\tdevice=%s\tlabel=%s\tmarker=%s\n' "$device" "$(label_of "$device")" "$marker"
fi
# Xen's own disks have another prefix than the one that was asked for.
for path in "$CLOUD_PATH" "/dev/xvd${CLOUD_PATH#/dev/sd}"; do
    if [ -n "$CLOUD_PATH" ] && [ -b "$path" ]; then
        printf 'cloud\t%s\n' "$(readlink -f "$path")"
        break
    fi
done

# What the device calls itself: `vol…` of an EBS volume, `AWS…` of an instance's own disk. From the kernel, or from a link
# that udev made of it.
serial_of() {
    if [ -r "$1/device/serial" ]; then
        tr -d ' ' <"$1/device/serial"
        return
    fi
    for link in /dev/disk/by-id/nvme-Amazon_*; do
        [ -b "$link" ] && [ "$(readlink -f "$link")" = "$2" ] || continue
        link=${link##*_}
        printf '%s\n' "${link%%-ns-*}"
        return
    done
}

# Every signature that blkid or wipefs knows; `ambivalent` when blkid finds more than one and will not choose.
signatures() {
    found=$(blkid -p -o export "$1" 2>/dev/null) && status=0 || status=$?
    [ "$status" -ne 8 ] || echo ambivalent
    [ "$status" -eq 0 ] || [ "$status" -eq 2 ] || [ "$status" -eq 8 ] || echo unreadable
    printf '%s\n' "$found" | sed -n -e 's/^TYPE=//p' -e 's/^PTTYPE=//p'
    wipefs --no-act --noheadings --output TYPE "$1" 2>/dev/null || echo unreadable
}

# The first and the last 4 MiB, where every known format puts something.
zero_ends() {
    span=4194304
    [ "$2" -ge "$span" ] || span=$2
    cmp -s -n "$span" "$1" /dev/zero && cmp -s -n "$span" -i "$(($2 - span)):0" "$1" /dev/zero
}

for folder in /sys/block/*; do
    name=${folder##*/}
    path=/dev/$(printf %s "$name" | tr '!' /)
    case $name in ram* | zram* | sr* | fd* | nbd* | dm-* | md*) continue ;; esac
    [ -b "$path" ] || continue
    number=$(cat "$folder/dev")
    # A node may be left over from another device.
    [ "$(numbers "$path")" = "$number" ] || continue
    bytes=$(($(cat "$folder/size") * 512))
    [ "$bytes" -gt 0 ] || continue
    in_use=0
    if awk -v n="$number" '$3 == n { found = 1 } END { exit !found }' /proc/self/mountinfo ||
        awk -v p="$path" '$1 == p { found = 1 } END { exit !found }' /proc/swaps; then
        in_use=1
    fi
    children=$(find "$folder"/*/partition "$folder"/holders/* -prune 2>/dev/null | wc -l)
    found=$(signatures "$path" | sort -u | tr '\n' ' ')
    line="device${tab}path=$path${tab}bytes=$bytes${tab}read_only=$(cat "$folder/ro")${tab}in_use=$in_use${tab}children=$children"
    line="$line${tab}signatures=$found${tab}label=$(label_of "$path")${tab}serial=$(serial_of "$folder" "$path")"
    if [ -z "${found% }" ] && [ "$in_use" = 0 ]; then
        if zero_ends "$path" "$bytes"; then zero=yes; else zero=no; fi
        line="$line${tab}zero=$zero"
    fi
    printf '%s\n' "$line"
done
