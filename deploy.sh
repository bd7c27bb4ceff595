#!/usr/bin/env bash
# Deploys this directory to a project on Google Cloud, and changes only what differs.
#
#   ./deploy.sh [--project P] [--region R] [--one-service] [--edge gateway|none] [--edge-region L]
#               [--no-wait] [--rollback RELEASE|DIGEST] [--replace-functions] [--alerts EMAIL] [--dry-run]
#               [FUNCTION…]
#   ./deploy.sh --verify [--project P] [--region R] [--one-service] [--edge-region L]
#
# One image is built, once for each release; every function is a Cloud Run service of it. Without a
# FUNCTION, it deploys all of them. --one-service deploys `api` instead, which is all of them as one
# service. --edge: API Gateway in front of all of them (the default, but not with --one-service), at
# --edge-region where the region has none; or none, for a load balancer of your own. --rollback
# applies the image of an earlier release, without a build. --no-wait deploys before the indexes are
# ready. --dry-run changes nothing, and shows what would be done. A failure is shown; running the
# same command again goes on from there.
#
# --replace-functions removes the Cloud Functions of release 1.0.0 before it makes services of their
# names: for some minutes nobody answers. Without it, deploy.sh stops where there are any.
#
# --alerts makes metrics of the log, alerts that are sent to EMAIL, and a dashboard.
#
# --verify deploys nothing: it tries what is deployed, and ends with 0 where all of it holds, 1 where
# something failed, and 2 where something could not be tried.
#
# From the environment: CASELEDGER_… as in docs/operations.md, CASELEDGER_SECRETS="VARIABLE=secret:latest …"
# for values kept in Secret Manager, CASELEDGER_DATABASE_LOCATION if the database shall not be in the
# region of the functions, and CASELEDGER_VPC="network/subnetwork" for a Redis at a private address.
set -euo pipefail

ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
readonly ROOT

project='' region='' dry_run='' verify='' alerts=''
options=() functions=()

main() {
  read_arguments "$@"
  check_tools
  cd "$ROOT"
  choose_place
  work=$(mktemp -d)
  printf 'checking what is asked for' >"$work/doing" # from then on, the steps write what they do
  trap clean_up EXIT
  deployment stage
  sign_in
  if [[ $verify ]]; then try_it; fi
  # Roles come after the database: new accounts need a moment before they can be given any.
  deployment services accounts database key roles indexes image ready
  if [[ -e $work/slow ]]; then sign_in; fi # a token lasts an hour, and what was built may take long
  steps=(edge functions jobs gateway)
  if [[ $alerts ]]; then steps+=(alerts); fi
  if [[ ! $dry_run ]]; then steps+=(address); fi
  deployment "${steps[@]}"
  if [[ $dry_run ]]; then say 'Nothing was written.'; fi
}

clean_up() {
  rm -rf "$work"
}

usage() {
  sed -n '2,/^set /{/^#/s/^# \{0,1\}//p;}' "${BASH_SOURCE[0]}"
}

read_arguments() {
  while (($#)); do
    case $1 in
      --project | --region | --alerts | --edge | --edge-region | --rollback)
        (($# > 1)) || refuse "$1 needs a value"
        set -- "$1=$2" "${@:3}"
        continue
        ;;
      --project=*) project=${1#*=} ;;
      --region=*) region=${1#*=} ;;
      --dry-run) dry_run=1 options+=("$1") ;;
      --edge=* | --edge-region=* | --rollback=* | --one-service | --no-wait | --replace-functions) options+=("$1") ;;
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
  "$ROOT/.venv/bin/python" -c 'import importlib.util as i, sys; sys.exit(not i.find_spec("google.cloud.scheduler_v1"))' 2>/dev/null ||
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

# Runs steps of deployment/ by their names, in one process.
deployment() {
  local IFS=,
  .venv/bin/python -m deployment --project="$project" --region="$region" --work="$work" \
    "${options[@]}" -- "$*" "${functions[@]}" || stop "$(<"$work/doing")"
}

sign_in() {
  GOOGLE_OAUTH_ACCESS_TOKEN=$(gcloud auth print-access-token --project="$project") ||
    stop 'signing in' 'Sign in (gcloud auth login), then'
  export GOOGLE_OAUTH_ACCESS_TOKEN
}

# Tries what is deployed, and ends with what came of it.
try_it() {
  local status=0
  .venv/bin/python -m deployment --project="$project" --region="$region" --work="$work" \
    "${options[@]}" -- verify || status=$?
  exit "$status"
}

say() {
  printf '%s\n' "$1"
}

# Ends the script with a message: at which step it stopped, and how to go on.
stop() {
  printf '\nStopped at: %s. %s run the same command again: it goes on from here.\n' \
    "$1" "${2:-When that is put right,}" >&2
  exit 1
}

main "$@"
