# set_fstab MOUNT LINE: the one line of a mount point, in a file that is replaced as a whole; an empty LINE takes it out. Disks are
# mounted side by side: without the lock each would write the file that it has read, and the others' lines would be gone.
set_fstab() (
    flock 9
    touch /etc/fstab
    [ "$(awk -v m="$1" '$2 == m && $1 !~ /^#/' /etc/fstab)" != "$2" ] || exit 0
    awk -v m="$1" '!($2 == m && $1 !~ /^#/)' /etc/fstab >/etc/fstab.infra
    [ -z "$2" ] || printf '%s\n' "$2" >>/etc/fstab.infra
    chmod 644 /etc/fstab.infra
    sync /etc/fstab.infra
    mv /etc/fstab.infra /etc/fstab
    [ ! -d /run/systemd/system ] || systemctl daemon-reload
) 9>/run/infra-fstab.lock

