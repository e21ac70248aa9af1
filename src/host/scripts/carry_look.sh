# Prints the fingerprint, whether it is a folder, and a volume's labels. Parameters: KIND, NAME; PLAN, HOST, STATE.
place
if [ -d "$path" ]; then folder=yes; else folder=no; fi
printf '%s %s\n' "$(fingerprint)" "$folder"
[ "$KIND" != volume ] || docker volume inspect --format '{{range $key, $value := .Labels}}{{println (printf "%s=%s" $key $value)}}{{end}}' "$NAME"
