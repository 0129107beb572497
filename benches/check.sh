#!/usr/bin/env bash
# What teams write by hand: the same window rules in bash and jq, for comparison. It knows no openings,
# no daylight saving gaps and no windows over midnight.
set -euo pipefail
policy=$1 at=$2
json=$(awk '/^  [A-Za-z0-9._-]+: *\|/ {inside=1; next} inside' "$policy" |
  sed -E 's/^ *#.*$//; s/([[:space:]])#.*$/\1/' | tr '\n' ' ' | sed -E 's/,[[:space:]]*([]}])/\1/g')
decision=blocked
while IFS=$'\t' read -r zone hours days approval; do
  read -r day time date < <(TZ=$zone date -d "$at" '+%A %H:%M %F')
  blocked=$(jq -r --arg date "$date" '.blocked_dates // [] | index($date) != null' <<<"$json")
  [ "$blocked" = true ] && { decision=blocked; break; }
  case ",${days,,}," in *",${day,,},"* | *",${day:0:3},"*) ;; *) continue ;; esac
  start=${hours%-*} end=${hours#*-}
  if [[ ! $time < $start && $time < $end ]]; then
    decision=allowed
    [ "$approval" = true ] && decision=approval-required
    break
  fi
done < <(jq -r '.allowed_windows[] | [.timezone, .hours, (.days | join(",")), (.approval_required // false)] | @tsv' <<<"$json")
echo "$decision"
[ "$decision" = allowed ]
