#!/bin/sh
# Prepares a host for `infra`: Docker Engine with the Compose plugin, log rotation, the tools that `infra` calls.
#
# It is the user data of a new instance and is run over SSH on a server that exists already. Ubuntu 22.04 and 24.04,
# Debian 12 and 13. Repeating it changes nothing; after a failure it goes on where it stopped. What the host already
# has is left as it is: packages, daemon.json keys, running containers.
#
# Success is the file /var/lib/infra/prepared with VERSION in it. Everything said here lands in
# /var/log/cloud-init-output.log on a first boot.
set -eu

VERSION=1
STATE=/var/lib/infra
DAEMON_JSON=/etc/docker/daemon.json
# The key of Docker's package repository, as published at https://docs.docker.com/engine/install/.
DOCKER_KEY_FINGERPRINT=9DC858229FC7DD38854AE2D88D81803C0EBFCD88

export DEBIAN_FRONTEND=noninteractive
# Ubuntu asks which services to restart after an installation, even without a terminal.
export NEEDRESTART_MODE=a NEEDRESTART_SUSPEND=1

step=start

say() { echo "infra host.sh: $*"; }

begin() {
  step=$1
  say "$step"
}

report() {
  status=$?
  [ "$status" -eq 0 ] || echo "infra host.sh: FAILED (exit $status) while: $step" >&2
}

# Repeats a command: on a first boot the network and other package runs need their time.
retry() {
  tries=$1
  shift
  until "$@"; do
    tries=$((tries - 1))
    [ "$tries" -gt 0 ] || return 1
    say "again in 10 s: $*"
    sleep 10
  done
}

apt() { apt-get -q -y -o DPkg::Lock::Timeout=600 -o Acquire::Retries=5 "$@"; }

install_packages() { retry 6 apt install --no-install-recommends "$@"; }

installed() { dpkg-query -W -f '${db:Status-Status}' "$1" 2>/dev/null | grep -qx installed; }

# The version that a package would be installed in; nothing if there is none.
candidate() { apt-cache policy "$1" | sed -n 's/^  Candidate: //p' | grep -v '(none)' || true; }

systemd_runs() { [ -d /run/systemd/system ]; }

compose_works() {
  case $(docker compose version --short 2>/dev/null) in
    '' | v1* | 1.*) return 1 ;;
  esac
}

check_system() {
  begin "checking the system"
  [ "$(id -u)" = 0 ] || { echo "infra host.sh: must run as root" >&2; exit 1; }
  # shellcheck disable=SC1091 # a file of the system
  . /etc/os-release
  case $ID in
    ubuntu | debian) ;;
    *) echo "infra host.sh: $PRETTY_NAME is not supported: use Ubuntu or Debian" >&2; exit 1 ;;
  esac
}

refresh_packages() {
  [ -z "${packages_fresh:-}" ] || return 0
  begin "reading the package lists"
  # An installation that was interrupted (power, kill) blocks all later ones.
  retry 30 dpkg --configure -a
  retry 30 apt update
  packages_fresh=yes
}

install_tools() {
  wanted=
  for package in ca-certificates zstd e2fsprogs util-linux; do
    installed "$package" || wanted="$wanted $package"
  done
  # Where the kernel enforces AppArmor, Docker starts no container without its parser.
  if grep -qs Y /sys/module/apparmor/parameters/enabled && ! installed apparmor; then
    wanted="$wanted apparmor"
  fi
  [ -n "$wanted" ] || return 0
  refresh_packages
  begin "installing tools:$wanted"
  # shellcheck disable=SC2086 # a list
  install_packages $wanted
}

install_docker() {
  if command -v docker >/dev/null && compose_works; then
    say "Docker and Compose are there"
    return
  fi
  refresh_packages
  begin "installing Docker"
  # The distribution's packages where they bring Compose 2: updates come with the system's own.
  case $ID:$(candidate docker-compose-v2):$(candidate docker-compose) in
    ubuntu:?*:*) install_packages docker.io docker-compose-v2 ;;
    debian:*:[2-9]*) install_packages docker.io docker-cli docker-compose ;;
    *) install_docker_from_upstream ;;
  esac
  compose_works || { echo "infra host.sh: docker compose does not answer after the installation" >&2; exit 1; }
}

install_docker_from_upstream() {
  begin "adding Docker's package repository"
  install_packages curl gnupg
  keyring=/etc/apt/keyrings/docker.asc
  install -d -m 0755 /etc/apt/keyrings
  retry 6 curl -fsS --max-time 60 -o "$keyring.new" "https://download.docker.com/linux/$ID/gpg"
  found=$(gpg --batch --show-keys --with-colons "$keyring.new" | awk -F: '$1 == "fpr" { print $10; exit }')
  if [ "$found" != "$DOCKER_KEY_FINGERPRINT" ]; then
    rm -f "$keyring.new"
    echo "infra host.sh: Docker's key has the fingerprint $found instead of $DOCKER_KEY_FINGERPRINT" >&2
    exit 1
  fi
  chmod 0644 "$keyring.new"
  mv "$keyring.new" "$keyring"
  echo "deb [arch=$(dpkg --print-architecture) signed-by=$keyring] https://download.docker.com/linux/$ID $VERSION_CODENAME stable" \
    > /etc/apt/sources.list.d/docker.list
  retry 6 apt update
  begin "installing Docker from its repository"
  if command -v dockerd >/dev/null; then
    # The engine of the distribution stays: exchanging it would stop what runs on it.
    install_packages docker-compose-plugin
  else
    install_packages docker-ce docker-ce-cli containerd.io docker-compose-plugin
  fi
}

# Whether the file says something about both matters. A look at the text: what it says is the host's own affair.
daemon_json_has_all() {
  grep -qs -e '"log-driver"' -e '"log-opts"' "$DAEMON_JSON" && grep -qs '"live-restore"' "$DAEMON_JSON"
}

# Writes a copy of the file that has the keys which it lacks. Every cloud image has Python: cloud-init is written in it.
complete_daemon_json() {
  command -v python3 >/dev/null || { refresh_packages; install_packages python3; }
  python3 - "$DAEMON_JSON" > "$DAEMON_JSON.new" <<'PYTHON'
import json, sys
settings = json.load(open(sys.argv[1]))
if not {"log-driver", "log-opts"} & settings.keys():
    settings |= {"log-driver": "json-file", "log-opts": {"max-size": "10m", "max-file": "3"}}
settings.setdefault("live-restore", True)
print(json.dumps(settings, indent=2))
PYTHON
}

# Container logs are bounded, and containers outlive a restart of the engine. Keys that are set already win.
configure_docker() {
  begin "configuring Docker"
  install -d -m 0755 /etc/docker
  if [ -e /var/lib/docker/swarm/docker-state.json ]; then
    say "this host belongs to a swarm, which refuses live-restore: daemon.json stays as it is"
    return
  elif daemon_json_has_all; then
    return
  elif [ -s "$DAEMON_JSON" ]; then
    complete_daemon_json
  else
    printf '%s\n' '{' '  "log-driver": "json-file",' '  "log-opts": { "max-size": "10m", "max-file": "3" },' \
      '  "live-restore": true' '}' > "$DAEMON_JSON.new"
  fi
  chmod 0644 "$DAEMON_JSON.new"
  mv "$DAEMON_JSON.new" "$DAEMON_JSON"
  systemd_runs && systemctl is-active -q docker || return 0
  # First the reload, which turns live-restore on, so that the restart leaves running containers alone.
  systemctl reload docker || true
  systemctl restart docker
}

start_docker() {
  begin "starting Docker"
  if ! systemd_runs; then
    say "no systemd here: Docker is not started"
    return
  fi
  systemctl enable --now docker
  retry 6 docker info >/dev/null
}

finish() {
  begin "recording success"
  install -d -m 0700 "$STATE"
  echo "$VERSION" > "$STATE/prepared.new"
  mv "$STATE/prepared.new" "$STATE/prepared"
  say "prepared"
}

trap report EXIT
check_system
install_tools
install_docker
configure_docker
start_docker
finish
