# Releases, secrets and all else that infra remembers on a host are behind STATE, which is a link. Where it leads is never
# told by the plan's order of disks: on a root disk that has no link yet, they are found by what they are, in the one
# mounted disk of this PLAN and HOST that holds them. Sets `home`; empty: there are none yet, or their disk is away.
find_state() {
    home=
    if [ -L "$STATE" ]; then
        home=$(readlink "$STATE")
        return 0
    fi
    found=$(
        awk '{ print $2 }' /proc/mounts | sort -u | while read -r mount; do
            [ -f "$mount/.infra-disk" ] && [ -d "$mount/.infra/secrets" ] || continue
            [ "$(head -n 2 "$mount/.infra-disk" | tr '\n' ' ')" = "plan=$PLAN host=$HOST " ] || continue
            printf '%s\n' "$mount/.infra"
        done
        [ ! -d "${STATE%/*}/on-root/secrets" ] || printf '%s\n' "${STATE%/*}/on-root"
    )
    [ -n "$found" ] || return 0
    [ "$(printf '%s\n' "$found" | wc -l)" -eq 1 ] ||
        fail "releases and secrets are in several places: $(printf %s "$found" | tr '\n' ' '); rename those that are out of date"
    home=$found
    mkdir -p "${STATE%/*}"
    ln -sfn "$home" "$STATE"
}

# They are where they are remembered, or there are none yet.
state_is_there() {
    find_state
    [ -z "$home" ] || [ -d "$home" ] || fail "$home, where infra keeps releases and secrets, is not there: is its disk mounted?"
}
