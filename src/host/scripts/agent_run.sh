# Runs the agent's program; what follows the script is its standard input. Parameters: BIN, WORDS (one a line).
set -f
IFS='
'
# shellcheck disable=SC2086 # one word a line
exec "$BIN" agent $WORDS
