//! What the help of each command ends with: lines to copy, and what their exit codes say.

/// Of the program itself: where to begin.
pub const START: &str = r"Examples:
  shipgate demo                    the whole job on a small world, with nothing installed
  shipgate init                    a first configuration and policy from your manifests
  shipgate plan --help             flags and examples of a command
  shipgate explain 42              what an exit code means, and what to do next";

/// Of `check`.
pub const CHECK: &str = r"Examples:
  shipgate check --policy policies/production.yaml
  shipgate check --environment production --service shop --wait-for-window 2h
  shipgate check --policy policies/production.yaml --at 2026-12-24T15:00:00Z

Exit code 0: allowed; 10 to 14: not now, and the reason says when or who; 3: the policy is not valid.";

/// Of `next`.
pub const NEXT: &str = r"Examples:
  shipgate next --policy policies/production.yaml
  shipgate next --calendar
  shipgate next --policy policies/production.yaml --output ics > openings.ics";

/// Of `test`.
pub const TEST: &str = r"Examples:
  shipgate test
  shipgate test --policy policies/production.yaml

Exit code 0: every case decides as expected; 4: one does not.";

/// Of `plan`.
pub const PLAN: &str = r"Examples:
  shipgate plan --service shop --environment production --version 1.1
  shipgate plan --service shop --environment production --version 1.1 --output json
  shipgate plan --traffic-plan --requests-per-second 100 --baseline 0.01 --step 5:10m --step 50:10m

It exits as the gate of `deploy` would.";

/// Of `set`.
pub const SET: &str = r"Examples:
  shipgate set --files 'clusters/prod/*.yaml' --image registry.example/shop:1.1 --dry-run
  shipgate set --files 'clusters/prod/*.yaml' --ingress shop-canary --weight 25
  shipgate set --files 'clusters/prod/*.yaml' --workload Deployment/shop --replicas 3";

/// Of `deploy`.
pub const DEPLOY: &str = r"Examples:
  shipgate deploy --service shop --environment production --version 1.1
  shipgate deploy --service shop --environment production --version 1.1 --dry-run
  shipgate deploy --service shop=1.1,cart=2.0 --environment production
  shipgate deploy --all --environment production --version 1.1 --one-commit

Exit code 0: live and verified, or already so; below 40 the branch is as it was found;
40: taken back. `shipgate explain` lists them all.";

/// Of `verify`.
pub const VERIFY: &str = r"Examples:
  shipgate verify --service shop --environment production --version 1.1

Exit code 0: good; 22: worse; 21: undecided; 20: the providers do not answer.";

/// Of `rollback`.
pub const ROLLBACK: &str = r"Examples:
  shipgate rollback --service shop --environment production
  shipgate rollback --service shop --environment production --to 1.0
  shipgate rollback --service shop --environment production --dry-run";

/// Of `recover`.
pub const RECOVER: &str = r"Examples:
  shipgate recover --service shop --environment production
  shipgate recover --all --environment production
  shipgate recover --if-unfinished

Safe at any time: where no run is unfinished it changes nothing.";

/// Of `cleanup`.
pub const CLEANUP: &str = r"Examples:
  shipgate cleanup --service shop --environment production";

/// Of `approve`.
pub const APPROVE: &str = r"Examples:
  shipgate approve --service shop --environment production --version 1.1 --push
  shipgate approve --service shop --environment production --version 1.1 \
    --key ~/.ssh/id_ed25519 --out approval.json";

/// Of `history`.
pub const HISTORY: &str = r"Examples:
  shipgate history --environment production
  shipgate history --service shop,cart --environment production --since 30d --output json
  shipgate history --environment production --audit --since 90d

With --audit, exit code 4: something changed that no run explains.";

/// Of `init`.
pub const INIT: &str = r"Examples:
  shipgate init
  shipgate init --dry-run
  shipgate init --timezone Europe/Berlin --ci github
  shipgate init --root clusters/prod --address https://{service}.shop.example \
    --prometheus https://prometheus.shop.example

It asks nothing and overwrites nothing: what it guesses is marked in the files.";

/// Of `runbook`.
pub const RUNBOOK: &str = r"Examples:
  shipgate runbook --out ROLLBACK.md
  shipgate runbook --service shop --environment production \
    --repository https://git.example/shop/gitops.git";

/// Of `validate`.
pub const VALIDATE: &str = r"Examples:
  shipgate validate
  shipgate validate --strict shipgate.yaml policies/production.yaml";

/// Of `demo`.
pub const DEMO: &str = r"Examples:
  shipgate demo
  shipgate demo --scenario drill";

/// Of `schema`.
pub const SCHEMA: &str = r"Examples:
  shipgate schema config > shipgate.schema.json
  shipgate schema report";

/// Of `explain`.
pub const EXPLAIN: &str = r"Examples:
  shipgate explain
  shipgate explain 43
  shipgate explain blocked-date";

/// Of `completions`.
pub const COMPLETIONS: &str = r#"Examples:
  shipgate completions bash > /etc/bash_completion.d/shipgate
  shipgate completions zsh > "${fpath[1]}/_shipgate"
  shipgate completions fish > ~/.config/fish/completions/shipgate.fish"#;

/// Of `man`.
pub const MAN: &str = r"Examples:
  shipgate man | man -l -
  shipgate man deploy | man -l -
  shipgate man --dir /usr/local/share/man/man1";

/// Of `ci`, all of whose inputs are variables.
pub const CI: &str = r"Examples:
  SHIPGATE_COMMAND=check SHIPGATE_SERVICE=shop SHIPGATE_ENVIRONMENT=production shipgate ci
  SHIPGATE_SERVICE=shop SHIPGATE_ENVIRONMENT=production SHIPGATE_VERSION=1.1 shipgate ci

Every flag `--some-flag` of a command is the variable `SHIPGATE_SOME_FLAG`; without `SHIPGATE_COMMAND` it
is `deploy`. `SHIPGATE_TOKEN` has the token of the repository.";

/// Of `compare`.
pub const COMPARE: &str = "\
Examples:
  shipgate compare --canary 45/5000 --stable 380/95000
  shipgate compare --polls polls.csv --dispersion 1
  shipgate compare --canary 12/5000 --max-rate 0.001
  shipgate compare --service ads --environment production --from -30m
  shipgate compare --service ads --version 1.1 --stable-version 1.0 \\
    --from 2026-03-10T10:00:00Z --to 2026-03-10T10:30:00Z \\
    --stable-from 2026-03-09T10:00:00Z --stable-to 2026-03-09T11:00:00Z

The file has the header n_canary,bad_canary,n_stable,bad_stable and a poll a line.
With --from, the comparisons of the configuration are asked of their provider.
Exit code 0: good enough; 22: worse than tolerated; 21: undecided, or no data;
20: the provider does not answer.";
