# What lies in FOLDERS, one a line, beside infra's own; a path a line.
printf '%s\n' "$FOLDERS" | while read -r folder; do
    [ ! -d "$folder" ] || find "$folder" -mindepth 1 -maxdepth 1 ! -name lost+found ! -name '.infra*'
done
