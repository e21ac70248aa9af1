# Writes a tar of it to standard output. Parameters: KIND, NAME; PLAN, HOST, STATE.
place
if [ -d "$path" ]; then folder=$path entry=.; else folder=${path%/*} entry=${path##*/}; fi
# Sockets come back with whoever listens.
exec tar --create --file=- --directory="$folder" --numeric-owner --xattrs --acls --sparse --warning=no-file-ignored "$entry"
