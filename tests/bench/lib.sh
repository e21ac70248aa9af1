# shellcheck shell=bash
# For the benchmarks of infra itself: the two programs, a lab of its own, a stopwatch. To be sourced.
#
#   INFRA    the release binary [default: built now]
#   LAB      the lab [default: built now]
#   RUNS     runs of each measurement [default: 20]

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$(cd "$here/../.." && pwd)
export CARGO_TARGET_DIR=${CARGO_TARGET_DIR:-${XDG_CACHE_HOME:-$HOME/.cache}/infra-target}
# shellcheck disable=SC2034 # The benchmarks use it.
runs=${RUNS:-20}
port=${BENCH_PORT:-5990}
url=http://127.0.0.1:$port
folder=$(mktemp -d "${TMPDIR:-/tmp}/infra-bench-XXXXXX")
lab_pid=

cleanup() {
    if [ -n "$lab_pid" ]; then kill "$lab_pid" 2>/dev/null || true; wait "$lab_pid" 2>/dev/null || true; fi
    rm -rf "$folder"
}
trap cleanup EXIT
trap 'exit 130' INT TERM

find_infra() {
    if [ -z "${INFRA:-}" ]; then
        (cd "$repository" && cargo build --release --quiet --package infra)
        INFRA=$CARGO_TARGET_DIR/release/infra
    fi
}

# An account without machines behind it, on a port of its own; operations end as soon as they can.
start_lab() {
    if [ -z "${LAB:-}" ]; then
        (cd "$repository" && cargo build --quiet --package lab)
        LAB=$CARGO_TARGET_DIR/debug/lab
    fi
    "$LAB" --state "$folder/lab" serve --machines none --lightsail-only --port "$port" --operations 0ms \
        >"$folder/lab.log" 2>&1 &
    lab_pid=$!
    for _ in $(seq 100); do
        if curl -fs "$url/_lab/health" >/dev/null; then break; fi
        kill -0 "$lab_pid" || { cat "$folder/lab.log" >&2; exit 1; }
        sleep 0.1
    done
    lab PUT settings '{"quotas": {"vcpus": 1000, "static_ips": 500}}'
    export AWS_ENDPOINT_URL=$url AWS_ACCESS_KEY_ID=lab AWS_SECRET_ACCESS_KEY=lab AWS_REGION=us-east-1
    export INFRA_DIR=$folder/local
    mkdir -p "$INFRA_DIR"
}

# lab METHOD ROUTE [JSON]
lab() { curl -fsS -X "$1" "$url/_lab/$2" -H 'content-type: application/json' ${3:+-d "$3"} >/dev/null; }

# The calls since they were last cleared.
calls() { curl -fsS "$url/_lab/calls" | python3 -c 'import json, sys; print(json.load(sys.stdin)["total"])'; }

# times RUNS COMMAND... → "BEST MEDIAN WORST" in milliseconds. Before each run, what `before` names is run, untimed.
times() {
    python3 - "$@" <<'PYTHON'
import os, statistics, subprocess, sys, time

runs, command = int(sys.argv[1]), sys.argv[2:]
took = []
for _ in range(runs):
    if os.environ.get("before"):
        subprocess.run(["bash", "-c", os.environ["before"]], check=True, stdout=subprocess.DEVNULL)
    began = time.perf_counter()
    done = subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    took.append((time.perf_counter() - began) * 1000)
    if done.returncode:
        sys.exit(done.stdout.decode())
print(f"{min(took):.1f} {statistics.median(took):.1f} {max(took):.1f}")
PYTHON
}

# make_plan HOSTS [THRESHOLD-EMAIL]: hosts with a static address and one alarm each; two open ports.
make_plan() {
    printf 'name = "bench"\nregion = "us-east-1"\n'
    for number in $(seq "$1"); do
        printf '[hosts.h%d]\nprovider = "lightsail"\nsize = "nano_3_0"\nimage = "debian_12"\nstatic_ip = true\n' "$number"
        printf 'ports = [{ port = 22, from = ["203.0.113.0/24"] }, { port = 443, from = ["0.0.0.0/0"] }]\n'
    done
    printf '[alerts]\nemail = ["ops@example.com"]\n'
    printf '[[thresholds]]\nmetric = "cpu.burst_percent"\nbelow = true\nwarn = 20\nfor = "15m"\n'
}

# What the figures were measured on.
machine() {
    printf '%s; %s cores, %s GiB; load average before: %s\n\n' "$(date -u '+%F %H:%M UTC')" "$(nproc)" \
        "$(awk '/MemTotal/ { printf "%.0f", $2 / 1048576 }' /proc/meminfo)" "$(cut -d' ' -f1-3 /proc/loadavg)"
}
