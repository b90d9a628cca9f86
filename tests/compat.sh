#!/usr/bin/env bash
# Runs the tests at the edges of what setup.py admits, each in an environment of its own under .venv-compat:
#   oldest: the oldest ModelScope, and the newest of everything else
#   newest: the newest of everything
#   lowest: the lowest version of every requirement
# Left out are the tests of the command line and of the documents, and what needs a browser, Ray or Gradio.
# Arguments name the edges to run, by default all. PYTHON is the interpreter, python3 by default.
set -euo pipefail
cd "$(dirname "$0")/.."

TOOLS=(build hypothesis pycocotools pytest pytest-timeout pytest-xdist "setuptools>=70" "transformers>=5" twine)
ROOMS=(tests/test_packaging.py tests/{card,checkpoints,coco,data,evaluation,images,inference,kernels,models,parity})
ROOMS+=(tests/{plugin,runs,scenes,serving,training} --ignore tests/evaluation/test_page.py)
ROOMS+=(--ignore tests/runs/test_ray_engine.py --ignore tests/serving/test_ray_replicas.py)
results=()

[ $# -gt 0 ] || set -- oldest newest lowest
for edge in "$@"; do
    venv=.venv-compat/$edge
    test -x "$venv/bin/python" || "${PYTHON:-python3}" -m venv "$venv"
    "$venv/bin/python" -m pip install --quiet --upgrade pip setuptools
    # 'scipy>=1.11' becomes 'scipy==1.11': the lower bounds have to name releases, which fit together.
    "$venv/bin/python" -c "import re, setup
for line in [*setup.REQUIRED, *setup.HEIF, *setup.SERVE, *setup.SUPERVISION, *setup.TRAIN]:
    print(re.sub('>=([^,]+).*', r'==\1', line))" > "$venv/lowest.txt"
    case $edge in
        oldest) grep '^modelscope\[' "$venv/lowest.txt" > "$venv/pins.txt" ;;
        newest) : > "$venv/pins.txt" ;;
        lowest) cp "$venv/lowest.txt" "$venv/pins.txt" ;;
        *) echo "No such edge: $edge" >&2; exit 2 ;;
    esac
    "$venv/bin/python" -m pip install --quiet --upgrade --upgrade-strategy eager \
        --editable ".[export,heif,serve,supervision,train]" --requirement "$venv/pins.txt" "${TOOLS[@]}"
    echo "== $edge: $("$venv/bin/python" -m pip list --format freeze | grep -E '^(modelscope|numpy|torch)' | tr '\n' ' ')"
    if "$venv/bin/python" -m pytest -n auto "${ROOMS[@]}"; then
        results+=("$edge: passed")
    else
        results+=("$edge: FAILED")
    fi
done

printf '%s\n' "${results[@]}"
[[ "${results[*]}" != *FAILED* ]]
