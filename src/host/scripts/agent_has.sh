# Prints the hash of the agent's program on this host, and what kind of machine this is. Parameters: BIN.
printf '%s\t%s\n' "$(sha256sum "$BIN" 2>/dev/null | cut -d ' ' -f 1)" "$(uname -m)"
