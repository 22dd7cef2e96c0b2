#!/usr/bin/env bash
# Tests a running platform from outside and leaves no data behind: deploy/smoke.sh https://…
set -euo pipefail

if (($# != 1)); then
  echo 'usage: deploy/smoke.sh URL' >&2
  exit 2
fi
url=${1%/}

# Prints the body, and the status after it. A deployment that has just finished may need a moment.
fetch() {
  curl --silent --show-error --max-time 30 --retry 5 --retry-connrefused --write-out '\n%{http_code}' "$url$1"
}

# Requires a status, and a text in the body: expect PATH STATUS TEXT
expect() {
  local answer status body
  if ! answer=$(fetch "$1"); then
    echo "FAILED: GET $1 got no answer" >&2
    exit 1
  fi
  status=${answer##*$'\n'}
  body=${answer%$'\n'*}
  if [[ $status != "$2" || $body != *"$3"* ]]; then
    echo "FAILED: GET $1 was to answer $2 with $3, and answered $status: ${body:0:500}" >&2
    exit 1
  fi
  echo "GET $1: $status"
}

expect /health 200 '"status":"ok"'
expect /openapi.json 200 '"openapi": "3.1.0"'
expect /docs 200 '<title>'
# The authorizer runs, and refuses.
expect /portfolios 401 '"code":"unauthenticated"'
expect /nothing-is-here 404 '"code":"route_not_found"'
