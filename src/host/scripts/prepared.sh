# Waits until cloud-init is through and Docker answers. Exit status 65: not prepared; why is on standard error, the end
# of the boot's log on standard output. Parameter: TIMEOUT, in seconds.
give_up() {
    say "$1"
    tail -n 60 /var/log/cloud-init-output.log 2>/dev/null || true
    exit 65
}
deadline=$(($(date +%s) + TIMEOUT))
if command -v cloud-init >/dev/null; then
    timeout "$TIMEOUT" cloud-init status --wait >/dev/null 2>&1 && status=0 || status=$?
    [ "$status" -ne 124 ] || give_up "cloud-init is still running after $TIMEOUT s"
    # 2 is done with complaints: what infra needs is looked at below.
    [ "$status" -ne 1 ] || give_up "cloud-init failed"
fi
until docker version >/dev/null 2>&1; do
    command -v docker >/dev/null || give_up "Docker is not installed"
    [ "$(date +%s)" -lt "$deadline" ] || give_up "Docker does not answer: $(docker version 2>&1 | tail -n 1)"
    sleep 0.5
done
docker compose version >/dev/null 2>&1 || give_up "the Compose plugin is not installed"
