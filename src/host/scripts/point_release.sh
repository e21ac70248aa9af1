# Where the clients' database is belongs to the host, not to a release: no release may lead back to an old one. It stands
# at the end of each release's .env, behind this line.
mark='# where the database is, by infra migrate'
point() {
    env=$STATE/releases/$1/.env
    { sed "/^$mark\$/,\$d" "$env"; [ ! -f "$STATE/database/env" ] || { echo "$mark"; cat "$STATE/database/env"; }; } >"$env.new"
    cmp -s "$env" "$env.new" || sync "$env.new"
    mv "$env.new" "$env"
}

