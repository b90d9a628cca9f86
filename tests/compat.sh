#!/usr/bin/env bash
# Runs the plugin's tests at the edges of what setup.py admits, each in an environment of its own under .venv-compat:
#   oldest: the oldest ModelScope, and the newest of everything else
#   newest: the newest of everything
#   lowest: the lowest version of every requirement
# Arguments name the edges to run, by default all. PYTHON is the interpreter, python3 by default.
set -euo pipefail
cd "$(dirname "$0")/.."

TOOLS=(build hypothesis pycocotools pytest pytest-timeout pytest-xdist "setuptools>=70" "transformers>=5" twine)
results=()

[ $# -gt 0 ] || set -- oldest newest lowest
for edge in "$@"; do
    venv=.venv-compat/$edge
    test -x "$venv/bin/python" || "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --upgrade pip setuptools
    # 'scipy>=1.11' becomes 'scipy==1.11': the lower bounds have to name releases, which fit together.
    "$venv/bin/python" -c "import re, setup
for line in [*setup.REQUIRED, *setup.SERVE, *setup.TRAIN]:
    print(re.sub('>=([^,]+).*', r'==\1', line))" > "$venv/lowest.txt"
    case $edge in
        oldest) grep '^modelscope\[' "$venv/lowest.txt" > "$venv/pins.txt" ;;
        newest) : > "$venv/pins.txt" ;;
        lowest) cp "$venv/lowest.txt" "$venv/pins.txt" ;;
        *) echo "No such edge: $edge" >&2; exit 2 ;;
    esac
    "$venv/bin/python" -m pip install --quiet --upgrade --upgrade-strategy eager \
        --editable ".[serve,train]" --requirement "$venv/pins.txt" "${TOOLS[@]}"
    echo "== $edge: $("$venv/bin/python" -m pip list --format freeze | grep -E '^(modelscope|numpy|torch)' | tr '\n' ' ')"
    if "$venv/bin/python" -m pytest -n auto tests/plugin tests/test_packaging.py; then
        results+=("$edge: passed")
    else
        results+=("$edge: FAILED")
    fi
done

printf '%s\n' "${results[@]}"
[[ "${results[*]}" != *FAILED* ]]
