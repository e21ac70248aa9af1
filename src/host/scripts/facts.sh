# Prints what is to be known of the host, one `key<TAB>value` a line. Changes nothing; what fails is left out.
# Parameters: PLAN, HOST, STATE, MOUNTS, BIN, DISKS (lines `name mount`).
tab=$(printf '\t')
fact() { printf '%s\t%s\n' "$1" "$2"; }
mounted() { awk -v m="$1" '$2 == m { d = $1 } END { if (d) print d }' /proc/mounts; }

fact memory_kb "$(awk '/^MemTotal:/ { print $2 }' /proc/meminfo)"
fact available_kb "$(awk '/^MemAvailable:/ { print $2 }' /proc/meminfo)"
fact cpus "$(nproc 2>/dev/null || grep -c ^processor /proc/cpuinfo)"
fact architecture "$(uname -m)"
read -r load1 _ </proc/loadavg && fact load1 "$load1"
read -r uptime _ </proc/uptime && fact uptime "${uptime%.*}"
[ ! -e /var/lib/infra/prepared ] || fact prepared yes

# From where the operator is connected: sudo hides it from us, not from our ancestors' environment.
ancestor=$$
while [ "${ancestor:-1}" -gt 1 ]; do
    from=$(tr '\0' '\n' <"/proc/$ancestor/environ" 2>/dev/null | sed -n 's/^SSH_CONNECTION=\([^ ]*\).*/\1/p')
    [ -z "$from" ] || { fact operator "$from"; break; }
    ancestor=$(awk '/^PPid:/ { print $2 }' "/proc/$ancestor/status" 2>/dev/null)
done

# Requests in flight, weighted by time: /proc/diskstats, read now and at the end.
queue_sample() {
    printf '%s\n' "$DISKS" | while read -r name mount; do
        [ -n "$name" ] || continue
        device=$(mounted "$mount")
        [ -n "$device" ] || continue
        device=$(readlink -f "$device")
        weighted=$(awk -v d="${device##*/}" '$3 == d { print $14 }' /proc/diskstats)
        read -r now _ </proc/uptime
        [ -z "$weighted" ] || fact "queue$tab$name" "$now $weighted"
    done
}
queue_sample

printf '%s\n' "$DISKS" | while read -r name mount; do
    [ -n "$name" ] || continue
    device=$(mounted "$mount")
    [ -n "$device" ] || continue
    fact "disk$tab$name${tab}device" "$device"
    fact "disk$tab$name${tab}uuid" "$(blkid -p -o value -s UUID "$device" 2>/dev/null || true)"
    fact "disk$tab$name${tab}type" "$(awk -v m="$mount" '$2 == m { t = $3 } END { print t }' /proc/mounts)"
    fact "disk$tab$name${tab}device_bytes" "$(blockdev --getsize64 "$device" 2>/dev/null || true)"
    fact "disk$tab$name${tab}extent" "$(dumpe2fs -h "$device" 2>/dev/null |
        awk -F: '/^Block count/ { n = $2 } /^Block size/ { s = $2 } END { if (n) printf "%.0f", n * s }')"
    fact "disk$tab$name${tab}fs" "$(df -B1 --output=size,used "$mount" 2>/dev/null | tail -n 1)"
    [ ! -f "$mount/.infra-disk" ] || fact "disk$tab$name${tab}marker" "$(tr '\n' ' ' <"$mount/.infra-disk")"
done

# The lock is free when it can be taken; its text names the last holder otherwise.
if [ -e /run/infra/lock ] && ! flock -n /run/infra/lock true; then
    fact lock "$(head -n 1 /run/infra/lock.holder 2>/dev/null || true)"
fi

# Where nothing is mounted yet, a directory that holds something would be hidden.
printf '%s\n' "$DISKS" | while read -r name mount; do
    if [ -n "$name" ] && [ -z "$(mounted "$mount")" ] && [ -d "$mount" ]; then
        fact "disk$tab$name${tab}covers" "$(find "$mount" -mindepth 1 -maxdepth 1 | wc -l)"
    fi
done

find_state
away=$(printf '%s\n' "$MOUNTS" | while read -r mount; do [ -z "$mount" ] || [ -n "$(mounted "$mount")" ] || echo "$mount"; done)
[ -z "$home" ] || fact state_home "$home"
if { [ -n "$home" ] && [ -d "$home" ]; } || { [ -z "$home" ] && [ -z "$away" ]; }; then
    fact state_mounted yes
    for folder in "$STATE"/releases/*/; do
        [ -f "${folder}release.json" ] || continue
        state=pending
        [ ! -f "${folder}state" ] || state=$(cat "${folder}state")
        fact "release$tab$state" "$(tr -d '\n' <"${folder}release.json")"
    done
    [ ! -f "$STATE/database/env" ] || fact database_elsewhere yes
    [ ! -f "$STATE/database-service" ] || fact holds_database "$(sed -n "s/^service$tab//p" "$STATE/database-service")"
    [ ! -L "$STATE/current" ] || fact current "$(basename "$(readlink "$STATE/current")")"
    [ ! -e "$STATE/migrations/current/job.json" ] ||
        fact migration "$("$BIN" agent brief "$STATE/migrations/current" 2>/dev/null || true)"
fi

if command -v docker >/dev/null; then
    fact docker "$(docker version --format '{{.Server.Version}}' 2>/dev/null || true)"
    fact compose "$(docker compose version --short 2>/dev/null || true)"
    docker network ls --format '{{.Name}}' 2>/dev/null | while read -r name; do fact network "$name"; done
    docker volume ls --quiet 2>/dev/null | while read -r name; do fact volume "$name"; done
    # What would go with the root disk: volumes and writable folders that lie on none of the plan's disks.
    on_disks=$(printf '%s\n' "$MOUNTS" | while read -r mount; do [ -z "$(mounted "$mount")" ] || stat -c %d "$mount"; done)
    holds_root_data() {
        [ -e "$1" ] && ! printf '%s\n' "$on_disks" | grep -qxF "$(stat -L -c %d "$1")" || return 1
        [ ! -d "$1" ] || [ -n "$(find "$1" -mindepth 1 -maxdepth 1 -print -quit)" ]
    }
    fact looked_for_data yes
    volumes=$(docker volume ls --quiet 2>/dev/null || true)
    # shellcheck disable=SC2086 # names hold no spaces
    [ -z "$volumes" ] || docker volume inspect --format '{{.Name}} {{.Driver}} {{len .Options}} {{.Mountpoint}}' $volumes 2>/dev/null |
        while read -r name driver options mountpoint; do
            if [ "$driver" != local ] || [ "$options" != 0 ]; then
                fact root_data "opaque $name"
            elif holds_root_data "$mountpoint"; then
                if printf %s "$name" | grep -qxE '[0-9a-f]{64}'; then fact root_data "anonymous $name"; else fact root_data "volume $name"; fi
            fi
        done
    every=$(docker ps --all --quiet --no-trunc 2>/dev/null || true)
    # shellcheck disable=SC2086
    [ -z "$every" ] || docker inspect --format '{{range .Mounts}}{{if and (eq .Type "bind") .RW}}{{println .Source}}{{end}}{{end}}' $every 2>/dev/null |
        sort -u | while read -r path; do
            case $path in
                "" | / | /proc* | /sys* | /dev* | /run* | /var/run* | /etc | /etc/* | /tmp* | /boot* | /usr* | /lib* | /bin* | /sbin*) continue ;;
                /var/lib/infra | /var/lib/infra/* | /var/lib/docker | /var/lib/docker/* | /var/log | /var/log/*) continue ;;
            esac
            [ -d "$path" ] || [ -f "$path" ] || continue
            ! holds_root_data "$path" || fact root_data "folder $path"
        done
    ids=$(docker ps --all --quiet --no-trunc --filter "label=com.docker.compose.project=$PLAN" 2>/dev/null || true)
    if [ -n "$ids" ]; then
        # Ids hold no spaces: splitting is meant.
        # shellcheck disable=SC2086
        docker inspect --format '{"id":{{json .Id}},"name":{{json .Name}},"image":{{json .Config.Image}},"restarts":{{json .RestartCount}},"service":{{json (index .Config.Labels "com.docker.compose.service")}},"policy":{{json .HostConfig.RestartPolicy.Name}},"state":{{json .State}}}' $ids |
            while read -r line; do fact container "$line"; done
    fi
    for id in $ids; do
        for file in "/sys/fs/cgroup/system.slice/docker-$id.scope/memory.current" "/sys/fs/cgroup/docker/$id/memory.current" \
            "/sys/fs/cgroup/memory/docker/$id/memory.usage_in_bytes" \
            "/sys/fs/cgroup/memory/system.slice/docker-$id.scope/memory.usage_in_bytes"; do
            [ ! -r "$file" ] || { fact "memory$tab$id" "$(cat "$file")"; break; }
        done
    done
fi
queue_sample
