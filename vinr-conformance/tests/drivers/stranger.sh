#!/bin/sh
# A driver by other hands, from spec/harness.md section 2 alone: one JSON question on its input, one JSON answer on its output,
# exit code 127 where it cannot. Its hands are a terminal's control port, whose file it is given.
#
#   exec:sh stranger.sh CONTROL_FILE
set -eu

read -r question
id=$(printf %s "$question" | sed -n 's/.*"id":"\([^"]*\)".*/\1/p')
word=$(printf %s "$question" | sed -n 's/.*"question":"\([^"]*\)".*/\1/p')

case $word in
    present_card | remove_card | enter_pin | observe_screen | power_cycle | read_ledger | set_host) ;;
    *) exit 127 ;;
esac

url=$(sed -n 's/.*"url": *"\([^"]*\)".*/\1/p' "$1")
token=$(sed -n 's/.*"token": *"\([^"]*\)".*/\1/p' "$1")
answer=$(printf %s "$question" | curl --silent --fail --max-time 30 --header "Authorization: Bearer $token" \
    --header 'Content-Type: application/json' --data-binary @- "$url/v1/question") ||
    answer="{\"id\":\"$id\",\"answer\":\"cannot\",\"why\":\"the arm does not move\"}"
printf '%s\n' "$answer"
