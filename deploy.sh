#!/usr/bin/env bash
# Deploys this directory to a project on Google Cloud, and changes only what differs.
#
#   ./deploy.sh [--project P] [--region R] [--one-service] [--gateway] [--alerts EMAIL] [--dry-run]
#     [FUNCTION…]
#   ./deploy.sh --verify [--project P] [--region R] [--one-service]
#
# Without a FUNCTION, it deploys all of them. --one-service deploys `api` instead, which is all of
# them as one service; --gateway puts API Gateway in front. --dry-run changes nothing, and shows what
# would be done. A failure is shown; running the same command again goes on from there.
#
# --alerts makes metrics of the log, alerts that are sent to EMAIL, and a dashboard.
#
# --verify deploys nothing: it tries what is deployed, and ends with 0 where all of it holds, 1 where
# something failed, and 2 where something could not be tried.
#
# From the environment: CASELEDGER_… as in docs/operations.md, CASELEDGER_SECRETS="VARIABLE=secret:latest …"
# for values kept in Secret Manager, and CASELEDGER_DATABASE_LOCATION if the database shall not be
# in the region of the functions.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly ROOT
readonly AT_ONCE=4

project='' region='' dry_run='' gateway='' verify='' alerts=''
options=() functions=()

main() {
  read_arguments "$@"
  check_tools
  cd "$ROOT"
  choose_place
  work=$(mktemp -d)
  trap clean_up EXIT
  doing='checking what is asked for'
  deployment stage
  sign_in
  if [[ $verify ]]; then try_it; fi
  step services 'services'
  step accounts 'service accounts'
  step database 'database and its backups'
  step roles 'roles' # after the database: new accounts need a moment before they can be given any
  step_by_itself indexes 'indexes, fields and rules'
  deploy_functions
  step invokers 'who may call them'
  step_by_itself jobs 'Cloud Scheduler'
  if [[ $gateway ]]; then step gateway 'API Gateway'; fi
  if [[ $alerts ]]; then step_by_itself alerts 'metrics, alerts and dashboard'; fi
  doing=''
  if [[ $dry_run ]]; then say 'Nothing was written.'; else say "Done: $(address)"; fi
}

# Waits for running deployments, also after an interruption: they read the directory removed here.
clean_up() {
  wait
  rm -rf "$work"
}

# The address that shows whether it works.
address() {
  local function=health
  if [[ " ${options[*]} " == *' --one-service '* ]]; then function=api; fi
  printf 'https://%s-%s.cloudfunctions.net/%s/v1/health' "$region" "$project" "$function"
}

usage() {
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"
}

read_arguments() {
  while (($#)); do
    case $1 in
      --project | --region | --alerts)
        (($# > 1)) || refuse "$1 needs a value"
        set -- "$1=$2" "${@:3}"
        continue
        ;;
      --project=*) project=${1#*=} ;;
      --region=*) region=${1#*=} ;;
      --dry-run) dry_run=1 options+=("$1") ;;
      --gateway) gateway=1 options+=("$1") ;;
      --one-service) options+=("$1") ;;
      --verify) verify=1 ;;
      --alerts=*) alerts=1 options+=("$1") ;;
      -h | --help)
        usage
        exit
        ;;
      -*) refuse "unknown option $1" ;;
      *) functions+=("$1") ;;
    esac
    shift
  done
}

refuse() {
  printf 'deploy.sh: %s; see ./deploy.sh --help\n' "$1" >&2
  exit 2
}

check_tools() {
  ((BASH_VERSINFO[0] * 100 + BASH_VERSINFO[1] >= 404)) || refuse 'bash 4.4 or newer is needed'
  command -v gcloud >/dev/null || refuse 'gcloud is needed: https://cloud.google.com/sdk'
  "$ROOT/.venv/bin/python" -c 'import google.cloud.scheduler_v1' 2>/dev/null ||
    refuse 'run this first: make .venv/deployment'
}

choose_place() {
  if [[ ! $project ]]; then
    project=$(configured project)
    [[ $project ]] || refuse 'give --project, or do: gcloud config set project'
    say "Project $project, from gcloud's configuration."
  fi
  if [[ ! $region ]]; then
    region=$(configured functions/region)
    [[ $region ]] || refuse 'give --region, or do: gcloud config set functions/region'
    say "Region $region, from gcloud's configuration."
  fi
}

configured() {
  gcloud config get-value "$1" 2>/dev/null
}

# Runs a step of deployment/ by its name.
deployment() {
  .venv/bin/python -m deployment --project="$project" --region="$region" --work="$work" \
    "${options[@]}" -- "$1" "${functions[@]}" || stop
}

sign_in() {
  doing='signing in'
  GOOGLE_OAUTH_ACCESS_TOKEN=$(gcloud auth print-access-token --project="$project") ||
    stop 'Sign in (gcloud auth login), then'
  export GOOGLE_OAUTH_ACCESS_TOKEN
}

# Tries what is deployed, and ends with what came of it.
try_it() {
  local status=0
  .venv/bin/python -m deployment --project="$project" --region="$region" --work="$work" \
    "${options[@]}" -- verify || status=$?
  exit "$status"
}

# Makes the calls of gcloud that a step prints, one after the other.
step() {
  local plan what arguments
  title "$2"
  plan=$(deployment "$1") || exit
  while IFS=$'\t' read -r what arguments; do
    [[ $what ]] || continue
    say "  $what"
    call "$arguments" || stop
  done <<<"$plan"
}

# Runs a step that makes its changes itself.
step_by_itself() {
  title "$2"
  deployment "$1"
}

# Makes a call whose arguments are separated by tabs, or with --dry-run shows it.
call() {
  local arguments
  IFS=$'\t' read -r -a arguments <<<"$1"
  arguments+=("--project=$project" --quiet)
  if [[ $dry_run ]]; then
    printf '    gcloud'
    printf ' %q' "${arguments[@]}"
    printf '\n'
  else
    gcloud "${arguments[@]}" </dev/null >"$work/log" 2>&1 || { cat "$work/log" >&2 && return 1; }
  fi
}

deploy_functions() {
  local plan name arguments
  title 'functions'
  plan=$(deployment functions) || exit
  while IFS=$'\t' read -r name arguments; do
    [[ $name ]] || continue
    if [[ $dry_run ]]; then
      say "  $name" && call "$arguments"
      continue
    fi
    wait_for_a_place
    any_failed && break
    deploy "$name" "$arguments" &
  done <<<"$plan"
  wait
  if any_failed; then show_failures; fi
  if [[ $plan && ! $dry_run ]]; then sign_in; fi # a token does not last as long as many deployments
}

wait_for_a_place() {
  while (($(jobs -rp | wc -l) >= AT_ONCE)); do wait -n || true; done
}

deploy() {
  local arguments
  IFS=$'\t' read -r -a arguments <<<"$2"
  say "  $1 …"
  if gcloud "${arguments[@]}" --project="$project" --quiet </dev/null >"$work/$1.log" 2>&1; then
    say "  $1 is deployed"
  else
    mv "$work/$1.log" "$work/$1.failed"
  fi
}

any_failed() {
  compgen -G "$work/*.failed" >/dev/null
}

show_failures() {
  local log
  for log in "$work"/*.failed; do
    printf '\n--- %s was not deployed; gcloud says:\n' "$(basename "$log" .failed)" >&2
    cat "$log" >&2
  done
  stop
}

title() {
  doing=$1
  say "${1^}"
}

say() {
  printf '%s\n' "$1"
}

# Ends the script with a message: at which step, and how to go on. In a subshell it ends only that.
stop() {
  printf '\nStopped at: %s. %s run the same command again: it goes on from here.\n' \
    "$doing" "${1:-When that is put right,}" >&2
  exit 1
}

main "$@"
