#!/usr/bin/env bash
# What teams write by hand: the same rules (windows, blocked dates, traffic) in bash and jq, for
# comparison. It knows no openings, no daylight saving gaps and no windows over midnight.
# Exits as `shipgate check` does.
set -euo pipefail
policy=$1 at=$2 traffic=$3
json=$(awk '/^  [A-Za-z0-9._-]+: *\|/ {inside=1; next} inside' "$policy" |
  sed -E 's/^ *#.*$//; s/([[:space:]])#.*$/\1/' | tr '\n' ' ' | sed -E 's/,[[:space:]]*([]}])/\1/g')
status=10 decision=blocked-window
while IFS=$'\t' read -r zone hours days approval; do
  read -r day time date < <(TZ=$zone date -d "$at" '+%A %H:%M %F')
  blocked=$(jq -r --arg date "$date" '.blocked_dates // [] | index($date) != null' <<<"$json")
  [ "$blocked" = true ] && { status=10 decision=blocked-date; break; }
  case ",${days,,}," in *",${day,,},"* | *",${day:0:3},"*) ;; *) continue ;; esac
  start=${hours%-*} end=${hours#*-}
  if [[ ! $time < $start && $time < $end ]]; then
    status=0 decision=allowed
    [ "$approval" = true ] && status=11 decision=approval-required
    break
  fi
done < <(jq -r '.allowed_windows[] | [.timezone, .hours, (.days | join(",")), (.approval_required // false)] | @tsv' <<<"$json")
if [ "$status" != 10 ]; then
  above=$(jq -r --argjson now "$traffic" '.traffic_threshold | . != null and .action == "block_deployment" and $now > .max_requests_per_second' <<<"$json")
  [ "$above" = true ] && status=12 decision=blocked-traffic
fi
echo "$decision"
exit "$status"
