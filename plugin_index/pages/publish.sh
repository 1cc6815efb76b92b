#!/bin/sh
# Build the plugin in this folder, publish it, enable it, and wait until a host serves it.
#
# Needs uv, curl and python3. Set in the job, the tokens as secrets:
#   PLUGIN              the plugin's name (the entry point in the group plughost.plugins)
#   PLUGIN_INDEX_TOKEN  a token of the index with the actions upload and manage
#   PLUGHOST_URL        a host that follows the index
#   PLUGHOST_TOKEN      a token of that host with the role viewer
# and, if ten minutes are not what the host may take: WAIT, in seconds.
set -eu
index=${PLUGIN_INDEX_URL:-}
[ -n "$index" ] || index={{ url | shell }}
: "${PLUGIN:?the name of the plugin}" "${PLUGIN_INDEX_TOKEN:?a token of the index}"
: "${PLUGHOST_URL:?the address of a host}" "${PLUGHOST_TOKEN:?a token of the host}"

# Tokens go through standard input, so that no list of processes shows them.
ask() {
    token=$1
    shift
    printf 'Authorization: Bearer %s\n' "$token" | curl -sS --max-time 30 --header @- "$@"
}

# 1. Build: one wheel, in an empty folder.
rm -rf dist
uv build --wheel --out-dir dist
wheel=$(basename dist/*.whl)
version=$(echo "$wheel" | cut -d- -f2)

# 2. Publish. The same wheel again is no error, so the job may be repeated.
UV_PUBLISH_TOKEN=$PLUGIN_INDEX_TOKEN uv publish --publish-url "$index/legacy/" "dist/$wheel"

# 3. Enable: hosts follow the newest release from now on, this one and those to come.
if ! said=$(ask "$PLUGIN_INDEX_TOKEN" --fail-with-body --request POST "$index/api/plugins/$PLUGIN/enable"); then
    echo "$said" >&2
    exit 1
fi

# 4. Wait until the host serves this version.
state() {
    ask "$PLUGHOST_TOKEN" "$PLUGHOST_URL/api/plugins/$PLUGIN" | python3 -c '
import json, sys
said = json.load(sys.stdin)
serving = (said.get("serving") or {}).get("version")
print(serving if serving else "nothing")
print(said.get("error") or said.get("detail") or said.get("status"), file=sys.stderr)'
}
left=${WAIT:-600}
until [ "$(state 2>state.txt)" = "$version" ]; do
    left=$((left - 2))
    if [ "$left" -lt 0 ]; then
        echo "$PLUGHOST_URL does not serve $PLUGIN $version; it says:" >&2
        cat state.txt >&2
        exit 1
    fi
    sleep 2
done
echo "$PLUGHOST_URL serves $PLUGIN $version"
