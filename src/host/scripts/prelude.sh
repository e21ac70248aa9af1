# Shared by all scripts. Root, POSIX sh, new files for root only.
umask 077
export LC_ALL=C PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
say() { printf '%s\n' "$*" >&2; }
fail() { say "$*"; exit 1; }
# Exit status 65: a refusal that infra explains itself.
